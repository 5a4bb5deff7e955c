"""The cost of a finished run on another fleet and network, without training again."""

from engine.costs.model import Cost, CostModel
from engine.costs.trace import Trace
from engine.fleet.fleet import Fleet
from engine.network.network import Network


def recost(trace: Trace, fleet: Fleet, network: Network, *, start_s: float = 0.0) -> Cost:
    """What the same computations and messages cost elsewhere.

    It is valid only where learning did not depend on simulated time; who reads costs says so
    (``Component.reads_costs``), and the caller refuses.

    Args:
        trace: what the run did.
        fleet: at least as many devices as the trace names.
        network: made for that fleet.
        start_s: simulated time at which the first round starts.

    Raises:
        EngineError: the fleet is too small, a device cannot do the work, or two nodes are not connected.
    """
    return CostModel(fleet, network).cost(trace, start_s)
