"""Messages over many hops: each hop is an item of its own, and its costs are led back to the message."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import EngineError
from engine.costs.trace import KEPT, NO_CAUSE, SEND, Trace
from engine.network.relays import Relays, Steps

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]

MOST_HOPS = 5_000_000
"""Hops of all messages of a trace: about a gibibyte of columns."""


@dataclass(frozen=True)
class Relayed:
    """A trace in which every message crosses one hop.

    Attributes:
        trace: the items, hops in place of messages.
        first: (I + 1,) where the hops of each item of the original trace begin.
        passes: for ``source`` and ``target``, (J,) whether that end of a hop is a device that only passes it on.
    """

    trace: Trace
    first: Ids
    passes: dict[str, NDArray[np.bool_]]

    def starts(self, start: Floats) -> Floats:
        """(I,) start of each original item, from the starts of all hops."""
        return start[self.first[:-1]]

    def ends(self, end: Floats) -> Floats:
        """(I,) end of each original item, from the ends of all hops."""
        return end[self.first[1:] - 1]

    def messages(self) -> tuple[Ids, Ids]:
        """The first and the last hop of each message, as items of the new trace."""
        first, last = self.first[:-1], self.first[1:] - 1
        mine = self.trace["kind"][first] == SEND
        return first[mine], last[mine]

    def sums(self, amount: Floats) -> Floats:
        """(I,) sum of an amount over the hops of each original item."""
        return np.add.reduceat(amount, self.first[:-1]) if len(self.first) > 1 else amount


def relayed(trace: Trace, relays: Relays) -> Relayed:
    """The trace with every message taken apart into hops; each hop waits for the one before.

    Args:
        trace: items as tasks emit them.
        relays: finds the ways.

    Raises:
        EngineError: a node is not there, or there are more hops than can be costed.
    """
    items = np.flatnonzero(trace["kind"] == SEND)
    sources, targets = trace["source"][items], trace["target"][items]
    hops = np.ones(trace.num_items, dtype=np.int64)
    hops[items] = relays.num_hops(sources, targets)
    if int(hops.sum()) > MOST_HOPS:
        raise EngineError(
            f"passing all messages on takes {int(hops[items].sum()):,} hops, {hops[items].mean():.1f} a message; at "
            f"most {MOST_HOPS:,} can be costed",
            remedy="let fewer devices take part in a round, or shorten their ways with more gateways",
        )
    first = np.concatenate([[0], np.cumsum(hops)])
    steps = relays.steps(sources, targets)
    place = (
        first[items][steps.message]
        + np.arange(len(steps.message))
        - np.repeat(np.cumsum(hops[items]) - hops[items], hops[items])
    )
    columns = {name: np.repeat(column, hops) for name, column in trace.columns.items()}
    columns["source"][place], columns["target"][place] = steps.start, steps.end
    is_first = np.zeros(len(columns["kind"]), dtype=np.bool_)
    is_last = is_first.copy()
    is_first[first[:-1]], is_last[first[1:] - 1] = True, True
    columns["cause"] = _causes(trace, first, hops)
    columns["level"] = _levels(trace, hops, place, steps)
    from_device = np.repeat(trace["source"] >= 0, hops)
    touches = np.where(from_device, is_first, is_last)
    columns["connects"] = np.where(touches | (columns["connects"] == KEPT), columns["connects"], np.int8(0))
    passes = {
        "source": (columns["kind"] == SEND) & (columns["source"] >= 0) & ~is_first,
        "target": (columns["kind"] == SEND) & (columns["target"] >= 0) & ~is_last,
    }
    whole = Trace(
        columns=columns,
        works=trace.works,
        phases=trace.phases,
        barriers=first[trace.barriers],
        barrier_starts=trace.barrier_starts,
        members=first[trace.members + 1] - 1,
        repeats=trace.repeats,
    )
    return Relayed(whole, first, passes)


def _causes(trace: Trace, first: Ids, hops: Ids) -> Ids:
    """The hop before; for the first hop, the last one of the item's cause."""
    causes = np.arange(int(hops.sum()), dtype=np.int64) - 1
    known = trace["cause"] != NO_CAUSE
    causes[first[:-1]] = np.where(known, first[trace["cause"] + 1] - 1, NO_CAUSE)
    return causes


def _levels(trace: Trace, hops: Ids, place: Ids, steps: Steps) -> NDArray[np.int32]:
    """Levels by which hops of one rank are served together.

    Then a line of hops is scanned once, as nothing later feeds it.
    """
    old = trace["level"].astype(np.int64)
    width = np.ones(int(old.max(initial=0)) + 1, dtype=np.int64)
    item = np.repeat(np.arange(trace.num_items), hops)
    np.maximum.at(width, old[item[place]], steps.rank + 1)
    level = (np.cumsum(width) - width)[old[item]]
    level[place] += steps.rank
    compact: NDArray[np.int32] = np.unique(level, return_inverse=True)[1].astype(np.int32)
    return compact
