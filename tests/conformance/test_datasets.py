"""What every data set must do, tested on every member whose files are at hand."""

from pathlib import Path

import numpy as np
import pytest

from engine.data.dataset import Dataset, SplitName, datasets
from engine.data.store import DataStore

MEMBERS = [
    pytest.param(cls, id=kind)
    for kind, cls in datasets.members().items()
    if not any(field.is_required() for field in cls.model_fields.values())
]
SPLITS: tuple[SplitName, ...] = ("train", "test")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> DataStore:
    """A store with an empty cache that looks into ``EDGELOOM_DATA`` and never downloads."""
    folders = DataStore.from_environment().folders
    return DataStore(tmp_path_factory.mktemp("data"), folders=folders, offline=True)


def member(cls: type[Dataset], store: DataStore) -> Dataset:
    """The member with its default parameters; skips loudly where its files are not here."""
    found = cls()
    if not found.is_available(store):
        pytest.skip(f"NO DATA: {', '.join(file.name for file in found.files())}")
    return found


@pytest.mark.parametrize("cls", MEMBERS)
def test_what_is_declared_is_loaded(cls: type[Dataset], store: DataStore) -> None:
    data = member(cls, store)
    sample = data.sample()
    for split in SPLITS:
        loaded = data.load(store, split)
        assert loaded.x.shape == (data.num_samples(split), *sample.shape)
        assert loaded.x.dtype == (np.int64 if sample.kind == "tokens" else np.float32)
        assert len(loaded.y) == data.num_samples(split)
        assert loaded.y.dtype == np.int64
        assert loaded.y.min() >= 0
        assert loaded.y.max() < sample.num_classes
        assert np.isfinite(loaded.x[:1000]).all()
        assert np.array_equal(data.labels(store, split), loaded.y)


@pytest.mark.parametrize("cls", MEMBERS)
def test_the_same_bytes_every_time(cls: type[Dataset], store: DataStore, tmp_path: Path) -> None:
    data = member(cls, store)
    fresh = DataStore(tmp_path, folders=store.folders, offline=True)
    first, second = data.load(store, "test"), data.load(fresh, "test")
    assert first.x.tobytes() == second.x.tobytes()
    assert first.y.tobytes() == second.y.tobytes()


@pytest.mark.parametrize("cls", MEMBERS)
def test_own_clients_are_a_partition(cls: type[Dataset], store: DataStore) -> None:
    data = member(cls, store)
    if data.num_natural_clients is None:
        assert data.owners(store, "train") is None
        return
    owners, sizes = data.owners(store, "train"), data.client_sizes(store)
    assert owners is not None
    assert sizes is not None
    assert np.array_equal(np.bincount(owners, minlength=data.num_natural_clients), sizes)
    whole = data.load(store, "train")
    for client in (0, data.num_natural_clients - 1):
        part = data.client(store, client).train
        assert np.array_equal(part.x, whole.x[owners == client])
        assert np.array_equal(part.y, whole.y[owners == client])


@pytest.mark.parametrize("cls", MEMBERS)
def test_declarations_need_no_files(cls: type[Dataset], tmp_path: Path) -> None:
    data = cls()
    empty = DataStore(tmp_path / "nowhere", offline=True)
    assert len(data.checksum()) == 64
    assert data.num_samples("train") > data.num_samples("test") > 0
    assert data.is_available(empty) == (not data.files())
    for file in data.files():
        assert len(file.sha256) == 64
        assert file.size_bytes > 0
        assert all(url.startswith("https://") for url in file.urls)
        assert file.urls
    assert not (tmp_path / "nowhere").exists()
