"""The same experiment on another fleet and network: whether a finished run may be re-costed there, and what as."""

import json
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from engine.core.allowance import Allowance
from engine.core.component import Component
from engine.core.errors import Problem, SpecError
from engine.costs.recost import recost
from engine.costs.sheet import MOST_POINTS, Sheet, sheet_of
from engine.costs.timing import SAMPLES, Method
from engine.costs.trace import Trace
from engine.costs.use_sheet import UseSheet, use_sheet_of
from engine.specs.checks import check, components
from engine.specs.experiment import ExperimentSpec
from engine.specs.messages import problems_of, shown
from engine.specs.overlay import Saved
from engine.specs.text import parse_tree, tree_of
from engine.specs.what_if import WhatIf


def obstacles(spec: ExperimentSpec) -> list[Problem]:
    """A problem for each component by which learning depends on simulated time or energy."""
    return [
        Problem(path, "reads_costs", f"{type(part).__name__} depends on simulated time or energy{_TAIL}")
        for path, part in components(spec, Component)
        if part.depends_on_costs
    ]


_TAIL = ", so on another fleet or network the run itself would have gone another way: run it there"


def elsewhere(
    spec: ExperimentSpec, change: WhatIf, *, saved: Saved | None = None, allowance: Allowance | None = None
) -> ExperimentSpec:
    """The experiment of a finished run on another fleet or network.

    Args:
        spec: a cell, without a sweep.
        change: what is otherwise.
        saved: gives saved parts by family and id; without it ``{saved: id}`` is an error.
        allowance: what may be computed to find out whether all fits together; by default all that it takes.

    Raises:
        SpecError: what is given is wrong or does not fit the run, or re-costing is not valid.
    """
    refuse(obstacles(spec))
    moved = _moved(spec, change, saved, allowance)
    refuse([*_other_devices(spec, moved), *change.check(moved.fleet)])
    devices = change.fleet_of(moved.fleet)
    changed = moved.model_copy(update={"fleet": devices, "network": change.network_of(moved.network, devices)})
    if changed != moved:
        refuse(check(changed, allowance))
    refuse(obstacles(changed))
    return changed


def _moved(spec: ExperimentSpec, change: WhatIf, saved: Saved | None, allowance: Allowance | None) -> ExperimentSpec:
    """The experiment with the other fleet and network, before they are changed."""
    if change.fleet is None and change.network is None:
        return spec
    tree = tree_of(spec)
    for name in ("fleet", "network"):
        other = getattr(change, name)
        if other is not None:
            tree[name] = other[name] if isinstance(other.get(name), dict) else other
    return parse_tree(tree, saved=saved, allowance=allowance)


def refuse(problems: Sequence[Problem]) -> None:
    """Go on only if there is no problem.

    Raises:
        SpecError: there are.
    """
    if problems:
        raise SpecError(problems)


def _other_devices(spec: ExperimentSpec, moved: ExperimentSpec) -> list[Problem]:
    """Cohorts are drawn from all devices: with more or fewer of them others would have taken part."""
    had, has = spec.fleet.num_devices, moved.fleet.num_devices
    if had == has:
        return []
    message = f"the run had {had:,} devices, and who took part was drawn from them; given: {has:,}"
    return [Problem("fleet.groups", "other_devices", message)]


def checked(tree: Any) -> WhatIf:
    """The change that a plain tree describes.

    Raises:
        SpecError: every field that is wrong.
    """
    if not isinstance(tree, dict):
        raise SpecError([Problem("", "wrong_type", f"this is a mapping of fields; given {shown(tree)}")])
    try:
        return WhatIf.model_validate_json(json.dumps(tree), strict=True)
    except ValidationError as error:
        raise SpecError(problems_of(error, WhatIf, tree)) from error


def sheet(
    trace: Trace,
    spec: ExperimentSpec,
    seed: int,
    *,
    points: int = MOST_POINTS,
    method: Method = "closed_form",
    samples: int = SAMPLES,
) -> Sheet:
    """What a trace costs on the fleet and network of a spec; see :func:`engine.costs.sheet.sheet_of`.

    Args:
        trace: what the run did.
        spec: where it happens.
        seed: seed of the run, by which random topologies are drawn.
        points: most entries of the times of rounds.
        method: how times are found; a Monte Carlo adds percentiles.
        samples: how often a Monte Carlo draws.

    Raises:
        EngineError: a device cannot do the work, or two nodes are not connected.
    """
    fleet = spec.fleet.resolve()
    network = spec.network.resolve(fleet, seed)
    return sheet_of(recost(trace, fleet, network, method=method, samples=samples), network, points=points)


def use(trace: Trace, spec: ExperimentSpec, seed: int, *, points: int = MOST_POINTS) -> UseSheet:
    """How a trace uses the links of a spec's network; see :func:`engine.costs.use_sheet.use_sheet_of`.

    Args:
        trace: what the run did.
        spec: where it happens.
        seed: seed of the run, by which random topologies are drawn.
        points: most entries of a course.

    Raises:
        EngineError: a device cannot do the work, or two nodes are not connected.
    """
    fleet = spec.fleet.resolve()
    network = spec.network.resolve(fleet, seed)
    return use_sheet_of(trace, network, recost(trace, fleet, network), points=points)
