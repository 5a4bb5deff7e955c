"""The cost of rounds over links that change: each round by what holds when it starts."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.costs.ledger import Ledger
from engine.costs.spread import Followed, Spread
from engine.costs.trace import NO_CAUSE, Trace
from engine.network.schedule import Schedules, State

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Walked:
    """A round of a trace with the states in which it takes place.

    Attributes:
        number: which written round.
        start_s: simulated time at which it first starts.
        length_s: mean length of its repetitions.
        end_s: simulated time at which its last repetition ends.
        times: how many of its repetitions are in each state, in the order of their first.
    """

    number: int
    start_s: float
    length_s: float
    end_s: float
    times: dict[State, int]


def walk(
    trace: Trace, schedules: Schedules, start: tuple[int, float], length_s: Callable[[int, State], float]
) -> list[Walked]:
    """The rounds of a trace one after the other: when each starts, and in which states it takes place.

    Args:
        trace: the rounds, some of them repeated.
        schedules: the states of a network.
        start: number of the first round, and simulated time at which it starts.
        length_s: seconds that a written round takes in a state.
    """
    (count, now), found = start, []
    for number, repeats in enumerate(trace.repeats.tolist()):
        begun, times = now, Counter[State]()
        for _ in range(repeats):
            state = schedules.state(count, now)
            times[state] += 1
            now += length_s(number, state)
            count += 1
        found.append(Walked(number, begun, (now - begun) / repeats, now, dict(times)))
    return found


def round_of(trace: Trace, number: int, *, repeats: int = 1) -> Trace:
    """One round of a trace as a trace of its own; rounds stand one after the other.

    Args:
        trace: several rounds.
        number: which one.
        repeats: how many times it takes place.
    """
    first, last = np.searchsorted(trace["round"], [number, number + 1])
    columns = {name: column[first:last].copy() for name, column in trace.columns.items()}
    columns["round"][:] = 0
    known = columns["cause"] != NO_CAUSE
    columns["cause"][known] -= first
    low, high = np.searchsorted(trace.barriers, [first, last])
    bounds = trace.barrier_starts[low : high + 1]
    return replace(
        trace,
        columns=columns,
        barriers=trace.barriers[low:high] - first,
        barrier_starts=bounds - bounds[0],
        members=trace.members[bounds[0] : bounds[-1]] - first,
        repeats=np.array([repeats], dtype=np.int64),
    )


def added(ledgers: list[Ledger]) -> Ledger:
    """All ledgers together, added in pairs so that many of them cost little."""
    while len(ledgers) > 1:
        ledgers = [one.add(other) for one, other in zip(ledgers[::2], ledgers[1::2], strict=False)] + (
            ledgers[-1:] if len(ledgers) % 2 else []
        )
    return ledgers[0] if ledgers else Ledger.empty()


def joined(spreads: list[Spread]) -> Spread | None:
    """The distributions of several rounds as one; None of none."""
    if not spreads:
        return None
    phases = dict.fromkeys(phase for one in spreads for phase in one.messages_s)
    messages = {phase: [one.messages_s[phase] for one in spreads if phase in one.messages_s] for phase in phases}
    followed: set[Followed] = {one.followed for one in spreads}
    return Spread(
        rounds_s=np.concatenate([one.rounds_s for one in spreads], axis=1),
        repeats=np.concatenate([one.repeats for one in spreads]),
        messages_s={phase: np.sort(np.concatenate(times)) for phase, times in messages.items()},
        followed=followed.pop() if len(followed) == 1 else "messages",
    )
