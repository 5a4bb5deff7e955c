"""What a run did, without saying how long it took: computations, messages and barriers as columns.

Learning emits a trace; the cost model turns it into seconds, joules and bytes on any fleet and network. Items are
grouped by round: a round begins when the one before has ended, wherever its items have no cause of their own.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.core.errors import EngineError
from engine.core.operators import OPERATOR_CLASSES
from engine.costs.work import Work

COMPUTE, SEND, BARRIER = 0, 1, 2
"""Kinds of items."""

TRAIN, INFER = 0, 1
"""Modes of a computation."""

OPENS, KEPT = 1, -1
"""Connections of messages: opened for it, or kept from round to round; 0 is one that the round has opened before."""

NO_CAUSE = -1
"""The cause of an item that starts with its round."""

ITEM_COLUMNS: Mapping[str, type[np.generic]] = {
    "kind": np.int8,
    "source": np.int32,
    "target": np.int32,
    "size": np.int64,
    "steps": np.int32,
    "work": np.int16,
    "mode": np.int8,
    "connects": np.int8,
    "phase": np.int8,
    "cause": np.int64,
    "level": np.int16,
    "round": np.int32,
}
"""Columns of the items. ``size`` is the payload in bytes of a message and the number of samples of a computation;
``source`` is the computing device; ``connects`` is ``OPENS``, ``KEPT`` or 0; ``cause`` is the item that must end
before; ``level`` counts the causes before an item within its round."""

FORMAT = "edgeloom-trace-1"

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Trace:
    """Items of one or more rounds.

    Attributes:
        columns: the items by column name, see ``ITEM_COLUMNS``.
        works: what the computations do, by number.
        phases: names of the phases, by number.
        barriers: (K,) item ids of the barriers.
        barrier_starts: (K + 1,) where each barrier's members begin in ``members``.
        members: item ids that barriers wait for.
        repeats: (R,) how many times each round took place.
    """

    columns: Mapping[str, NDArray[Any]]
    works: tuple[Work, ...]
    phases: tuple[str, ...]
    barriers: Ids
    barrier_starts: Ids
    members: Ids
    repeats: Ids

    @property
    def num_items(self) -> int:
        """Number of items."""
        return len(self.columns["kind"])

    @property
    def num_rounds(self) -> int:
        """Number of rounds that are written down; repeated ones count once."""
        return len(self.repeats)

    def __getitem__(self, column: str) -> NDArray[Any]:
        return self.columns[column]

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The trace as named arrays, for checkpoints and files; the texts are bytes of JSON."""
        texts = {"format": FORMAT, "phases": self.phases, "works": [asdict(work) for work in self.works]}
        return {
            **self.columns,
            "barriers": self.barriers,
            "barrier_starts": self.barrier_starts,
            "members": self.members,
            "repeats": self.repeats,
            "texts": np.frombuffer(json.dumps(texts, sort_keys=True).encode(), dtype=np.uint8),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "Trace":
        """The trace of :meth:`to_arrays`.

        Raises:
            EngineError: the arrays are not a trace of this format.
        """
        try:
            texts = json.loads(bytes(np.asarray(arrays["texts"], dtype=np.uint8)).decode())
            if texts["format"] != FORMAT:
                raise EngineError(f"this is no trace of the format {FORMAT}, but {texts['format']}")
            return cls(
                columns={name: np.asarray(arrays[name], dtype=kind) for name, kind in ITEM_COLUMNS.items()},
                works=tuple(Work(**work) for work in texts["works"]),
                phases=tuple(texts["phases"]),
                barriers=np.asarray(arrays["barriers"], dtype=np.int64),
                barrier_starts=np.asarray(arrays["barrier_starts"], dtype=np.int64),
                members=np.asarray(arrays["members"], dtype=np.int64),
                repeats=np.asarray(arrays["repeats"], dtype=np.int64),
            )
        except KeyError as error:
            raise EngineError(f"this is no trace: {error.args[0]} is missing") from None

    def save(self, path: Path) -> None:
        """Write the trace to a safetensors file, which loads without running code."""
        from safetensors.numpy import save_file

        save_file({name: np.ascontiguousarray(array) for name, array in self.to_arrays().items()}, path)

    @classmethod
    def load(cls, path: Path) -> "Trace":
        """Read a trace that :meth:`save` wrote.

        Raises:
            EngineError: the file is no trace.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            return cls.from_arrays(load_file(path))
        except SafetensorError as error:
            raise EngineError(f"{path.name} is no trace: {error}") from None

    @classmethod
    def concat(cls, traces: "list[Trace] | tuple[Trace, ...]") -> "Trace":
        """The rounds of all traces, one after the other."""
        builder = TraceBuilder()
        for trace in traces:
            builder.append(trace)
        return builder.build()


class TraceBuilder:
    """Collects the items of a trace, a column at a time.

    A cause must have been added before its effect, and within the same round: rounds follow each other by themselves.
    """

    def __init__(self) -> None:
        self._parts: list[dict[str, NDArray[Any]]] = []
        self._works: list[Work] = []
        self._phases: list[str] = []
        self._barriers: list[Ids] = []
        self._sizes: list[int] = []
        self._members: list[Ids] = []
        self._repeats: list[int] = [1]
        self._count = 0
        self._starts: list[int] = []

    def next_round(self, *, repeats: int = 1) -> int:
        """Begin another round, which starts when all items so far have ended.

        Args:
            repeats: how many times the round takes place, each time with the same items; lets an estimate say "200
                rounds like this one".

        Returns:
            Its number, from 0. The first round need not be begun, unless it is repeated.
        """
        if repeats < 1:
            raise EngineError(f"a round takes place at least once, not {repeats} times")
        is_fresh = not self._parts or int(self._parts[-1]["round"][-1]) < len(self._repeats) - 1
        if is_fresh:
            self._repeats[-1] = repeats
        else:
            self._repeats.append(repeats)
        return len(self._repeats) - 1

    def compute(
        self,
        devices: ArrayLike,
        work: Work,
        num_samples: ArrayLike,
        *,
        mode: Literal["train", "infer"],
        num_steps: ArrayLike = 0,
        after: ArrayLike | None = None,
        phase: str = "compute",
    ) -> Ids:
        """Devices compute.

        Args:
            devices: (M,) device ids.
            work: what one forward pass over one sample asks.
            num_samples: (M,) or one number: samples that pass, all epochs counted.
            mode: ``train`` adds the backward pass.
            num_steps: (M,) or one number: optimizer steps, each of which touches every parameter.
            after: (M,) item ids or one: what must end before; None starts with the round.
            phase: name under which the ledger books it.

        Returns:
            (M,) item ids.
        """
        devices = np.asarray(devices, dtype=np.int32).reshape(-1)
        if devices.size and devices.min() < 0:
            raise EngineError("only devices of the fleet compute; the server and gateways have no device yet")
        values = {
            "kind": COMPUTE,
            "source": devices,
            "target": devices,
            "size": num_samples,
            "steps": num_steps,
            "work": self._work(work),
            "mode": TRAIN if mode == "train" else INFER,
            "phase": self._phase(phase),
        }
        return self._add(len(devices), values, after)

    def send(
        self,
        sources: ArrayLike,
        targets: ArrayLike,
        payload_bytes: ArrayLike,
        *,
        new_connection: bool,
        kept: bool = False,
        after: ArrayLike | None = None,
        phase: str = "upload",
    ) -> Ids:
        """Messages are sent.

        Args:
            sources: (M,) or one: sending nodes; devices from 0, the server -1, gateways from -2 down.
            targets: (M,) or one: receiving nodes.
            payload_bytes: (M,) or one number: bytes without headers.
            new_connection: whether the radio wakes and a connection is opened first.
            kept: whether the connection outlives the round, as between devices that answer one request after the
                other: it is warm, and messages over it wait for each other; see :mod:`engine.costs.warmth`.
            after: (M,) item ids or one: what must end before; None starts with the round.
            phase: name under which the ledger books it.

        Returns:
            (M,) item ids.

        Raises:
            EngineError: the connection is both opened and kept.
        """
        if new_connection and kept:
            raise EngineError("a connection that is kept from round to round is not opened for a message")
        sources, targets = np.asarray(sources, dtype=np.int32), np.asarray(targets, dtype=np.int32)
        count = int(np.broadcast(sources, targets, np.asarray(payload_bytes)).size)
        values = {
            "kind": SEND,
            "source": sources,
            "target": targets,
            "size": payload_bytes,
            "connects": KEPT if kept else OPENS if new_connection else 0,
            "phase": self._phase(phase),
        }
        return self._add(count, values, after)

    def barrier(self, after: ArrayLike) -> int:
        """A moment at which all these items have ended, such as the server having every update.

        Args:
            after: (M,) item ids, at least one.

        Returns:
            The barrier's item id, a cause for others.
        """
        members = np.asarray(after, dtype=np.int64).reshape(-1)
        if not members.size:
            raise EngineError("a barrier needs something to wait for")
        item = self._add(1, {"kind": BARRIER}, None, level=int(self._level_of(members).max()) + 1)
        self._barriers.append(item)
        self._sizes.append(len(members))
        self._members.append(members)
        return int(item[0])

    def append(self, trace: Trace) -> None:
        """Add all rounds of another trace after those that are here."""
        first_round = self.next_round(repeats=int(trace.repeats[0]))
        part = dict(trace.columns)
        works = np.array([self._work(work) for work in trace.works], dtype=np.int16)
        phases = np.array([self._phase(phase) for phase in trace.phases], dtype=np.int8)
        part["work"] = works[part["work"]] if len(works) else part["work"]
        part["phase"] = phases[part["phase"]] if len(phases) else part["phase"]
        part["round"] = part["round"] + np.int32(first_round)
        part["cause"] = np.where(part["cause"] == NO_CAUSE, NO_CAUSE, part["cause"] + self._count)
        self._repeats += trace.repeats[1:].tolist()
        self._barriers.append(trace.barriers + self._count)
        self._sizes += np.diff(trace.barrier_starts).tolist()
        self._members.append(trace.members + self._count)
        self._keep(part, trace.num_items)

    def build(self) -> Trace:
        """The trace of everything added so far."""
        columns = {
            name: np.concatenate([np.zeros(0, kind), *(part[name] for part in self._parts)]).astype(kind, copy=False)
            for name, kind in ITEM_COLUMNS.items()
        }
        none = np.zeros(0, dtype=np.int64)
        return Trace(
            columns=columns,
            works=tuple(self._works),
            phases=tuple(self._phases),
            barriers=np.concatenate([none, *self._barriers]),
            barrier_starts=np.concatenate([[0], np.cumsum(self._sizes, dtype=np.int64)]).astype(np.int64),
            members=np.concatenate([none, *self._members]),
            repeats=np.array(self._repeats, dtype=np.int64),
        )

    def _add(self, count: int, values: Mapping[str, Any], after: ArrayLike | None, level: int | None = None) -> Ids:
        ids = np.arange(self._count, self._count + count, dtype=np.int64)
        if not count:
            return ids
        cause = np.broadcast_to(np.asarray(NO_CAUSE if after is None else after, dtype=np.int64), count)
        if level is None:
            known = cause[cause != NO_CAUSE]
            level = int(self._level_of(known).max()) + 1 if known.size else 0
        values = {**values, "cause": cause, "level": level, "round": len(self._repeats) - 1}
        part = {
            name: np.broadcast_to(np.asarray(values.get(name, 0), dtype=kind), count)
            for name, kind in ITEM_COLUMNS.items()
        }
        if count and (int(part["size"].min()) < 0 or int(part["steps"].min()) < 0):
            raise EngineError("samples, steps and bytes are never negative")
        self._keep(part, count)
        return ids

    def _keep(self, part: dict[str, NDArray[Any]], count: int) -> None:
        if count:
            self._parts.append(part)
            self._starts.append(self._count)
            self._count += count

    def _level_of(self, ids: Ids) -> NDArray[np.int16]:
        """Levels of earlier items; refuses items that are not there or belong to another round."""
        if ids.size and (ids.min() < 0 or ids.max() >= self._count):
            raise EngineError("a cause must be an item that was added before")
        parts = np.searchsorted(self._starts, ids, side="right") - 1
        levels = np.zeros(len(ids), dtype=np.int16)
        for number in np.unique(parts):
            mine = parts == number
            part, places = self._parts[number], ids[mine] - self._starts[number]
            if np.any(part["round"][places] != len(self._repeats) - 1):
                raise EngineError("a cause must be an item of the same round; rounds follow each other by themselves")
            levels[mine] = part["level"][places]
        return levels

    def _work(self, work: Work) -> int:
        unknown = set(work.macs) - set(OPERATOR_CLASSES)
        if unknown:
            raise EngineError(f"unknown operator classes: {', '.join(sorted(unknown))}")
        if work not in self._works:
            self._works.append(work)
        return self._works.index(work)

    def _phase(self, phase: str) -> int:
        if phase not in self._phases:
            self._phases.append(phase)
        return self._phases.index(phase)
