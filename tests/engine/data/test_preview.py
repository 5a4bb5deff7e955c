"""What previews show, by hand."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.core.errors import SpecError
from engine.data.datasets.arrays import Arrays
from engine.data.datasets.digits import Digits
from engine.data.datasets.shakespeare import Shakespeare
from engine.data.datasets.spoken_digits import SpokenDigits
from engine.data.datasets.synthetic import Synthetic
from engine.data.partitioners.by_user import ByUser
from engine.data.partitioners.iid import Iid
from engine.data.partitioners.natural import Natural
from engine.data.partitioners.shards import Shards
from engine.data.preview import class_counts, class_map, samples
from engine.data.store import DataStore
from tests.engine.data.files import in_store, npz_of


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataStore:
    """A store of an own home that knows the folders of the environment and never downloads."""
    folders = DataStore.from_environment().folders
    monkeypatch.setenv("EDGELOOM_HOME", str(tmp_path))
    return DataStore(tmp_path / "data", folders=folders, offline=True)


def pixels(png: bytes) -> np.ndarray:
    """A picture as an array."""
    with Image.open(io.BytesIO(png)) as image:
        assert image.format == "PNG"
        return np.asarray(image)


def test_counts_of_classes(store: DataStore) -> None:
    found = class_counts(Digits(), store, "test")
    assert found.names == tuple("0123456789")
    assert found.counts.sum() == 359
    assert found.counts.tolist() == np.bincount(Digits().labels(store, "test")).tolist()


def test_samples_are_pictures_of_all_classes(store: DataStore) -> None:
    shown = samples(Digits(), store, count=12)
    assert [one.label for one in shown] == [*"0123456789", "0", "1"]
    assert len({one.index for one in shown}) == 12
    picture = pixels(shown[0].png)
    assert picture.shape == (64, 64)
    # the first digit of scikit-learn: its first row is 0 0 5 13 9 1 0 0 of 16
    assert (picture[0, ::8] / 255 * 16).round().astype(int).tolist() == [0, 0, 5, 13, 9, 1, 0, 0]


def test_a_table_is_shown_as_numbers(store: DataStore, tmp_path: Path) -> None:
    path = npz_of(tmp_path / "a.npz", x=np.arange(40.0).reshape(10, 4) % 2, y=np.arange(10) % 2)
    (one,) = samples(Arrays(sha256=in_store(tmp_path, path)), store, count=1)
    assert one.png == b""
    assert len(one.text.split(", ")) == 4


def test_the_class_map_counts_by_hand(store: DataStore) -> None:
    found = class_map(Digits(), Shards(classes_per_client=1), 10, store)
    assert found.counts.shape == (10, 10)
    assert found.counts.sum() == 1438
    assert found.counts.sum(axis=0).tolist() == class_counts(Digits(), store).counts.tolist()
    assert found.first.tolist() == found.last.tolist() == list(range(10))
    # shards of 143 or 144 of classes of 139 to 147: nearly all of a client's samples are of one class
    assert found.counts.max(axis=1).min() >= 120


def test_many_clients_share_rows(store: DataStore) -> None:
    found = class_map(Digits(), Iid(), 1000, store)
    assert found.counts.shape == (200, 10)
    assert found.counts.sum() == 1438
    assert (found.last - found.first).tolist() == [4] * 200
    assert (found.num_clients, found.num_read) == (1000, 1000)


@pytest.mark.slow
def test_very_many_generated_clients_are_sampled(store: DataStore) -> None:
    data = Synthetic(num_clients=1_000_000, max_samples=60)
    found = class_map(data, Natural(), 1_000_000, store)
    assert (found.num_clients, found.num_read) == (1_000_000, 2000)
    assert found.counts.shape == (200, 10)
    assert found.last[-1] == 999_999
    assert found.first[1] == 5000


def test_many_classes_share_columns(store: DataStore, tmp_path: Path) -> None:
    path = npz_of(tmp_path / "a.npz", x=np.zeros((2000, 1)), y=np.arange(2000) % 300)
    found = class_map(Arrays(sha256=in_store(tmp_path, path)), Iid(), 4, store)
    assert found.counts.shape == (4, 100)
    assert found.classes[0] == "0 .. 2"
    assert found.counts.sum() == 1600


def test_an_impossible_map_is_told(store: DataStore) -> None:
    with pytest.raises(SpecError, match="clients of its own"):
        class_map(Digits(), ByUser(), 5, store)


@pytest.mark.slow
@pytest.mark.data
def test_sounds_and_texts_are_shown(store: DataStore) -> None:
    one, *_ = samples(SpokenDigits(), store, "test", count=3)
    assert pixels(one.png).shape == (80, 98)
    text, *_ = samples(Shakespeare(), store, "test", count=3)
    assert text.png == b""
    assert len(text.text) >= 80
    found = class_map(Shakespeare(length=20), ByUser(), 20, store)
    assert found.counts.sum() == 40_862 * 20
    assert "blank" in found.classes
