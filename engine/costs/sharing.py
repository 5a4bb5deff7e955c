"""Sharing a channel max-min fairly: all that are being sent get the same share of its time.

Every message alone could use the whole channel, so equal shares are the max-min fair ones. With n messages under way
each gets on at 1 / n; in virtual time, which runs at that rate, a message that arrives at v with s seconds of service
is through at v + s (Parekh, Gallager, A Generalized Processor Sharing Approach to Flow Control, 1993, section II).
"""

import heapq
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

WIDEST = 2048
"""Messages of a channel up to which channels go on in lock step; more are taken one by one from a heap."""


def shared(arrival_s: Floats, service_s: Floats) -> Floats:
    """When messages leave their channels.

    Args:
        arrival_s: (R, W) when each message of R channels arrives; infinite for padding, and what is not known yet.
        service_s: (R, W) how long it would occupy the channel alone.

    Returns:
        (R, W) finish times.
    """
    order = np.argsort(arrival_s, axis=1)
    arrival, service = np.take_along_axis(arrival_s, order, axis=1), np.take_along_axis(service_s, order, axis=1)
    find = _in_lock_step if arrival.shape[1] <= WIDEST else _one_by_one
    finish = np.full_like(arrival, np.inf)
    np.put_along_axis(finish, order, find(arrival, service), axis=1)
    return finish


def _in_lock_step(arrival: Floats, service: Floats) -> Floats:
    """One event of every channel at a time."""
    steps = _Steps(arrival, service)
    while steps.step():
        pass
    return steps.finish


class _Steps:
    """Channels whose messages are in the order in which they arrive."""

    def __init__(self, arrival: Floats, service: Floats) -> None:
        count = len(arrival)
        self.arrival = np.concatenate([arrival, np.full((count, 1), np.inf)], axis=1)
        self.service = service
        self.finish, self.tags = np.full_like(arrival, np.inf), np.full_like(arrival, np.inf)
        self.rows = np.arange(count)
        self.now, self.virtual = np.zeros(count), np.zeros(count)
        self.active, self.next = np.zeros(count), np.zeros(count, dtype=np.int64)

    def step(self) -> bool:
        """The next event of every channel; gives whether there was any."""
        coming = self.arrival[self.rows, self.next]
        first = self.tags.argmin(axis=1)
        tag = self.tags[self.rows, first]
        leaving = self.now + np.where(self.active > 0, (tag - self.virtual) * np.maximum(self.active, 1), np.inf)
        comes = (coming <= leaving) & (coming < np.inf)
        leaves = ~comes & (leaving < np.inf)
        if not (comes.any() or leaves.any()):
            return False
        self._arrive(np.flatnonzero(comes), coming)
        self._leave(np.flatnonzero(leaves), first, leaving)
        return True

    def _arrive(self, rows: NDArray[np.int64], coming: Floats) -> None:
        moment = coming[rows]
        passed = (moment - self.now[rows]) / np.maximum(self.active[rows], 1)
        # an idle channel begins anew, which keeps virtual time small and exact
        virtual = np.where(self.active[rows] > 0, self.virtual[rows] + passed, 0.0)
        place = self.next[rows]
        self.tags[rows, place] = virtual + self.service[rows, place]
        self.virtual[rows], self.now[rows] = virtual, moment
        self.active[rows] += 1
        self.next[rows] += 1

    def _leave(self, rows: NDArray[np.int64], first: NDArray[np.int64], leaving: Floats) -> None:
        place = first[rows]
        self.virtual[rows], self.now[rows] = self.tags[rows, place], leaving[rows]
        self.finish[rows, place] = leaving[rows]
        self.tags[rows, place] = np.inf
        self.active[rows] -= 1


def _one_by_one(arrival: Floats, service: Floats) -> Floats:
    """Channels with very many messages, each by a heap."""
    finish = np.full_like(arrival, np.inf)
    for row in range(len(arrival)):
        count = int(np.isfinite(arrival[row]).sum())
        line = Share()
        for place, (moment, needed) in enumerate(
            zip(arrival[row, :count].tolist(), service[row, :count].tolist(), strict=True)
        ):
            for done, when in line.until(moment):
                finish[row, done] = when
            line.arrive(moment, needed, place)
        for done, when in line.until(np.inf):
            finish[row, done] = when
    return finish


@dataclass
class Share:
    """One channel, message by message.

    Attributes:
        now: the time so far.
        virtual: how much of the channel everybody has had since it was idle.
        tags: the messages under way, by the virtual time at which they are through.
    """

    now: float = 0.0
    virtual: float = 0.0
    tags: list[tuple[float, int]] = field(default_factory=list)

    def arrive(self, moment: float, service: float, message: int) -> None:
        """A message arrives; whoever left before must have been told of by :meth:`until`."""
        self.virtual = self.virtual + (moment - self.now) / len(self.tags) if self.tags else 0.0
        self.now = moment
        heapq.heappush(self.tags, (self.virtual + service, message))

    def leaving(self) -> float:
        """When the next message leaves, if nobody arrives before; infinite if there is none."""
        return self.now + (self.tags[0][0] - self.virtual) * len(self.tags) if self.tags else np.inf

    def until(self, moment: float) -> list[tuple[int, float]]:
        """Who leaves before that moment, and when."""
        left = []
        while self.tags and (when := self.leaving()) < moment:
            self.now, self.virtual = when, self.tags[0][0]
            left.append((heapq.heappop(self.tags)[1], when))
        return left
