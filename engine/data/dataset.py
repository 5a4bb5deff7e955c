"""The contract of a data set."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from engine.core.component import Component
from engine.core.errors import EngineError, Problem
from engine.core.registry import Registry, kind_of
from engine.core.sample import SampleSpec
from engine.data.pixels import Pixels
from engine.data.remote import RemoteFile
from engine.data.store import DataStore

SplitName = Literal["train", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "test")


@dataclass(frozen=True)
class Split:
    """Samples with their labels.

    Attributes:
        x: (N, *sample.shape), float32 standardized by the set's declared constants, or int64 tokens.
        y: (N,) int64 labels; (N, T) where the set has one label per position.
        owners: (N,) int64, which of the set's own clients each sample belongs to; None if it has none.
    """

    x: np.ndarray
    y: np.ndarray
    owners: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.y)

    def take(self, indices: np.ndarray) -> "Split":
        """The samples at those indices, in that order, copied."""
        owners = None if self.owners is None else np.ascontiguousarray(self.owners[indices])
        return Split(np.ascontiguousarray(self.x[indices]), np.ascontiguousarray(self.y[indices]), owners)


@dataclass(frozen=True)
class ClientData:
    """The samples of one client; ``test`` is None where a client holds none back."""

    train: Split
    test: Split | None


class Dataset(Component):
    """A set of labeled samples, train and test.

    Its content never depends on the seed of a run, so runs over several seeds see the same data set.
    """

    decoding: ClassVar[int] = 1
    """Version of what :meth:`read` makes of the files; raised with any change of it, so that no old cache is used."""

    @abstractmethod
    def sample(self) -> SampleSpec:
        """Shape and meaning of one sample."""

    @abstractmethod
    def num_samples(self, split: SplitName) -> int:
        """Number of samples of a split, known without loading."""

    @abstractmethod
    def checksum(self) -> str:
        """Hex digest of the content, declared; for generated sets, of their parameters and the generator's version."""

    @abstractmethod
    def read(self, store: DataStore, split: SplitName) -> Split:
        """Decode a split from its files, or generate it; callers use :meth:`load`, which caches.

        Raises:
            DataUnavailable: a file is missing or is not the declared one.
        """

    def files(self) -> tuple[RemoteFile, ...]:
        """The files that the set needs; none for a set that is generated or comes with a library."""
        return ()

    def uploads(self) -> tuple[str, ...]:
        """SHA-256 of the uploaded files that the set is read from; none for a set of the catalogue."""
        return ()

    def check(self) -> list[Problem]:
        """What is wrong with the choice of this set, told without loading it; paths are relative to the data set."""
        return []

    def class_names(self) -> tuple[str, ...]:
        """What the classes are called, in the order of labels."""
        return tuple(map(str, range(self.sample().num_classes)))

    def pixels(self) -> Pixels | None:
        """The constants by which images were standardized; None for a set whose samples are not pictures."""
        return None

    @property
    def num_natural_clients(self) -> int | None:
        """Number of clients that the set itself has (speakers, roles, generated ones); None if it has none."""
        return None

    def client(self, store: DataStore, client: int) -> ClientData:
        """The samples of one of the set's own clients, made or read on demand.

        Raises:
            EngineError: the set has no clients of its own.
            DataUnavailable: as :meth:`load`.
        """
        if self.num_natural_clients is None:
            raise EngineError(f"The data set has no clients of its own, so there is no client {client}.")
        train, test = (self._owned(store, split, client) for split in SPLITS)
        return ClientData(train, test if len(test) else None)

    def client_sizes(self, store: DataStore) -> np.ndarray | None:
        """Training samples of each of the set's own clients, (num_natural_clients,) int64; None if it has none."""
        owners = self.owners(store, "train") if self.num_natural_clients is not None else None
        return None if owners is None else np.bincount(owners, minlength=self.num_natural_clients or 0)

    def owners(self, store: DataStore, split: SplitName) -> np.ndarray | None:
        """(N,) int64: which of the set's own clients each sample of :meth:`load` belongs to; None if it has none."""
        return None if self.num_natural_clients is None else self.load(store, split).owners

    def load(self, store: DataStore, split: SplitName) -> Split:
        """A split, decoded once and then mapped read-only from the store's cache.

        Raises:
            DataUnavailable: the files are not here and cannot be downloaded; the remedy says where to put them.
        """

        def make() -> dict[str, np.ndarray]:
            fresh = self.read(store, split)
            arrays = {"x": fresh.x, "y": fresh.y, "owners": fresh.owners}
            return {name: array for name, array in arrays.items() if array is not None}

        arrays = store.arrays(self._key(split), make)
        return Split(arrays["x"], arrays["y"], arrays.get("owners"))

    def labels(self, store: DataStore, split: SplitName) -> np.ndarray:
        """The labels of a split, (N,) int64; (N, T) where the set has one label per position.

        Raises:
            DataUnavailable: as :meth:`load`.
        """
        return self.load(store, split).y

    def is_available(self, store: DataStore) -> bool:
        """Whether the set can be loaded without the network; looks at names of files only."""
        if not all(store.has_artifact(upload) for upload in self.uploads()):
            return False
        return self.is_decoded(store) or all(store.find(file) is not None for file in self.files())

    def is_decoded(self, store: DataStore) -> bool:
        """Whether both splits lie decoded in the store's cache, so that loading them only maps files."""
        return all(store.has_arrays(self._key(split)) for split in SPLITS)

    def _owned(self, store: DataStore, split: SplitName, client: int) -> Split:
        return self.load(store, split).take(np.flatnonzero(self.owners(store, split) == client))

    def _key(self, split: str) -> str:
        """Name of a split's entry in the cache; it holds the beginning of each upload, so that it can be removed."""
        parts = (*(upload[:16] for upload in self.uploads()), self.checksum()[:16])
        return f"{kind_of(type(self))}-{'-'.join(parts)}-{self.decoding}-{split}"


datasets: Registry[Dataset] = Registry("datasets", "engine.data.datasets", Dataset, title="Data set")
"""All data sets."""
