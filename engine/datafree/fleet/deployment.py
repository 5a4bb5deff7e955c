"""What a deployment asks of the fleet: one message to every device, and so many answers of each."""

from typing import TYPE_CHECKING

import numpy as np

from engine.core.nodes import SERVER
from engine.costs.trace import Trace, TraceBuilder
from engine.costs.work import Work
from engine.datafree.fleet.devices import precision_of
from engine.datafree.rounding.folding import fold_graph
from engine.datafree.rounding.quantized_state import quantized_bytes
from engine.models.graph import Graph
from engine.models.profile import Profile
from engine.task.contract import Context

if TYPE_CHECKING:
    from engine.datafree.task import Datafree


def final_of(task: "Datafree") -> str:
    """Name of the contender that is deployed."""
    if task.quantizer is not None:
        return "quantized"
    if task.pruner is not None:
        return "pruned"
    return "teacher" if task.student is None else "student"


def expected_bytes(task: "Datafree", graph: Graph) -> int:
    """Bytes of the weights of the final model, without what a file says around them.

    Args:
        task: whether it is quantized, and how.
        graph: its network, before normalization is folded into it.
    """
    if task.quantizer is None:
        return graph.parameter_bytes
    return quantized_bytes(fold_graph(graph), task.quantizer)


def deployment_trace(task: "Datafree", context: Context, costs: Profile, num_bytes: int) -> Trace:
    """The message with the final model to every device, then its answers.

    Args:
        task: says how many answers.
        context: the fleet.
        costs: of the final model.
        num_bytes: of its weights.
    """
    fleet, builder = context.fleet, TraceBuilder()
    devices = np.arange(fleet.num_devices)
    arrived = builder.send(SERVER, devices, num_bytes, new_connection=True, phase="download")
    if task.deployment.inferences_per_device:
        for group, kind in enumerate(fleet.kinds):
            mine = devices[int(fleet.starts[group]) : int(fleet.starts[group + 1])]
            precision = precision_of(kind, costs, is_quantized=computes_integers(task))
            if precision is not None:
                work = Work.from_profile(costs, precision=precision)
                count = task.deployment.inferences_per_device
                builder.compute(mine, work, count, mode="infer", after=arrived[mine], phase="inference")
    return builder.build()


def computes_integers(task: "Datafree") -> bool:
    """Whether activations are whole numbers too, so that a device may compute with them."""
    return task.quantizer is not None and task.quantizer.activation_bits == 8
