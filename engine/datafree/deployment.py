"""What a deployment asks of the fleet: one message to every device, and so many answers of each."""

from typing import TYPE_CHECKING

import numpy as np

from engine.core.nodes import SERVER
from engine.costs.trace import Trace, TraceBuilder
from engine.costs.work import Work
from engine.datafree.devices import precision_of
from engine.models.profile import Profile
from engine.task.contract import Context

if TYPE_CHECKING:
    from engine.datafree.task import Datafree


def final_of(task: "Datafree") -> str:
    """Name of the contender that is deployed."""
    return "teacher" if task.student is None else "student"


def deployment_trace(task: "Datafree", context: Context, costs: Profile) -> Trace:
    """The message with the final model to every device, then its answers.

    Args:
        task: says how many answers.
        context: the fleet.
        costs: of the final model.
    """
    fleet, builder = context.fleet, TraceBuilder()
    devices = np.arange(fleet.num_devices)
    arrived = builder.send(SERVER, devices, costs.parameter_bytes, new_connection=True, phase="download")
    if task.deployment.inferences_per_device:
        for group, kind in enumerate(fleet.kinds):
            mine = devices[int(fleet.starts[group]) : int(fleet.starts[group + 1])]
            precision = precision_of(kind, costs, is_quantized=False)
            if precision is not None:
                work = Work.from_profile(costs, precision=precision)
                count = task.deployment.inferences_per_device
                builder.compute(mine, work, count, mode="infer", after=arrived[mine], phase="inference")
    return builder.build()
