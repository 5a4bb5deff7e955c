"""When each item of a trace starts and ends: causes, waiting in line, and rounds one after the other.

All rounds are computed at once, each from its own time 0. Items of equal depth are one vector operation; lines at
shared channels are scanned. Where one channel serves messages of different depths (downloads and uploads over one
radio), the lines that moved are scanned again until nothing moves any more: then every message has been served in
order of arrival, which is what a discrete-event simulation yields.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.costs.accounts import Places, tight
from engine.costs.events import simulate
from engine.costs.legs import Legs
from engine.costs.queueing import lines_of, scan
from engine.costs.trace import BARRIER, COMPUTE, NO_CAUSE, SEND, Trace

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MAX_SWEEPS = 12
"""Scans before the event clock takes over: long alternations of downloads and uploads settle one message per sweep."""

STILL = 1e-13
"""Relative change of a time below which nothing has moved."""

MOST_KEPT = 200_000
"""Messages of a line whose order at their channels is kept from sweep to sweep."""

MOST_IN_MASK = 62
"""Lines whose meeting at channels is kept in the bits of one integer."""


@dataclass(frozen=True)
class Job:
    """What happens to items of one depth and kind.

    Attributes:
        kind: of the items.
        items: (m,) their ids.
        rows: (m,) where each stands among the items of its kind.
        causes: (m,) what each waits for; None if all start with the round.
        count: m.
    """

    kind: int
    items: Places
    rows: Places
    causes: Places | None
    count: int

    def ready(self, end: Floats) -> Floats:
        """(m,) when they start, from the ends of all items."""
        if self.causes is None:
            return np.zeros(self.count)
        if isinstance(self.causes, slice):
            return end[self.causes]
        return np.where(self.causes == NO_CAUSE, 0.0, end[self.causes])


def jobs_of(trace: Trace) -> list[Job]:
    """The items by depth and kind, in an order that respects causes."""
    kind = trace["kind"]
    row = np.zeros(trace.num_items, dtype=np.int64)
    for number in (COMPUTE, SEND, BARRIER):
        mine = kind == number
        row[mine] = np.arange(int(mine.sum()))
    group = trace["level"].astype(np.int32) * 3 + kind
    is_sorted = bool(np.all(group[1:] >= group[:-1]))
    order = np.arange(len(group)) if is_sorted else np.argsort(group, kind="stable")
    borders = np.flatnonzero(np.diff(group[order])) + 1
    parts = np.split(order, borders) if trace.num_items else []
    return [_job(trace, int(kind[items[0]]), items, row) for items in parts]


def _job(trace: Trace, kind: int, items: Ints, row: Ints) -> Job:
    causes = trace["cause"][items]
    known = None if np.all(causes == NO_CAUSE) else tight(causes)
    return Job(kind, tight(items), tight(row[items]), known, len(items))


def schedule(trace: Trace, duration: Floats, legs: Legs) -> tuple[Floats, Floats]:
    """Start and end of each item, in seconds from the start of its round.

    Args:
        trace: the items.
        duration: (I,) seconds of each computation; ignored for others.
        legs: the segments of the messages, in the order of the items.
    """
    jobs = jobs_of(trace)
    lines = Lines(legs, [job for job in jobs if job.kind == SEND])
    start, end = np.zeros(trace.num_items), np.zeros(trace.num_items)
    for _ in range(MAX_SWEEPS):
        for job in jobs:
            if job.kind == BARRIER:
                start[job.items] = end[job.items] = _latest(trace, job, end)
                continue
            ready = job.ready(end)
            start[job.items] = ready
            end[job.items] = ready + duration[job.items] if job.kind == COMPUTE else lines.cross(job, ready)
        if not lines.is_stale:
            return start, end
    return simulate(trace, duration, legs)


def _latest(trace: Trace, job: Job, end: Floats) -> Floats:
    """The latest end among each barrier's members."""
    if job.count == len(trace.barriers):
        return np.asarray(np.maximum.reduceat(end[tight(trace.members)], trace.barrier_starts[:-1]))
    first, last = trace.barrier_starts[:-1][job.rows], trace.barrier_starts[1:][job.rows]
    return np.array([end[trace.members[a:b]].max() for a, b in zip(first, last, strict=True)])


@dataclass
class Line:
    """The messages of one job that wait on one of their segments.

    Attributes:
        mask: (m,) which of the job's messages do; the others have their channel to themselves.
        rows: (q,) their places among all messages, ascending.
        channel: (q,) where they wait.
        fair: (q,) whether they share it, in place of taking turns.
        service: (q,) seconds that they occupy it.
        arrival: (q,) when they get there; infinite until known.
        finish: (q,) when they leave.
        is_stale: whether others moved its messages after they went on from here.
    """

    mask: NDArray[np.bool_] | slice
    rows: Ints
    channel: Ints
    fair: NDArray[np.bool_]
    service: Floats
    arrival: Floats
    finish: Floats

    is_stale: bool = False

    @property
    def is_known(self) -> bool:
        """Whether its messages have got somewhere yet."""
        return bool(np.isfinite(self.arrival[0]))


class Lines:
    """All lines of a trace.

    Args:
        legs: the segments of the messages.
        jobs: the messages by depth.
    """

    def __init__(self, legs: Legs, jobs: list[Job]) -> None:
        self.legs = legs
        self._of: dict[tuple[int, int], Line] = {}
        for job in jobs:
            for leg in range(legs.num_legs):
                channel = legs.channel[job.rows, leg]
                mask = channel >= 0
                if mask.any():
                    rows = np.arange(len(legs.kind))[job.rows][mask]
                    unknown = np.full(len(rows), np.inf)
                    service = legs.column("service", rows, leg)
                    service = np.broadcast_to(service, rows.shape)
                    chosen = slice(None) if mask.all() else mask
                    fair = np.broadcast_to(legs.column("fair", rows, leg) > 0, rows.shape)
                    self._of[id(job), leg] = Line(chosen, rows, channel[mask], fair, service, unknown, unknown.copy())
        # not kept in the lines: they would refer to each other, and their memory would wait for the garbage collector
        self._peers: dict[int, list[Line]] = {}
        self._pools: dict[tuple[int, ...], _Pool] = {}
        self._moved = np.zeros(legs.num_channels, dtype=np.bool_)
        self._introduce(list(self._of.values()))

    @property
    def is_stale(self) -> bool:
        """Whether some messages went on at another time than they left their channel."""
        return any(line.is_stale for line in self._of.values())

    def _introduce(self, lines: list[Line]) -> None:
        """Note which lines share a channel with each, itself among them, in the order of their messages."""
        for line, met in zip(lines, self._met(lines), strict=True):
            self._peers[id(line)] = sorted((lines[number] for number in met), key=lambda other: int(other.rows[0]))

    def _met(self, lines: list[Line]) -> list[list[int]]:
        """For each line, the numbers of those that share a channel with it, itself among them."""
        if len(lines) > MOST_IN_MASK:
            return _overlaps(lines)
        present = np.zeros(self.legs.num_channels, dtype=np.int64)
        for number, line in enumerate(lines):
            present[line.channel] |= 1 << number
        masks = [int(np.bitwise_or.reduce(present[line.channel])) for line in lines]
        return [[number for number in range(len(lines)) if mask >> number & 1] for mask in masks]

    def cross(self, job: Job, ready: Floats) -> Floats:
        """When messages that start at ``ready`` have crossed all segments, as far as arrivals are known."""
        moment = ready
        for leg in range(self.legs.num_legs):
            arrival = moment + self.legs.column("before", job.rows, leg)
            finish = arrival + self.legs.column("service", job.rows, leg)
            line = self._of.get((id(job), leg))
            if line is not None:
                finish[line.mask] = self._serve(line, arrival[line.mask])
            moment = finish + self.legs.column("after", job.rows, leg)
        return moment

    def _serve(self, line: Line, arrival: Floats) -> Floats:
        """Scan the channels at which somebody of this line arrives at another time than was known."""
        if not line.is_known:
            line.arrival = arrival
            self._pool(line).serve(line)
            line.is_stale = False
            return line.finish
        is_new = ~(np.abs(arrival - line.arrival) <= STILL * arrival)
        if not is_new.any():
            line.is_stale = False
            return line.finish
        line.arrival = arrival
        if 2 * int(is_new.sum()) > len(is_new):
            self._pool(line).serve(line)
        else:
            self._gather(line, line.channel[is_new]).serve(line)
        line.is_stale = False
        return line.finish

    def _pool(self, line: Line) -> "_Pool":
        """The channels of a whole line; kept for the next sweep if that takes little memory."""
        if len(line.rows) > MOST_KEPT:
            return self._gather(line, line.channel)
        key = (id(line), *(id(peer) for peer in self._peers[id(line)] if peer.is_known))
        if key not in self._pools:
            self._pools[key] = self._gather(line, line.channel)
        return self._pools[key]

    def _gather(self, line: Line, channels: Ints) -> "_Pool":
        """All messages that wait at some channels of a line."""
        self._moved[channels] = True
        chosen = [(peer, np.flatnonzero(self._moved[peer.channel])) for peer in self._peers[id(line)] if peer.is_known]
        self._moved[channels] = False
        return _Pool(chosen)


class _Pool:
    """Messages of several lines at some channels, all that there are at these.

    Args:
        chosen: lines and the places of the messages in them.
    """

    def __init__(self, chosen: list[tuple[Line, Ints]]) -> None:
        self._chosen = [(line, tight(mine)) for line, mine in chosen]
        rows = np.concatenate([line.rows[mine] for line, mine in chosen])
        channel = np.concatenate([line.channel[mine] for line, mine in chosen])
        # Equal arrivals are served in the order of the messages, so that is the order in which they are handed over.
        self._order = None if np.all(rows[1:] >= rows[:-1]) else np.argsort(rows, kind="stable")
        fair = np.concatenate([line.fair[mine] for line, mine in chosen])
        self._lanes = lines_of(*((part if self._order is None else part[self._order]) for part in (channel, fair)))
        self._service = self._put([line.service[mine] for line, mine in self._chosen])
        self._borders = np.cumsum([len(mine) for _, mine in chosen])[:-1]

    def _put(self, parts: list[Floats]) -> Floats:
        whole = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return whole if self._order is None else whole[self._order]

    def serve(self, asking: Line) -> None:
        """Serve all in the order in which they arrive; lines other than the asking one learn whether they moved."""
        finish = scan(self._lanes, self._put([line.arrival[mine] for line, mine in self._chosen]), self._service)
        if self._order is not None:
            ordered, finish = finish, np.empty_like(finish)
            finish[self._order] = ordered
        for (line, mine), part in zip(self._chosen, np.split(finish, self._borders), strict=True):
            # shares are sums of many small steps: what moved by less than rounding has not moved
            line.is_stale = line.is_stale or (line is not asking and _has_moved(line.finish[mine], part))
            line.finish[mine] = part


def _has_moved(before: Floats, after: Floats) -> bool:
    """Whether any time is another one, rounding apart."""
    return not np.array_equal(before, after) and bool(np.any(np.abs(after - before) > STILL * after))


def _overlaps(lines: list[Line]) -> list[list[int]]:
    """For each of many lines, the numbers of those that share a channel with it."""
    from scipy.sparse import csr_matrix

    starts = np.cumsum([0, *(len(line.rows) for line in lines)])
    channels = np.concatenate([line.channel for line in lines])
    marks = np.ones(len(channels), dtype=np.int32)
    uses = csr_matrix((marks, channels, starts), shape=(len(lines), int(channels.max()) + 1))
    shared = (uses @ uses.T).tocsr()
    return [shared.indices[shared.indptr[n] : shared.indptr[n + 1]].tolist() for n in range(len(lines))]
