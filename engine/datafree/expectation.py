"""What a data-free deployment is expected to cost the fleet, from the spec alone."""

from typing import TYPE_CHECKING

from engine.costs.trace import Trace
from engine.datafree.deployment import deployment_trace, expected_bytes, final_of
from engine.datafree.folding import fold_graph
from engine.datafree.world import World
from engine.models.profile import profile
from engine.task.contract import Context

if TYPE_CHECKING:
    from engine.datafree.task import Datafree


def expected_trace(task: "Datafree", context: Context) -> Trace:
    """The message with the final model to every device, and their answers; training takes place elsewhere."""
    graph = World(task, context).expected_graph(final_of(task))
    costs = profile(graph if task.quantizer is None else fold_graph(graph))
    return deployment_trace(task, context, costs, expected_bytes(task, graph))
