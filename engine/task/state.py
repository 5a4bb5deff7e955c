"""The explicit state of a run and the blocks of work that advance it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np

from engine.core.json import JsonValue

Tensors = Mapping[str, np.ndarray]
"""Named arrays; never written to in place once they are part of a state."""

_BUCKET = 1024
_EMPTY: Mapping[int, Tensors] = MappingProxyType({})


class Clients(Mapping[int, Tensors]):
    """Per-client tensors as a persistent mapping: an update shares everything it did not touch.

    Clients lie in buckets of neighboring ids, so setting a cohort of ten among a million copies ten buckets and no
    more, and :meth:`changed_since` skips untouched buckets by identity.
    """

    __slots__ = ("_buckets", "_count")

    def __init__(self, entries: Mapping[int, Tensors] | None = None) -> None:
        self._buckets: dict[int, dict[int, Tensors]] = {}
        for client, tensors in (entries or {}).items():
            self._buckets.setdefault(client // _BUCKET, {})[client] = tensors
        self._count = sum(map(len, self._buckets.values()))

    def updated(self, entries: Mapping[int, Tensors]) -> "Clients":
        """A copy with these clients set; self stays as it is."""
        result = Clients()
        result._buckets = dict(self._buckets)
        for bucket in {client // _BUCKET for client in entries}:
            result._buckets[bucket] = dict(self._buckets.get(bucket, {}))
        for client, tensors in entries.items():
            result._buckets[client // _BUCKET][client] = tensors
        result._count = self._count + sum(client not in self for client in entries)
        return result

    def changed_since(self, earlier: "Clients") -> frozenset[int]:
        """Ids whose tensors are other objects than in an earlier mapping from which this one was made."""
        changed: set[int] = set()
        for number, bucket in self._buckets.items():
            before = earlier._buckets.get(number, {})
            if bucket is not before:
                changed.update(client for client, tensors in bucket.items() if before.get(client) is not tensors)
        return frozenset(changed)

    def __getitem__(self, client: int) -> Tensors:
        return self._buckets.get(client // _BUCKET, _EMPTY)[client]

    def __iter__(self) -> Iterator[int]:
        for number in sorted(self._buckets):
            yield from sorted(self._buckets[number])

    def __len__(self) -> int:
        return self._count


@dataclass(frozen=True)
class State:
    """All that a task needs to go on: a resumed run has this, the spec and the seed, and nothing else.

    A step returns a new state and never changes the old one, arrays included.
    """

    values: Mapping[str, JsonValue] = field(default_factory=dict)
    """Counters and small facts as plain JSON (no tuples, no NumPy numbers: they would come back as something else)."""
    tensors: Tensors = field(default_factory=dict)
    """Named arrays such as ``server.conv1.weight`` or a finished block's ``block.3.weights``."""
    clients: Clients = field(default_factory=Clients)
    """Tensors of single clients, only of those that have any; checkpoints write only those that changed."""

    def replace(
        self,
        values: Mapping[str, JsonValue] | None = None,
        tensors: Tensors | None = None,
        clients: Mapping[int, Tensors] | None = None,
        *,
        drop: Iterable[str] = (),
    ) -> "State":
        """A new state with these entries set and the tensors and values named in ``drop`` left out."""
        gone = frozenset(drop)
        return replace(
            self,
            values={key: value for key, value in {**self.values, **(values or {})}.items() if key not in gone},
            tensors={key: value for key, value in {**self.tensors, **(tensors or {})}.items() if key not in gone},
            clients=self.clients.updated(clients) if clients else self.clients,
        )


@dataclass(frozen=True)
class Block:
    """One named piece of a step that any process can compute: all that a worker is given besides spec and seed."""

    name: tuple[str | int, ...]
    """Unique within the run, such as ``("train", round, block)``; random streams of the block start from it."""
    clients: tuple[int, ...] = ()
    """Ids of the clients that it computes, in ascending order; fixed by client id, never by worker or shard."""
    inputs: Tensors = field(default_factory=dict)
    """Arrays that it reads, such as the weights that the server sent."""
    values: Mapping[str, JsonValue] = field(default_factory=dict)
    """Small facts that it reads, such as the round."""
    client_states: Mapping[int, Tensors] = field(default_factory=dict)
    """Tensors of those of its clients that have any."""
    macs: float = 0.0
    """Multiply-accumulates that computing it takes, from shapes alone; 0 if unknown. Only tells whether it is worth
    sending to another process; no result may depend on it."""


@dataclass(frozen=True)
class BlockResult:
    """What a block gave."""

    tensors: Tensors = field(default_factory=dict)
    values: Mapping[str, JsonValue] = field(default_factory=dict)
    clients: Mapping[int, Tensors] = field(default_factory=dict)
    """New tensors of its clients."""
