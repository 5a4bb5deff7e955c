"""One emulation: a trace, a fleet and a network in, measured times and what was watched out."""

import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.errors import EngineError
from engine.costs.model import CostModel
from engine.costs.trace import BARRIER, COMPUTE, SEND, Trace
from engine.emulation.fabric import FabricName
from engine.emulation.laboratory import Host, Laboratory, Setting, Times, Watched
from engine.emulation.programs import nodes_of, programs_of
from engine.emulation.stages import Computation
from engine.emulation.wiring import Wiring, wire
from engine.fleet.fleet import Fleet
from engine.network.network import Network

MOST_LATE = 0.1
"""Share of the least delay by which all but the latest hundredth of the packets may be late."""

MOST_OVERRUNS = 0.01
"""Share of the computations that may take longer than on their device."""

Seen = Callable[[int, int], None]
"""Told the number of repetitions so far and of all."""


@dataclass(frozen=True)
class Order:
    """What to emulate.

    Attributes:
        fleet: the devices.
        network: how they are connected.
        fabric: the tier.
        computation: what nodes really compute.
        seed: of losses and jitter.
        deadline_s: the kernel ends everything after so long.
    """

    fleet: Fleet
    network: Network
    fabric: FabricName
    computation: Computation = "network"
    seed: int = 0
    deadline_s: float = 600.0


@dataclass(frozen=True)
class Emulated:
    """What came of it.

    Attributes:
        times: of each repetition that was done in time.
        is_complete: whether all were.
        watched: what was counted.
        reasons: why the measurement must not be used; empty if it may.
        facts: about the laboratory and this host.
    """

    times: list[Times]
    is_complete: bool
    watched: Watched
    reasons: tuple[str, ...]
    facts: dict[str, Any]


class Bench:
    """A laboratory for the rounds of one trace.

    Args:
        order: what to emulate.
        trace: its rounds; all messages of all rounds decide which nodes and links there are.
        host: where processes are; without one it has its own.

    Raises:
        EngineError: the network cannot be emulated.
    """

    def __init__(self, order: Order, trace: Trace, host: Host | None = None) -> None:
        self.order, self.trace = order, trace
        self.nodes = nodes_of(trace)
        self.wiring = wiring_of(order, trace)
        self.seconds = lead_times(order, trace)
        self.laboratory = Laboratory(
            Setting(
                fabric=order.fabric,
                nodes=len(self.nodes),
                size=self.wiring.size,
                transport=self.wiring.transport,
                congestion=self.wiring.congestion,
                frame_payload=self.wiring.frame_payload,
                computation=order.computation,
                deadline_s=order.deadline_s,
                seed=order.seed,
            ),
            host,
        )

    def measure(self, rounds: Sequence[int], patience_s: float, seen: Seen | None = None) -> Emulated:
        """Carry out rounds of the trace, in that order.

        Args:
            rounds: their numbers; equal ones one after the other are repeated without a pause.
            patience_s: when to give up.
            seen: told how far it is.
        """
        times: list[Times] = []
        is_complete = True
        with self.laboratory as laboratory:
            for number, count in _runs(rounds):
                laboratory.prepare(self.wiring.plan, programs_of(self.trace, number, self.seconds))
                done, is_complete = laboratory.run(count, patience_s, first=len(times))
                times += done
                if seen is not None:
                    seen(len(times), len(rounds))
                if not is_complete:
                    break
            # After a round that did not end the nodes are still waiting, and would not say what they counted.
            watched = laboratory.watched(with_nodes=is_complete)
            facts = {**laboratory.facts, **host_facts(), "fabric": self.order.fabric}
        return Emulated(times, is_complete, watched, self._reasons(watched, is_complete), facts)

    def _reasons(self, watched: Watched, is_complete: bool) -> tuple[str, ...]:
        least_s = self.wiring.plan.least_delay_s
        found = []
        if watched.late_p99_s > MOST_LATE * least_s > 0:
            found.append(
                f"packets were late: one in a hundred by {1e3 * watched.late_p99_s:.2f} ms or more, "
                f"allowed are {1e3 * MOST_LATE * least_s:.2f} ms"
            )
        if is_complete and watched.wire_bytes < watched.payload_bytes:
            found.append(
                f"{watched.payload_bytes} bytes were sent, but only {watched.wire_bytes} crossed the links: something "
                f"went around them"
            )
        if watched.overruns > MOST_OVERRUNS * watched.stages:
            found.append(f"{watched.overruns} of {watched.stages} computations took longer than on their device")
        return tuple(found)


def wiring_of(order: Order, trace: Trace) -> Wiring:
    """The emulated links of a trace's messages.

    Raises:
        EngineError: they cannot be emulated.
    """
    sends = trace["kind"] == SEND
    if not sends.any():
        raise EngineError("the trace has no messages, so there is nothing to emulate")
    pairs = np.unique(np.stack([trace["source"][sends], trace["target"][sends]], axis=1), axis=0)
    return wire(order.network, nodes_of(trace), [(int(a), int(b)) for a, b in pairs], order.seed)


def lead_times(order: Order, trace: Trace) -> np.ndarray[Any, np.dtype[np.float64]]:
    """(I,) seconds of each computation on its device, and of waking the radio before a message that connects."""
    cost = CostModel(order.fleet, order.network).cost(trace)
    seconds = np.where(trace["kind"] == COMPUTE, cost.end_s - cost.start_s, 0.0)
    for item in np.flatnonzero((trace["kind"] == SEND) & (trace["connects"] > 0)):
        source, target = (np.array([trace[end][item]], np.int32) for end in ("source", "target"))
        pattern = order.network.patterns[int(order.network.routes(source, target).pattern[0])]
        touched = (hop for segment in pattern for hop in segment.hops if hop.device_sends or hop.device_receives)
        seconds[item] = sum(order.network.links[hop.link].connect_time.value for hop in touched)
    return seconds


def items_of(trace: Trace, number: int) -> range:
    """The numbers of a round's items, which stand together."""
    mine = np.flatnonzero(trace["round"] == number)
    return range(int(mine[0]), int(mine[-1]) + 1)


def measured_columns(trace: Trace, times: Sequence[Times], rounds: Sequence[int]) -> dict[str, np.ndarray[Any, Any]]:
    """Start and end of each item as they were measured, in seconds from the start of its round; NaN where it was not.

    A round that was repeated has the times of its last repetition.
    """
    columns = {name: np.full(trace.num_items, np.nan) for name in ("measured_start_s", "measured_end_s")}
    for number, one in zip(rounds, times, strict=False):
        for name, found in (("measured_start_s", one.start_s), ("measured_end_s", one.end_s)):
            for item in items_of(trace, number):
                if item in found:
                    columns[name][item] = found[item]
    return columns


def round_seconds(trace: Trace, number: int, one: Times) -> float:
    """How long a measured round took."""
    return max(one.end_s[item] for item in items_of(trace, number) if trace["kind"][item] != BARRIER)


def host_facts() -> dict[str, Any]:
    """What one must know of this host to judge a measurement."""
    load = Path("/proc/loadavg")
    return {
        "kernel": platform.release(),
        "system": platform.system(),
        "processors": os.cpu_count(),
        "load": float(load.read_text().split()[0]) if load.exists() else None,
    }


def _runs(rounds: Sequence[int]) -> list[tuple[int, int]]:
    """Equal neighbours, counted."""
    found: list[tuple[int, int]] = []
    for number in rounds:
        if found and found[-1][0] == number:
            found[-1] = (number, found[-1][1] + 1)
        else:
            found.append((number, 1))
    return found
