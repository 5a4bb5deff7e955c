"""What one answer of a model costs on each kind of device of the fleet, and whether it fits."""

from engine.core.json import JsonValue
from engine.core.operators import OPERATOR_CLASSES
from engine.datafree.fleet.budget import budget
from engine.datafree.fleet.footprint import PRECISIONS, Precision
from engine.fleet import device
from engine.fleet.device import Device
from engine.models.graph import Graph
from engine.models.profile import Profile
from engine.task.contract import Context

ROOM = ("fits", "excess_bytes", "flash_needed", "flash_available", "ram_needed", "ram_available")
"""What is told of each precision."""


def can_compute(kind: Device, costs: Profile, precision: device.Precision = "float") -> bool:
    """Whether a speed of the device is known for all that the model asks."""
    return all(kind.rate(op, precision) is not None for op in OPERATOR_CLASSES if costs.macs.get(op, 0))


def precision_of(kind: Device, costs: Profile, *, is_quantized: bool) -> device.Precision | None:
    """The arithmetic in which a device computes a model; None if no speed is known of either."""
    wanted: tuple[device.Precision, ...] = ("int8", "float") if is_quantized else ("float",)
    return next((precision for precision in wanted if can_compute(kind, costs, precision)), None)


def device_rows(context: Context, graph: Graph, precision: Precision) -> list[JsonValue]:
    """One answer on each group's devices: seconds and joules, and what fits at which precision.

    Args:
        context: has the fleet.
        graph: the network.
        precision: that of the model as it is; figures without a precision are of it.
    """
    found = {name: [row.as_json() for row in budget(graph, context.fleet, name)] for name in PRECISIONS}
    return [
        {
            **{name: own[name] for name in ("group", "device", "latency_s", "energy_j", "fits", "excess_bytes")},
            "precision": {name: {part: found[name][number][part] for part in ROOM} for name in PRECISIONS},
        }
        for number, own in enumerate(found[precision])
    ]
