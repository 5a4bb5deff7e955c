"""What a data-free deployment is expected to cost the fleet, from the spec alone."""

from typing import TYPE_CHECKING

from engine.costs.trace import Trace
from engine.datafree.deployment import deployment_trace, final_of
from engine.datafree.world import World
from engine.models.profile import profile
from engine.task.contract import Context

if TYPE_CHECKING:
    from engine.datafree.task import Datafree


def expected_trace(task: "Datafree", context: Context) -> Trace:
    """The message with the final model to every device, and their answers; training takes place elsewhere."""
    world = World(task, context)
    return deployment_trace(task, context, profile(world.graph(final_of(task))))
