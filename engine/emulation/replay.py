"""The rounds of a run once more, by real execution: the same messages over emulated links, computations paced."""

from dataclasses import asdict

import numpy as np

from engine.core.errors import EngineError
from engine.costs.model import CostModel
from engine.costs.trace import SEND, Trace, TraceBuilder
from engine.emulation.comparison import Measurement, compare
from engine.emulation.experiment import Bench, Order, measured_columns, wiring_of
from engine.emulation.fabric import FabricName
from engine.emulation.laboratory import MOST_NODES
from engine.emulation.programs import nodes_of
from engine.fleet.fleet import Fleet
from engine.network.network import Network

MOST_SECONDS = 600.0
"""Rounds that would take longer are not carried out: a run may last for days of simulated time."""

MARGIN_S = 120.0
PATIENCE = 3.0
"""A replay is given up after so many times what was simulated, and a margin for processes to start."""


def first_rounds(trace: Trace, count: int) -> Trace:
    """The first rounds of a trace that have messages, each once."""
    sends = np.unique(trace["round"][trace["kind"] == SEND])[:count]
    builder = TraceBuilder()
    for number in sends.tolist():
        builder.append(_only(trace, number))
    return builder.build()


def _only(trace: Trace, number: int) -> Trace:
    """One round of a trace, as a trace."""
    mine = np.flatnonzero(trace["round"] == number)
    low, high = int(mine[0]), int(mine[-1]) + 1
    columns = {name: column[low:high].copy() for name, column in trace.columns.items()}
    columns["round"][:] = 0
    columns["cause"] = np.where(columns["cause"] < 0, columns["cause"], columns["cause"] - low)
    barriers = np.flatnonzero((trace.barriers >= low) & (trace.barriers < high))
    members = [trace.members[trace.barrier_starts[k] : trace.barrier_starts[k + 1]] - low for k in barriers]
    none = np.zeros(0, dtype=np.int64)
    return Trace(
        columns=columns,
        works=trace.works,
        phases=trace.phases,
        barriers=trace.barriers[barriers] - low,
        barrier_starts=np.cumsum([0, *(len(part) for part in members)]).astype(np.int64),
        members=np.concatenate([none, *members]),
        repeats=np.ones(1, dtype=np.int64),
    )


def obstacles(trace: Trace, fleet: Fleet, network: Network) -> list[str]:
    """Why these rounds cannot be carried out for real on any host; empty if they can."""
    if network.relays is None and not (trace["kind"] == SEND).any():
        return ["the run has no messages, so there is nothing to carry out"]
    found = []
    count = len(nodes_of(trace))
    if count > MOST_NODES:
        found.append(f"{count} nodes take part in these rounds, each a process; at most {MOST_NODES} can")
    try:
        wiring_of(Order(fleet, network, "loopback"), trace)
    except EngineError as error:
        return [*found, str(error)]
    seconds = CostModel(fleet, network).cost(trace).end_s_total
    if seconds > MOST_SECONDS:
        found.append(f"these rounds take {seconds:,.0f} s, and at most {MOST_SECONDS:,.0f} s are carried out")
    return found


def replay(trace: Trace, fleet: Fleet, network: Network, *, fabric: FabricName, seed: int) -> Measurement:
    """Carry out all rounds of a trace.

    Computations only take their time: what they compute was computed by the run itself.

    Args:
        trace: the rounds, see :func:`first_rounds`.
        fleet: of the run.
        network: of the run.
        fabric: the tier.
        seed: of losses and jitter.

    Raises:
        EngineError: it cannot be done; the message says why.
    """
    problems = obstacles(trace, fleet, network)
    if problems:
        raise EngineError("; ".join(problems))
    cost = CostModel(fleet, network).cost(trace)
    patience_s = MARGIN_S + PATIENCE * cost.end_s_total
    order = Order(fleet, network, fabric, "nothing", seed, deadline_s=patience_s + MARGIN_S)
    numbers = list(range(trace.num_rounds))
    emulated = Bench(order, trace).measure(numbers, patience_s)
    columns = measured_columns(trace, emulated.times, numbers)
    facts = {
        **emulated.facts,
        "invalid": list(emulated.reasons),
        "is_complete": emulated.is_complete,
        "watched": asdict(emulated.watched),
    }
    return Measurement(trace, columns["measured_start_s"], columns["measured_end_s"], facts)


def figures(measurement: Measurement, fleet: Fleet, network: Network) -> dict[str, float]:
    """What a run tells of its measurement among its costs: median rounds of both, and the mean absolute error."""
    cost = CostModel(fleet, network).cost(measurement.trace)
    rows = {row.phase: row for row in compare(measurement, cost.start_s, cost.end_s)}
    if "round" not in rows:
        return {}
    whole = rows["round"]
    return {
        "emulated_rounds": float(whole.items),
        "emulated_round_s": whole.measured_s,
        "simulated_round_s": whole.simulated_s,
        "emulation_error": whole.mape,
    }
