"""When each item of a trace starts and ends: causes, waiting in line, and rounds one after the other.

All rounds are computed at once, each from its own time 0. Items of equal depth are one vector operation; lines at shared
channels are scanned. Where one channel serves messages of different depths (downloads and uploads over one radio), the
scan is repeated until nothing moves any more: then every message has been served in order of arrival, which is what a
discrete-event simulation yields.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.costs.events import simulate
from engine.costs.queueing import fifo_finish
from engine.costs.trace import BARRIER, COMPUTE, NO_CAUSE, SEND, Trace

Floats = NDArray[np.float64]

MAX_SWEEPS = 12
"""Scans before the event clock takes over: long alternations of downloads and uploads settle one message per sweep."""


@dataclass(frozen=True)
class Legs:
    """The segments of M messages, S each, padded with zeros.

    Attributes:
        before: (M, S) seconds from the start of the segment to its channel.
        service: (M, S) seconds of occupying it.
        after: (M, S) seconds from there to the end of the segment.
        channel: (M, S) which channel, -1 for none; channels of different rounds differ.
    """

    before: Floats
    service: Floats
    after: Floats
    channel: NDArray[np.int64]


@dataclass(frozen=True)
class Job:
    """What happens to items of one depth and kind.

    Attributes:
        kind: of the items.
        items: (m,) their ids.
        rows: (m,) where each stands among the messages (or barriers).
        causes: (m,) what each waits for.
    """

    kind: int
    items: NDArray[np.int64]
    rows: NDArray[np.int64]
    causes: NDArray[np.int64]


def jobs_of(trace: Trace) -> list[Job]:
    """The items by depth and kind, in an order that respects causes."""
    kind, level, cause = trace["kind"], trace["level"], trace["cause"]
    row = np.zeros(trace.num_items, dtype=np.int64)
    for number in (COMPUTE, SEND, BARRIER):
        mine = kind == number
        row[mine] = np.arange(int(mine.sum()))
    group = level.astype(np.int32) * 3 + kind
    order = np.argsort(group, kind="stable")
    borders = np.flatnonzero(np.diff(group[order])) + 1
    return [
        Job(int(kind[items[0]]), items, row[items], cause[items]) for items in np.split(order, borders) if len(items)
    ]


def schedule(trace: Trace, duration: Floats, legs: Legs) -> tuple[Floats, Floats]:
    """Start and end of each item, in seconds from the start of its round.

    Args:
        trace: the items.
        duration: (I,) seconds of each computation; ignored for others.
        legs: the segments of the messages, in the order of the items.
    """
    jobs = jobs_of(trace)
    lines = _Lines(legs, [job for job in jobs if job.kind == SEND])
    start, end = np.zeros(trace.num_items), np.full(trace.num_items, np.inf)
    for _ in range(MAX_SWEEPS):
        previous = end.copy() if lines.is_entangled else end
        for job in jobs:
            ready = np.where(job.causes == NO_CAUSE, 0.0, end[job.causes])
            if job.kind == COMPUTE:
                start[job.items], end[job.items] = ready, ready + duration[job.items]
            elif job.kind == SEND:
                start[job.items], end[job.items] = ready, lines.cross(job, ready)
            else:
                moment = _latest(trace, job, end)
                start[job.items], end[job.items] = moment, moment
        if not lines.is_entangled or np.array_equal(previous, end):
            return start, end
    return simulate(trace, duration, legs)


def _latest(trace: Trace, job: Job, end: Floats) -> Floats:
    """The latest end among each barrier's members."""
    first, last = trace.barrier_starts[job.rows], trace.barrier_starts[job.rows + 1]
    if len(job.rows) == len(trace.barriers):
        return np.asarray(np.maximum.reduceat(end[trace.members], trace.barrier_starts[:-1]))
    return np.array([end[trace.members[a:b]].max() for a, b in zip(first, last, strict=True)])


class _Lines:
    """The channels, and for those that serve several depths the arrivals known so far."""

    def __init__(self, legs: Legs, jobs: list[Job]) -> None:
        self.legs = legs
        stages = [(id(job), leg, job.rows) for job in jobs for leg in range(legs.channel.shape[1])]
        used = [np.unique(legs.channel[rows, leg]) for _, leg, rows in stages]
        keys, times = np.unique(np.concatenate([np.zeros(0, np.int64), *used]), return_counts=True)
        shared = keys[(times > 1) & (keys >= 0)]
        self.is_entangled = bool(len(shared))
        self._masks: dict[tuple[int, int], NDArray[np.bool_]] = {}
        self._slices: dict[tuple[int, int], slice] = {}
        channels, services, ids = [np.zeros(0, np.int64)], [np.zeros(0)], [np.zeros(0, np.int64)]
        count = 0
        for job, leg, rows in stages if self.is_entangled else []:
            mask = np.isin(legs.channel[rows, leg], shared)
            self._masks[job, leg] = mask
            self._slices[job, leg] = slice(count, count + int(mask.sum()))
            count += int(mask.sum())
            channels.append(legs.channel[rows[mask], leg])
            services.append(legs.service[rows[mask], leg])
            ids.append(rows[mask])
        # Equal arrivals are served in the order of the messages, whatever their depth.
        self._rank = np.argsort(np.concatenate(ids), kind="stable")
        self._channel = np.concatenate(channels)
        self._service = np.concatenate(services)
        self._arrival = np.full(count, np.inf)

    def cross(self, job: Job, ready: Floats) -> Floats:
        """When messages that start at ``ready`` have crossed all segments."""
        moment = ready
        for leg in range(self.legs.channel.shape[1]):
            arrival = moment + self.legs.before[job.rows, leg]
            service, channel = self.legs.service[job.rows, leg], self.legs.channel[job.rows, leg]
            finish = arrival + service
            alone = channel >= 0
            if self.is_entangled:
                mask = self._masks[id(job), leg]
                finish[mask] = self._join(self._slices[id(job), leg], arrival[mask])
                alone &= ~mask
            if alone.any():
                finish[alone] = fifo_finish(channel[alone], arrival[alone], service[alone])
            moment = finish + self.legs.after[job.rows, leg]
        return moment

    def _join(self, mine: slice, arrival: Floats) -> Floats:
        self._arrival[mine] = arrival
        if mine.start == mine.stop:
            return arrival
        rank = self._rank
        finish = np.empty(len(rank))
        finish[rank] = fifo_finish(self._channel[rank], self._arrival[rank], self._service[rank])
        return finish[mine]
