"""How far off a figure may be, by where it comes from: what turns an estimate into a range."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from engine.core.figure import Figure, Provenance
from engine.core.operators import OPERATOR_CLASSES
from engine.costs.model import CostModel
from engine.fleet.device import Device
from engine.fleet.rates import ColdRates, TrainingPasses
from engine.network.link import Link

TOLERANCES: Mapping[Provenance, float] = {
    "read": 1.1,
    "derived": 1.25,
    "recalled": 2.0,
    "user": 1.0,
    "calibrated": 1.05,
}
"""Factor by which a figure may be too high or too low. Judgments, not measurements: a benchmark that was read is one
workload on one board; a derived figure rests on a rule of proportion; a recalled one is right to a factor of two; what
a user enters is taken as it is. They apply to all figures at once, so the range is wide rather than likely."""

GOOD = frozenset(
    {
        *("conv_rate", "depthwise_rate", "linear_rate", "recurrent_rate", "other_rate"),
        *("int8_conv_rate", "int8_depthwise_rate", "int8_linear_rate", "up_rate", "down_rate"),
        *("slow_share", *OPERATOR_CLASSES),
    }
)
"""Figures of which more is better: speeds, also those by operator class."""

FIXED = frozenset(
    {"ram_bytes", "flash_bytes", "fast_memory_bytes", "duty_cycle"}
    | {"frame_payload", "frame_header", "fragment_payload", "fragment_header"}
)
"""Figures that no range covers: sizes and rules, not measurements."""

MOST: Mapping[str, float] = {"loss": 0.25, "slow_share": 1.0}
"""Bounds of figures that are shares."""

P = TypeVar("P", Device, Link, ColdRates, TrainingPasses)


def shifted(model: CostModel, *, better: bool) -> CostModel:
    """The same fleet and network with every figure at the good or the bad end of its tolerance.

    Args:
        model: the cost model as it is.
        better: whether to take the good ends.
    """
    fleet, network = model.fleet, model.network
    kinds = [_shift(kind, better=better) for kind in fleet.kinds]
    links = tuple(_shift(link, better=better) for link in network.links)
    return CostModel(
        fleet.with_kinds(kinds),
        replace(network, table=replace(network.table, links=links)),
    )


def _shift(part: P, *, better: bool) -> P:
    changed: dict[str, object] = {}
    for name in type(part).model_fields:
        figure = getattr(part, name)
        if isinstance(figure, ColdRates):
            changed[name] = _shift(figure, better=better)
        elif isinstance(figure, TrainingPasses):
            changed[name] = _shift(figure, better=not better)  # fewer passes are better
        elif isinstance(figure, Figure) and name not in FIXED:
            factor = TOLERANCES[figure.provenance]
            raised = (name in GOOD) == better
            value = figure.value * factor if raised else figure.value / factor
            changed[name] = figure.model_copy(update={"value": min(value, MOST.get(name, value))})
    return part.model_copy(update=changed)
