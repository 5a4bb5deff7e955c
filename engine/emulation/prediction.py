"""What the simulator says about a scenario before it is measured: three ways to reckon, the naive one among them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.costs.model import CostModel
from engine.costs.trace import BARRIER, COMPUTE, NO_CAUSE, Trace
from engine.emulation.scenarios import Scenario
from engine.emulation.workload import Workload
from engine.network.network import Network

Floats = NDArray[np.float64]

DRAWINGS = 8
"""Times that the Monte Carlo goes through as many rounds as are measured, where chance plays a part."""


@dataclass(frozen=True)
class Prediction:
    """Seconds of one round, or of one reading of a stream.

    Attributes:
        naive_s: bytes over bandwidth plus delay, along the causes.
        closed_s: the closed form, which gives expected times.
        monte_carlo_s: median packet by packet.
        monte_carlo_p95_s: 95th percentile packet by packet.
    """

    naive_s: float
    closed_s: float
    monte_carlo_s: float
    monte_carlo_p95_s: float


def predict(scenario: Scenario, *, drawings: int = DRAWINGS, seed: int = 0) -> Prediction:
    """The prediction of a scenario, in about a second."""
    workload, link = scenario.workload, scenario.link
    model = CostModel(workload.fleet(), workload.network(link))
    one = workload.rounds(1)
    closed = model.cost(one)
    is_certain = scenario.loss == 0 and not scenario.line.jitter_s
    many = workload.rounds(scenario.rounds)  # all that are measured: kept connections take some rounds to warm up
    cost = model.cost(many, method="monte_carlo", samples=1 if is_certain else drawings, seed=seed)
    assert cost.spread is not None
    drawn = cost.spread.messages_s["upload"] if workload.kind == "stream" else cost.spread.rounds_s.ravel()
    return Prediction(
        naive_s=float(np.median(_naive(workload, one, model.network, closed.end_s - closed.start_s))),
        closed_s=float(np.median(workload.measures(closed, range(one.num_items)))),
        monte_carlo_s=float(np.median(drawn)),
        monte_carlo_p95_s=float(np.quantile(drawn, 0.95)),
    )


@dataclass(frozen=True)
class _Times:
    start_s: Floats
    end_s: Floats


def _naive(workload: Workload, trace: Trace, network: Network, duration: Floats) -> list[float]:
    """What one would reckon on the back of an envelope: nobody waits in line, and headers and losses cost nothing."""
    start, end = np.zeros(trace.num_items), np.zeros(trace.num_items)
    members = {
        int(item): trace.members[slice(*trace.barrier_starts[k : k + 2])] for k, item in enumerate(trace.barriers)
    }
    for item in range(trace.num_items):
        cause, kind = int(trace["cause"][item]), int(trace["kind"][item])
        start[item] = 0.0 if cause == NO_CAUSE else end[cause]
        if kind == BARRIER:
            start[item] = end[item] = end[members[item]].max()
        else:
            end[item] = start[item] + (duration[item] if kind == COMPUTE else _bytes_and_delay(trace, item, network))
    return workload.measures(_Times(start, end), range(trace.num_items))


def _bytes_and_delay(trace: Trace, item: int, network: Network) -> float:
    ends = (np.array([trace[end][item]], np.int32) for end in ("source", "target"))
    (pattern,) = network.routes(*ends).pattern
    hops = [(network.links[hop.link], hop.up) for segment in network.patterns[pattern] for hop in segment.hops]
    slowest = min((link.up_rate if up else link.down_rate).value for link, up in hops)
    return float(8 * trace["size"][item] / slowest + sum(link.rtt.value / 2 for link, _ in hops))
