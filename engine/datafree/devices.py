"""What one answer of a model costs on each kind of device of the fleet."""

import numpy as np

from engine.core.json import JsonValue
from engine.core.operators import OPERATOR_CLASSES
from engine.costs.model import CostModel
from engine.costs.trace import TraceBuilder
from engine.costs.work import Work
from engine.fleet.device import Device, Precision
from engine.models.profile import Profile
from engine.task.contract import Context


def can_compute(device: Device, costs: Profile, precision: Precision = "float") -> bool:
    """Whether a speed of the device is known for all that the model asks."""
    return all(device.rate(op, precision) is not None for op in OPERATOR_CLASSES if costs.macs.get(op, 0))


def device_rows(context: Context, costs: Profile, *, is_quantized: bool = False) -> list[dict[str, JsonValue]]:
    """One answer on the first device of each group: seconds and joules, None where no speed is known.

    Args:
        context: fleet and network.
        costs: of the model.
        is_quantized: whether its arithmetic is of 8-bit integers, on devices that have any.
    """
    fleet, rows = context.fleet, []
    for group, kind in enumerate(fleet.kinds):
        precision = precision_of(kind, costs, is_quantized=is_quantized)
        latency_s, energy_j = None, None
        if precision is not None:
            latency_s, energy_j = _one_answer(context.cost_model, int(fleet.starts[group]), costs, precision)
        row: dict[str, JsonValue] = {"group": fleet.names[group], "device": kind.name}
        rows.append({**row, "arithmetic": precision, "latency_s": latency_s, "energy_j": energy_j})
    return rows


def precision_of(device: Device, costs: Profile, *, is_quantized: bool) -> Precision | None:
    """The arithmetic in which a device computes a model; None if no speed is known of either."""
    wanted: tuple[Precision, ...] = ("int8", "float") if is_quantized else ("float",)
    return next((precision for precision in wanted if can_compute(device, costs, precision)), None)


def _one_answer(model: CostModel, device: int, costs: Profile, precision: Precision) -> tuple[float, float]:
    builder = TraceBuilder()
    builder.compute(np.array([device]), Work.from_profile(costs, precision=precision), 1, mode="infer")
    ledger = model.cost(builder.build(), method="closed_form").ledger
    totals = ledger.totals()
    return float(totals["device_time_s"]), float(totals["energy_j"])
