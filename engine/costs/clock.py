"""When each item of a trace starts and ends: causes, waiting in line, and rounds one after the other.

All rounds are computed at once, each from its own time 0. Items of equal depth are one vector operation; lines at
shared channels are scanned. Where one channel serves messages of different depths (downloads and uploads over one
radio), the lines that moved are scanned again until nothing moves any more: then every message has been served in
order of arrival, which is what a discrete-event simulation yields.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.costs.events import simulate
from engine.costs.legs import Legs
from engine.costs.queueing import fifo_finish
from engine.costs.trace import BARRIER, COMPUTE, NO_CAUSE, SEND, Trace

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MAX_SWEEPS = 12
"""Scans before the event clock takes over: long alternations of downloads and uploads settle one message per sweep."""

MOST_IN_MASK = 62
"""Lines whose meeting at channels is kept in the bits of one integer."""


@dataclass(frozen=True)
class Job:
    """What happens to items of one depth and kind.

    Attributes:
        kind: of the items.
        items: (m,) their ids.
        rows: (m,) where each stands among the items of its kind.
        causes: (m,) what each waits for.
    """

    kind: int
    items: Ints
    rows: Ints
    causes: Ints


def jobs_of(trace: Trace) -> list[Job]:
    """The items by depth and kind, in an order that respects causes."""
    kind = trace["kind"]
    row = np.zeros(trace.num_items, dtype=np.int64)
    for number in (COMPUTE, SEND, BARRIER):
        mine = kind == number
        row[mine] = np.arange(int(mine.sum()))
    group = trace["level"].astype(np.int32) * 3 + kind
    order = np.argsort(group, kind="stable")
    borders = np.flatnonzero(np.diff(group[order])) + 1
    parts = np.split(order, borders) if trace.num_items else []
    return [Job(int(kind[items[0]]), items, row[items], trace["cause"][items]) for items in parts]


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
        previous = end.copy() if lines.meet else end
        for job in jobs:
            if job.kind == BARRIER:
                start[job.items] = end[job.items] = _latest(trace, job, end)
                continue
            ready = np.where(job.causes == NO_CAUSE, 0.0, end[job.causes])
            start[job.items] = ready
            end[job.items] = ready + duration[job.items] if job.kind == COMPUTE else lines.cross(job, ready)
        if not lines.meet or np.array_equal(previous, end):
            return start, end
    return simulate(trace, duration, legs)


def _latest(trace: Trace, job: Job, end: Floats) -> Floats:
    """The latest end among each barrier's members."""
    if len(job.rows) == len(trace.barriers):
        return np.asarray(np.maximum.reduceat(end[trace.members], trace.barrier_starts[:-1]))
    first, last = trace.barrier_starts[job.rows], trace.barrier_starts[job.rows + 1]
    return np.array([end[trace.members[a:b]].max() for a, b in zip(first, last, strict=True)])


@dataclass
class Line:
    """The messages of one job that wait on one of their segments.

    Attributes:
        mask: (m,) which of the job's messages do; the others have their channel to themselves.
        rows: (q,) their places among all messages, ascending.
        channel: (q,) where they wait.
        service: (q,) seconds that they occupy it.
        arrival: (q,) when they get there; infinite until known.
        finish: (q,) when they leave.
        peers: lines that share a channel with this one, itself among them, in the order of their messages.
    """

    mask: NDArray[np.bool_]
    rows: Ints
    channel: Ints
    service: Floats
    arrival: Floats
    finish: Floats
    peers: "list[Line]" = field(default_factory=list)


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
                    rows = job.rows[mask]
                    unknown = np.full(len(rows), np.inf)
                    service = legs.column("service", rows, leg)
                    self._of[id(job), leg] = Line(mask, rows, channel[mask], service, unknown, unknown.copy())
        self._moved = np.zeros(legs.num_channels, dtype=np.bool_)
        self._introduce(list(self._of.values()))

    @property
    def meet(self) -> bool:
        """Whether messages of different depths, or different segments, wait for one channel."""
        return any(len(line.peers) > 1 for line in self._of.values())

    def _introduce(self, lines: list[Line]) -> None:
        """Tell each line which others share a channel with it."""
        for line, met in zip(lines, self._met(lines), strict=True):
            line.peers = sorted((lines[number] for number in met), key=lambda other: int(other.rows[0]))

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
        is_new = arrival != line.arrival
        if not is_new.any():
            return line.finish
        line.arrival = arrival
        self._moved[line.channel[is_new]] = True
        chosen = [np.flatnonzero(self._moved[peer.channel] & np.isfinite(peer.arrival)) for peer in line.peers]
        self._moved[line.channel[is_new]] = False
        rows, channel, arrivals, service = (
            np.concatenate([getattr(peer, name)[mine] for peer, mine in zip(line.peers, chosen, strict=True)])
            for name in ("rows", "channel", "arrival", "service")
        )
        if np.all(rows[1:] >= rows[:-1]):
            finish = fifo_finish(channel, arrivals, service)
        else:
            # Equal arrivals are served in the order of the messages, so that is the order in which they are handed
            # over.
            order = np.argsort(rows, kind="stable")
            finish = np.empty(len(rows))
            finish[order] = fifo_finish(channel[order], arrivals[order], service[order])
        borders = np.cumsum([len(mine) for mine in chosen])[:-1]
        for peer, mine, part in zip(line.peers, chosen, np.split(finish, borders), strict=True):
            peer.finish[mine] = part
        return line.finish


def _overlaps(lines: list[Line]) -> list[list[int]]:
    """For each of many lines, the numbers of those that share a channel with it."""
    from scipy.sparse import csr_matrix

    starts = np.cumsum([0, *(len(line.rows) for line in lines)])
    channels = np.concatenate([line.channel for line in lines])
    marks = np.ones(len(channels), dtype=np.int32)
    uses = csr_matrix((marks, channels, starts), shape=(len(lines), int(channels.max()) + 1))
    shared = (uses @ uses.T).tocsr()
    return [shared.indices[shared.indptr[n] : shared.indptr[n + 1]].tolist() for n in range(len(lines))]
