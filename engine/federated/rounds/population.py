"""Who holds which samples: the data of a task, loaded on first use and kept by the process, never in a state."""

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from engine.data.dataset import Dataset, Split
from engine.data.partitioner import Partitioner
from engine.task.contract import Context

if TYPE_CHECKING:
    from engine.training.block import Samples

KEPT_BYTES = 256 << 20
"""Inputs of generated or shifted clients kept in memory at most; older ones are made again."""


def shard_count(dataset: Dataset, partition: Partitioner, num_devices: int) -> int:
    """How many parts the data has; client i holds part i modulo this number."""
    if partition.reads_own_clients(dataset):
        return int(dataset.num_natural_clients or 0)
    return partition.num_shards(num_devices)


class Population:
    """The clients' samples.

    Args:
        dataset: where samples come from.
        partition: how they are spread.
        num_devices: clients; client i is device i.
        context: seed and data store.
        held_out: share of each client's samples that it does not train on; clients of the data set keep all.

    Raises:
        DataUnavailable: the data set is not on this machine and cannot be fetched.
    """

    def __init__(
        self, dataset: Dataset, partition: Partitioner, num_devices: int, context: Context, *, held_out: float = 0.0
    ) -> None:
        self.dataset, self.store = dataset, context.store
        self.num_shards = shard_count(dataset, partition, num_devices)
        self._partition, self._seed = partition, context.seed
        self._kept: dict[int, Split] = {}
        self._kept_bytes = 0
        self._keeping = threading.Lock()
        self._train: Split | None = None
        self._test: Split | None = None
        self._parts: list[np.ndarray] = []
        self._held_out: list[np.ndarray] = []
        if partition.reads_own_clients(dataset):
            sizes = dataset.client_sizes(self.store)
            assert sizes is not None
            self.sizes = sizes
        else:
            self._train = dataset.load(self.store, "train")
            owners = dataset.owners(self.store, "train")
            self._parts = partition.split(self._train.y, self.num_shards, context.seed, owners)
            if held_out:
                self._parts, self._held_out = _apart(self._parts, held_out, context)
            self.sizes = np.array([len(part) for part in self._parts], dtype=np.int64)

    def num_samples(self, clients: np.ndarray) -> np.ndarray:
        """Training samples of each of these clients."""
        counts: np.ndarray = self.sizes[clients % self.num_shards]
        return counts

    def samples(self, clients: Sequence[int]) -> "Samples":
        """The training samples of some clients."""
        from engine.training.block import Samples

        shards = [client % self.num_shards for client in clients]
        if self._train is not None and not self._partition.shifts_samples:
            return Samples(self._train.x, self._train.y, [self._parts[shard] for shard in shards], shards)
        splits = [self._client(shard) for shard in shards]
        ends = np.cumsum([len(split) for split in splits])
        places = np.split(np.arange(ends[-1]), ends[:-1])
        x, y = (np.concatenate([getattr(split, part) for split in splits]) for part in ("x", "y"))
        return Samples(x, y, places, shards)

    def held_out(self, client: int) -> Split | None:
        """The samples of a client that it does not train on; None if it has none."""
        shard = client % self.num_shards
        if self._train is None:
            return self.dataset.client(self.store, shard).test
        if not self._held_out or not len(self._held_out[shard]):
            return None
        rows = self._train.take(self._held_out[shard])
        if not self._partition.shifts_samples:
            return rows
        return Split(self._partition.shift(rows.x, shard, self.num_shards, self._seed), rows.y)

    def test(self) -> Split:
        """The held-out samples on which the global model is measured."""
        if self._test is None:
            self._test = self.dataset.load(self.store, "test")
        return self._test

    def _client(self, shard: int) -> Split:
        with self._keeping:
            if shard not in self._kept:
                split = self._made(shard)
                self._kept[shard] = split
                self._kept_bytes += split.x.nbytes
                while self._kept_bytes > KEPT_BYTES and len(self._kept) > 1:
                    self._kept_bytes -= self._kept.pop(next(iter(self._kept))).x.nbytes
            return self._kept[shard]

    def _made(self, shard: int) -> Split:
        """A client's samples where they are not simply rows of the data set."""
        if self._train is None:
            return self.dataset.client(self.store, shard).train
        rows = self._train.take(self._parts[shard])
        return Split(self._partition.shift(rows.x, shard, self.num_shards, self._seed), rows.y)


def _apart(parts: list[np.ndarray], share: float, context: Context) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Each part cut into what is trained on and what is held out; a part of one sample is trained on."""
    kept, held = [], []
    for shard, part in enumerate(parts):
        count = min(max(1, round(share * len(part))), max(0, len(part) - 1))
        is_held = np.zeros(len(part), dtype=np.bool_)
        is_held[context.stream("held-out", shard).permutation(len(part))[:count]] = True
        kept.append(part[~is_held])
        held.append(part[is_held])
    return kept, held
