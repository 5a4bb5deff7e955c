"""Who wins where: the plans of a design over bandwidths, round-trip times and numbers of devices."""

import json
import math
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from engine.core.allowance import NotForeseen
from engine.core.component import Component
from engine.core.errors import EngineError, Problem, SpecError
from engine.core.json import JsonValue
from engine.inference.plans.planning import Planning
from engine.inference.plans.prices import MOST_NODES
from engine.inference.plans.proposals import proposals_of
from engine.inference.plans.winners import contest
from engine.network.choice import link_of
from engine.specs.experiment import ExperimentSpec
from engine.specs.messages import problems_of
from engine.specs.plans import planning_of
from engine.specs.what_if import Factor, WhatIf

AXES = ("bandwidth", "rtt", "devices")
"""What can be varied, one or two at a time."""

MOST_VALUES = 9


class PlanSweep(Component):
    """Where plans are compared: one or two of bandwidth, round-trip time and number of devices."""

    bandwidth: tuple[Factor, ...] = Field(default=(), max_length=MOST_VALUES)
    """Factors on the rates of the devices' links."""

    rtt: tuple[Annotated[float, Field(ge=0, le=1000)], ...] = Field(default=(), max_length=MOST_VALUES)
    """Factors on their round-trip times."""

    devices: tuple[Annotated[int, Field(ge=1, le=MOST_NODES)], ...] = Field(default=(), max_length=MOST_VALUES)
    """Numbers of devices of one group."""

    group: str | None = Field(default=None, max_length=40)
    """The group whose number of devices varies; the largest one if left out."""

    @model_validator(mode="after")
    def _check_axes(self) -> Self:
        if not 1 <= len(self.axes) <= 2:
            given = {"given": ", ".join(self.axes) or "none"}
            raise PydanticCustomError("axes", "One or two of bandwidth, rtt and devices vary; given: {given}", given)
        return self

    @property
    def axes(self) -> dict[str, tuple[float, ...]]:
        """The values of each axis."""
        return {name: getattr(self, name) for name in AXES if getattr(self, name)}


def sweep_of(tree: Mapping[str, Any]) -> PlanSweep:
    """What varies, as a plain tree says.

    Raises:
        SpecError: every field that is wrong, at its place below ``sweep``.
    """
    try:
        return PlanSweep.model_validate_json(json.dumps(tree), strict=True)
    except ValidationError as error:
        found = problems_of(error, PlanSweep, tree)
        raise SpecError(Problem(f"sweep.{one.path}".rstrip("."), one.code, one.message) for one in found) from error


def winners(
    spec: ExperimentSpec, planning: Planning, sweep: PlanSweep, assignment: Mapping[str, int] | None = None
) -> dict[str, JsonValue]:
    """The best plan at each point, asked of placers and cost model; nothing is trained.

    Args:
        spec: the design.
        planning: of the design as it is; what it allows, all points share.
        sweep: what varies.
        assignment: a plan by hand that takes part.

    Returns:
        As JSON: ``axes`` (name and values), ``group`` whose devices vary, ``link`` of the device that asks as it is,
        ``points`` in the order of the axes, the last one fastest: ``at``, ``winner``, ``plans``, or ``problem``.

    Raises:
        SpecError: there is no such group.
        NotForeseen: it may take longer than the planning allows.
    """
    asking = spec.fleet.groups[int(planning.context.fleet.group_of[planning.ends.origin])].name
    group = varied_group(spec, sweep)
    axes = sweep.axes
    others = spec.fleet.num_devices - spec.fleet.group_counts()[group]
    each = math.prod(map(len, axes.values())) // len(sweep.devices or (1,))
    _refuse_long(planning, each, [others + count for count in sweep.devices] or [spec.fleet.num_devices])
    points: list[JsonValue] = []
    for at in product(*axes.values()):
        point: dict[str, JsonValue] = {"at": list(at)}
        try:
            changed = _elsewhere(spec, dict(zip(axes, at, strict=True)), group)
            found = contest(proposals_of(planning_of(changed, planning.context.allowance)), assignment)
            points.append({**point, **found.as_json()})
        except EngineError as error:
            points.append({**point, "winner": None, "num_devices": 0, "plans": {}, "problem": str(error)})
    listed: JsonValue = [{"name": name, "values": list(values)} for name, values in axes.items()]
    link = link_of(spec.network.link_of(asking))
    return {
        "axes": listed,
        "group": group if "devices" in axes else None,
        "link": {"group": asking, "up_rate_bps": link.up_rate.value, "rtt_s": link.rtt.value},
        "points": points,
    }


def _refuse_long(planning: Planning, times: int, num_devices: Sequence[int]) -> None:
    """Go on only if the plans of all points, so many for each number of devices, take no longer than is allowed.

    Raises:
        NotForeseen: they are not.
    """
    allowance, efforts = planning.context.allowance, [planning.effort(count) for count in num_devices]
    known = [effort for effort in efforts if effort is not None]
    if allowance is not None and (len(known) < len(efforts) or not allowance.covers(times * sum(known))):
        raise NotForeseen("the plans of all points may take longer than somebody should wait")


def varied_group(spec: ExperimentSpec, sweep: PlanSweep) -> str:
    """The group whose number of devices varies.

    Raises:
        SpecError: the fleet has no such group.
    """
    counts = spec.fleet.group_counts()
    if sweep.group is not None and sweep.group not in counts:
        message = f"the fleet has no group {sweep.group!r}; allowed are {', '.join(counts)}"
        raise SpecError([Problem("sweep.group", "unknown_group", message)])
    return sweep.group or max(counts, key=lambda name: counts[name])


def _elsewhere(spec: ExperimentSpec, values: Mapping[str, float], group: str) -> ExperimentSpec:
    """The design with other links or another number of devices."""
    fleet = spec.fleet
    if "devices" in values:
        changed = tuple(
            one.model_copy(update={"count": int(values["devices"])}) if one.name == group else one
            for one in fleet.groups
        )
        fleet = fleet.model_copy(update={"groups": changed})
    change = WhatIf(bandwidth=values.get("bandwidth", 1.0), latency=values.get("rtt", 1.0))
    return spec.model_copy(update={"fleet": fleet, "network": change.network_of(spec.network, fleet)})
