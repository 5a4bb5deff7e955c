"""What each client of a round receives, computes and sends: cut short for those who drop out."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from engine.core.nodes import SERVER
from engine.costs.trace import TraceBuilder
from engine.costs.work import Work

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

NEVER = -1
"""Bytes of a message that never began, samples of a training that never began, and the place of such an item."""


@dataclass(frozen=True)
class Sessions:
    """One row for each of m clients, ascending by id.

    Attributes:
        client: (m,) ids.
        bytes_down: (m,) payload to the client.
        samples: (m,) samples that pass through training, all epochs counted.
        steps: (m,) local steps.
        bytes_up: (m,) payload from the client.
        counts: (m,) 1 where the update counts, 0 where the client dropped out.
    """

    client: Ints
    bytes_down: Ints
    samples: Ints
    steps: Ints
    bytes_up: Ints
    counts: Ints

    @classmethod
    def of(cls, clients: Ints, samples: Ints, steps: Ints, *, bytes_down: int, bytes_up: int | Ints) -> Self:
        """Sessions of clients that all do everything."""
        columns = (clients, bytes_down, samples, steps, bytes_up, 1)
        return cls(*(np.broadcast_to(np.asarray(column, dtype=np.int64), len(clients)) for column in columns))

    @classmethod
    def from_columns(cls, columns: Mapping[str, Ints]) -> Self:
        """The sessions of :meth:`columns`."""
        return cls(**{field.name: np.asarray(columns[field.name], dtype=np.int64) for field in fields(cls)})

    def columns(self) -> dict[str, Ints]:
        """The sessions as named columns, for states."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def __len__(self) -> int:
        return len(self.client)

    def take(self, rows: NDArray[np.bool_] | Ints) -> Self:
        """Some of them."""
        return type(self)(**{name: column[rows] for name, column in self.columns().items()})

    def joined(self, other: "Sessions") -> Self:
        """Both, in the order of the clients."""
        columns = {name: np.concatenate([column, getattr(other, name)]) for name, column in self.columns().items()}
        order = np.argsort(columns["client"], kind="stable")
        return type(self)(**{name: column[order] for name, column in columns.items()})

    def with_steps(self, steps: Ints, samples: Ints) -> Self:
        """The same clients with other local work."""
        return replace(self, steps=steps, samples=samples)


@dataclass(frozen=True)
class Times:
    """When the parts of m sessions begin and end, in seconds from the start of their round.

    Attributes:
        begun: (m,) the message down begins.
        received: (m,) it is there, and training begins.
        trained: (m,) training ends, and the message up begins.
        sent: (m,) it is there.
    """

    begun: Floats
    received: Floats
    trained: Floats
    sent: Floats


@dataclass(frozen=True)
class SessionItems:
    """The items of m sessions in a trace; ``NEVER`` where there is none.

    Attributes:
        received: (m,) the messages down.
        trained: (m,) the trainings.
        sent: (m,) the messages up.
    """

    received: Ints
    trained: Ints
    sent: Ints

    def times(self, start_s: Floats, end_s: Floats) -> Times:
        """The times of sessions that are whole.

        Args:
            start_s: (I,) starts of the trace's items, from the start of the round.
            end_s: (I,) their ends.
        """
        return Times(start_s[self.received], end_s[self.received], end_s[self.trained], end_s[self.sent])

    @property
    def arrived(self) -> Ints:
        """(m,) the item with which each whole session is over."""
        return np.where(self.sent != NEVER, self.sent, self.trained)

    @property
    def last(self) -> Ints:
        """(n,) the last item of each session that began at all."""
        ends = np.where(self.sent != NEVER, self.sent, np.where(self.trained != NEVER, self.trained, self.received))
        found: Ints = ends[ends != NEVER]
        return found


def add_sessions(
    builder: TraceBuilder,
    work: Work,
    sessions: Sessions,
    *,
    hub: int | Ints = SERVER,
    after: Ints | int | None = None,
    new_connection: bool = True,
) -> SessionItems:
    """Add the items of sessions to a trace.

    A device joins the network and opens a connection once, for the message down; its update goes back over the same
    connection after training.

    Args:
        builder: the trace.
        work: one forward pass over one sample.
        sessions: who does what.
        hub: the node on the other side, one for all or (m,).
        after: items that must end before, one for all or (m,); None starts with the round.
        new_connection: whether the message down joins the network anew.
    """
    hubs = np.broadcast_to(np.asarray(hub, dtype=np.int64), len(sessions))
    begins, trains, sends = sessions.bytes_down >= 0, sessions.samples >= 0, sessions.bytes_up >= 0
    causes = None if after is None else np.broadcast_to(np.asarray(after, dtype=np.int64), len(sessions))[begins]
    received, trained, sent = (np.full(len(sessions), NEVER, dtype=np.int64) for _ in range(3))
    received[begins] = builder.send(
        hubs[begins], sessions.client[begins], sessions.bytes_down[begins], new_connection=new_connection,
        after=causes, phase="download",
    )  # fmt: skip
    trained[trains] = builder.compute(
        sessions.client[trains], work, sessions.samples[trains], mode="train", num_steps=sessions.steps[trains],
        after=received[trains], phase="compute",
    )  # fmt: skip
    sent[sends] = builder.send(
        sessions.client[sends], hubs[sends], sessions.bytes_up[sends], new_connection=False, after=trained[sends],
        phase="upload",
    )  # fmt: skip
    return SessionItems(received, trained, sent)


def cut(sessions: Sessions, times: Times, moment_s: float | Floats) -> Sessions:
    """What sessions have spent when they are broken off at a moment: each message and training by its share of time.

    What would be less than one byte or sample has not begun. The opening of a connection is not shared out: it counts
    whole with the first byte.

    Args:
        sessions: whole ones.
        times: theirs.
        moment_s: when, one for all or (m,).
    """
    moment = np.broadcast_to(np.asarray(moment_s, dtype=np.float64), len(sessions))
    down, work, up = (
        _share(moment, first, last)
        for first, last in (
            (times.begun, times.received),
            (times.received, times.trained),
            (times.trained, times.sent),
        )
    )
    trains = down >= 1
    return Sessions(
        client=sessions.client,
        bytes_down=_part(sessions.bytes_down, down, moment > times.begun),
        samples=_part(sessions.samples, work, trains & (moment > times.received)),
        steps=np.maximum(0, _part(sessions.steps, work, trains)),
        bytes_up=_part(sessions.bytes_up, up, (work >= 1) & (moment > times.trained)),
        counts=np.zeros(len(sessions), dtype=np.int64),
    )


def _share(moment: Floats, first: Floats, last: Floats) -> Floats:
    """(m,) the share of something that is over at a moment."""
    length = last - first
    done = np.divide(moment - first, length, out=np.where(moment >= last, 1.0, 0.0), where=length > 0)
    return np.asarray(np.clip(done, 0.0, 1.0))


def _part(whole: Ints, share: Floats, begins: NDArray[np.bool_]) -> Ints:
    done = np.floor(whole * share).astype(np.int64)
    return np.where(begins & ((done > 0) | (share >= 1)), done, NEVER)


def samples_in(steps: Ints, sizes: Ints, batch_size: int) -> Ints:
    """(m,) samples that pass in the first local steps of clients.

    Args:
        steps: (m,) steps; an epoch's last batch may be smaller.
        sizes: (m,) samples that each client has, at least one.
        batch_size: samples per step.
    """
    per_epoch = -(-sizes // batch_size)
    whole, rest = np.divmod(steps, per_epoch)
    return np.asarray(whole * sizes + np.minimum(sizes, rest * batch_size))
