"""The built-in data sets as their page shows them: what they are, whether they are here, and what to do if not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.data.dataset import Dataset, datasets
from engine.data.remote import RemoteFile
from engine.data.store import DataStore
from engine.data.upload import Upload
from engine.specs.describe import describe
from webapp.previews.making import offline_store


@dataclass(frozen=True)
class Missing:
    """A file of a data set that is not on this machine.

    Attributes:
        remote: the file.
        place: where to put it.
    """

    remote: RemoteFile
    place: str


@dataclass(frozen=True)
class BuiltIn:
    """A data set of the catalogue with its default settings.

    Attributes:
        kind: its name in specs.
        dataset: the set.
        title: what people call it.
        summary: what it is, in one sentence.
        missing: files that are not on this machine.
    """

    kind: str
    dataset: Dataset
    title: str
    summary: str
    missing: tuple[Missing, ...]

    @property
    def is_here(self) -> bool:
        """Whether it can be used without the network."""
        return not self.missing

    @property
    def is_generated(self) -> bool:
        """Whether it needs no file at all."""
        return not self.dataset.files()

    @property
    def download_bytes(self) -> int:
        """Bytes that a run would download first."""
        return sum(one.remote.size_bytes for one in self.missing)

    @property
    def samples(self) -> Mapping[str, int]:
        """Number of samples by split."""
        return {"train": self.dataset.num_samples("train"), "test": self.dataset.num_samples("test")}


def built_in() -> list[BuiltIn]:
    """All built-in sets that need no further settings, by name."""
    store = offline_store()
    return [_row(kind, cls(), store) for kind, cls in sorted(kinds().items())]


def kinds() -> dict[str, type[Dataset]]:
    """The classes of the built-in sets by kind."""
    return {
        kind: cls
        for kind, cls in datasets.members().items()
        if not issubclass(cls, Upload) and not any(info.is_required() for info in cls.model_fields.values())
    }


def _row(kind: str, dataset: Dataset, store: DataStore) -> BuiltIn:
    described: Any = describe(type(dataset))
    missing: tuple[Missing, ...] = ()
    if not dataset.is_available(store):
        absent = [file for file in dataset.files() if store.find(file) is None]
        missing = tuple(Missing(file, str(store.places(file)[-1])) for file in absent)
    return BuiltIn(kind, dataset, described.title, described.summary, missing)
