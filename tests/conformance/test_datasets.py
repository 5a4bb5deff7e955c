"""What every data set must do, tested on every member whose files are at hand."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.core.registry import kind_of
from engine.core.streams import stream
from engine.data.dataset import Dataset, SplitName, datasets
from engine.data.preview import class_counts, samples
from engine.data.store import DataStore
from engine.data.upload import Upload
from tests.engine.data.files import flat, in_store, npz_of, zip_of


def marks(cls: type[Dataset]) -> list[pytest.MarkDecorator]:
    """Large sets are slow to decode."""
    large = not issubclass(cls, Upload) and sum(file.size_bytes for file in cls().files()) > 50_000_000
    return [pytest.mark.slow] if large else []


MEMBERS = [pytest.param(cls, id=kind, marks=marks(cls)) for kind, cls in datasets.members().items()]
DECLARED = [pytest.param(cls, id=kind) for kind, cls in datasets.members().items() if not issubclass(cls, Upload)]
SPLITS: tuple[SplitName, ...] = ("train", "test")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A platform's folder, named by the environment."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("home")
        patch.setenv("EDGELOOM_HOME", str(folder))
        yield folder


@pytest.fixture(scope="module")
def store(home: Path) -> DataStore:
    """A store with an empty cache that looks into ``EDGELOOM_DATA`` and never downloads."""
    return DataStore(home / "data", folders=DataStore.from_environment().folders, offline=True)


def uploaded(kind: str, store: DataStore) -> str:
    """The hash of a small upload of that kind, made and put where uploads lie; skips loudly for an unknown kind."""
    path = store.root.parent / f"{kind}.upload"
    if kind == "arrays":
        y = np.arange(60) % 3
        npz_of(path, x=stream(0, "upload").standard_normal((60, 4)) + y[:, np.newaxis], y=y, users=np.arange(60) // 20)
    elif kind == "image_folder":
        zip_of(path, {f"{name}/{n}.png": flat(40 * n) for name in ("cat", "dog") for n in range(6)})
    else:
        pytest.skip(f"NO DATA: no upload of the kind {kind} is known here")
    return in_store(store.root.parent, path)


def member(cls: type[Dataset], store: DataStore) -> Dataset:
    """The member with its default parameters; skips loudly where its files are not here."""
    kind = kind_of(cls)
    found = cls.model_validate({"sha256": uploaded(kind, store)}) if issubclass(cls, Upload) else cls()
    assert found.check() == []
    if not found.is_available(store):
        pytest.skip(f"NO DATA: {', '.join(file.name for file in found.files())}")
    return found


@pytest.mark.slow
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
    fresh = DataStore(tmp_path, folders=store.folders, artifacts=store.artifacts, offline=True)
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
def test_classes_and_pictures(cls: type[Dataset], store: DataStore) -> None:
    data = member(cls, store)
    assert len(data.class_names()) == len(set(data.class_names())) == data.sample().num_classes
    assert class_counts(data, store, "test").counts.sum() == data.load(store, "test").y.size
    shown = samples(data, store, "test", count=2)
    assert len(shown) == 2
    assert all(bool(one.png) != bool(one.text) for one in shown)
    if data.sample().kind == "image" and data.pixels() is not None:
        assert shown[0].png


@pytest.mark.parametrize("cls", DECLARED)
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
