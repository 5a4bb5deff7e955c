"""The cost of a finished run on another fleet and network, without training again."""

from engine.costs.model import Cost, CostModel
from engine.costs.timing import SAMPLES, Method
from engine.costs.trace import Trace
from engine.fleet.fleet import Fleet
from engine.network.network import Network


def recost(
    trace: Trace, fleet: Fleet, network: Network, *, method: Method = "closed_form", samples: int = SAMPLES
) -> Cost:
    """What the same computations and messages cost elsewhere.

    It is valid only where learning did not depend on simulated time; who reads costs says so
    (``Component.reads_costs``), and the caller refuses.

    Args:
        trace: what the run did.
        fleet: at least as many devices as the trace names.
        network: made for that fleet.
        method: how times are found; a Monte Carlo adds percentiles.
        samples: how often a Monte Carlo draws.

    Raises:
        EngineError: the fleet is too small, a device cannot do the work, or two nodes are not connected.
    """
    return CostModel(fleet, network).cost(trace, method=method, samples=samples)
