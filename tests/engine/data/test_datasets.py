"""The data sets by what is published about them."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from engine.core.errors import DataUnavailable, EngineError
from engine.data.datasets.digits import Digits
from engine.data.datasets.mnist import IMAGES, Mnist
from engine.data.datasets.synthetic import Synthetic, TooLarge
from engine.data.idx import parse_idx
from engine.data.malformed import MalformedFile
from engine.data.store import DataStore


@pytest.fixture
def store(tmp_path: Path) -> DataStore:
    """A store that never downloads."""
    return DataStore(tmp_path / "data", offline=True)


def test_digits_are_those_of_scikit_learn(store: DataStore) -> None:
    train, test = Digits().load(store, "train"), Digits().load(store, "test")
    assert (train.x.shape, test.x.shape) == ((1438, 1, 8, 8), (359, 1, 8, 8))
    # the first digit, a zero, as scikit-learn's documentation prints it
    first_row = train.x[0, 0, 0] * 0.3758 + 0.3047
    assert np.allclose(first_row * 16, [0, 0, 5, 13, 9, 1, 0, 0], atol=1e-4)
    assert train.y[:5].tolist() == [0, 1, 2, 3, 4]
    assert abs(float(train.x.mean())) < 1e-3
    assert abs(float(train.x.std()) - 1) < 1e-3


def test_digits_hold_their_classes_in_equal_shares(store: DataStore) -> None:
    train, test = (np.bincount(Digits().labels(store, split)) for split in ("train", "test"))
    assert (train + test).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert np.all(np.abs(test - (train + test) / 5) < 1)


@pytest.mark.slow
@pytest.mark.data
def test_mnist_is_mnist(tmp_path: Path) -> None:
    environment = DataStore.from_environment()
    store = DataStore(tmp_path, folders=environment.folders, offline=True)
    assert Mnist().is_available(store)
    train, test = Mnist().load(store, "train"), Mnist().load(store, "test")
    assert (train.x.shape, test.x.shape) == ((60_000, 1, 28, 28), (10_000, 1, 28, 28))
    # LeCun's page and countless papers
    assert np.bincount(train.y).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(test.y).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert train.y[:5].tolist() == [5, 0, 4, 1, 9]
    assert test.y[:5].tolist() == [7, 2, 1, 0, 4]
    assert abs(float(train.x.mean())) < 1e-3
    assert abs(float(train.x.std()) - 1) < 1e-3
    # a second process on this machine needs neither files nor decoding
    again = DataStore(tmp_path, offline=True)
    assert Mnist().is_available(again)
    assert np.array_equal(Mnist().load(again, "test").x, test.x)


def test_missing_mnist_names_files_places_and_addresses(store: DataStore) -> None:
    assert not Mnist().is_available(store)
    with pytest.raises(DataUnavailable, match=r"train-images-idx3-ubyte\.gz \(9\.9 MB\)") as caught:
        Mnist().load(store, "train")
    place = store.root / "mnist" / "train-images-idx3-ubyte.gz"
    for words in (str(place), "https://storage.googleapis.com/cvdf-datasets/mnist/train-images", "EDGELOOM_DATA"):
        assert words in caught.value.remedy


def test_a_file_that_is_not_mnist_is_refused(store: DataStore) -> None:
    path = store.root / IMAGES["test"].name
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress(b"\0\0\x08\x03" + struct.pack(">3I", 1, 2, 2) + b"1234"))
    with pytest.raises(DataUnavailable, match="checksum differs"):
        Mnist().load(store, "test")


def test_idx_by_hand() -> None:
    content = bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3]) + bytes([1, 2, 3, 4, 5, 255])
    assert parse_idx(content).tolist() == [[1, 2, 3], [4, 5, 255]]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "00 00 08"),
        (b"\x1f\x8b\x08\x00 gzip", "00 00 08"),
        (b"\0\0\x0d\x01\0\0\0\x01\0\0\0\0", "00 00 08"),
        (b"\0\0\x08\x03\0\0\0\x01", "within it"),
        (b"\0\0\x08\x01\0\0\0\x05abc", "5 elements, but 3 bytes"),
        (b"\0\0\x08\x02\xff\xff\xff\xff\xff\xff\xff\xffabc", "but 3 bytes"),
    ],
)
def test_malformed_idx_files_are_told(content: bytes, words: str) -> None:
    with pytest.raises(MalformedFile, match=words):
        parse_idx(content)


def test_synthetic_clients_are_made_one_by_one(store: DataStore) -> None:
    small, large = Synthetic(num_clients=5), Synthetic(num_clients=1_000_000)
    for client in (0, 3):
        alone, among_many = small.client(store, client), large.client(store, client)
        assert np.array_equal(alone.train.x, among_many.train.x)
        assert np.array_equal(alone.train.y, among_many.train.y)
    sizes = large.client_sizes(store)
    last = large.client(store, 999_999)
    assert len(last.train) == sizes[999_999]
    assert not (store.root / "cache").exists()


def test_synthetic_parts_join_to_the_whole(store: DataStore) -> None:
    data = Synthetic(num_clients=4, size_log_mean=2, size_log_std=0.5)
    for split in ("train", "test"):
        whole, owners = data.load(store, split), data.owners(store, split)
        assert len(whole) == data.num_samples(split) == len(owners)
        for client in range(4):
            made = data.client(store, client)
            part = made.train if split == "train" else made.test
            assert part is not None
            assert np.array_equal(whole.x[owners == client], part.x)
            assert np.array_equal(whole.y[owners == client], part.y)


def test_the_test_split_is_drawn_from_evenly_spaced_clients(store: DataStore) -> None:
    data = Synthetic(num_clients=10, test_clients=3, size_log_mean=1, size_log_std=0)
    assert np.unique(data.owners(store, "test")).tolist() == [0, 3, 6]
    assert np.unique(data.owners(store, "train")).tolist() == list(range(10))


def test_synthetic_sizes_and_shares_follow_the_paper(store: DataStore) -> None:
    """50 plus lognormal(4, 2), rounded down; 90 % for training."""
    data = Synthetic(num_clients=20_000)
    train = data.client_sizes(store)
    logs = np.log(train / 0.9 - 50 + 0.5)
    assert abs(np.median(logs) - 4) < 0.1
    assert abs((np.quantile(logs, 0.84) - np.quantile(logs, 0.16)) / 2 - 2) < 0.15
    assert data.client(store, 0).test is not None
    limited = Synthetic(num_clients=2_000, max_samples=100)
    assert limited.client_sizes(store).max() == 90


def test_synthetic_inputs_follow_the_paper(store: DataStore) -> None:
    """Var x_j = j^-1.2, around a mean with entries from N(B_k, 1)."""
    x = Synthetic(num_clients=1, size_log_mean=11, size_log_std=0).client(store, 0).train.x
    assert np.allclose(x.var(axis=0), np.arange(1, 61) ** -1.2, rtol=0.05)
    means = np.stack([Synthetic(num_clients=300, beta=5.0).client(store, c).train.x.mean(axis=0) for c in range(300)])
    between, within = means.mean(axis=1).std(), means.std(axis=1).mean()
    assert abs(between - 5) < 0.6
    assert abs(within - 1) < 0.1


def test_alpha_moves_the_models_apart_and_iid_makes_them_one(store: DataStore) -> None:
    def transfer(data: Synthetic) -> float:
        """Accuracy on client 1 of a least-squares classifier fitted to client 0."""
        first, second = data.client(store, 0).train, data.client(store, 1).train
        design = np.c_[first.x, np.ones(len(first))]
        fitted = np.linalg.lstsq(design, np.eye(10)[first.y] - 0.1, rcond=None)[0]
        return float((np.argmax(np.c_[second.x, np.ones(len(second))] @ fitted, axis=1) == second.y).mean())

    assert transfer(Synthetic(iid=True, num_clients=2, size_log_mean=8, size_log_std=0)) > 0.7
    assert transfer(Synthetic(num_clients=2, size_log_mean=8, size_log_std=0)) < 0.5


def test_synthetic_says_what_is_too_large(store: DataStore) -> None:
    data = Synthetic(num_clients=1_000_000)
    with pytest.raises(TooLarge, match="GB"):
        data.load(store, "train")


def test_parameters_and_version_decide_the_checksum() -> None:
    assert Synthetic().checksum() == Synthetic().checksum()
    assert Synthetic().checksum() != Synthetic(data_seed=1).checksum()
    assert Mnist().checksum() != Digits().checksum()


def test_sets_without_clients_of_their_own_say_so(store: DataStore) -> None:
    assert Digits().num_natural_clients is None
    assert Digits().owners(store, "train") is None
    assert Digits().client_sizes(store) is None
    with pytest.raises(EngineError, match="no clients of its own"):
        Digits().client(store, 0)
