"""Loaders on generated files of the same format, and on the real ones where they are at hand."""

import gzip
import hashlib
import io
import struct
import tarfile
import wave
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.core.errors import DataUnavailable
from engine.core.streams import stream
from engine.data import cifar
from engine.data.archive import content_digest
from engine.data.dataset import Dataset
from engine.data.datasets import cifar10, cifar10_jpeg, cifar100, fashion_mnist, shakespeare, spoken_digits
from engine.data.images import decode, fitted, png
from engine.data.malformed import MalformedFile
from engine.data.pixels import Pixels
from engine.data.plays import roles_of, windows
from engine.data.remote import RemoteFile, matches
from engine.data.sound import HOP, RATE_HZ, log_mel, mel_bands, one_second, parse_wav
from engine.data.store import DataStore
from tests.engine.data.files import image_of, tar_of, zip_of
from tests.engine.data.server import Behavior, serving


@pytest.fixture
def store(tmp_path: Path) -> DataStore:
    """A store with an empty cache that looks into ``EDGELOOM_DATA`` and never downloads."""
    return DataStore(tmp_path / "data", folders=DataStore.from_environment().folders, offline=True)


def declared(remote: RemoteFile, path: Path) -> RemoteFile:
    """The declaration with the checksum of a generated file."""
    content = path.read_bytes()
    return replace(remote, sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content), content_sha256="")


def placed(store: DataStore, remote: RemoteFile) -> Path:
    """Where the file of a data set lies in the store's own folder."""
    path = store.root / remote.name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def available(data: Dataset, store: DataStore) -> None:
    if not data.is_available(store):
        pytest.skip(f"NO DATA: {', '.join(file.name for file in data.files())}")


def test_fashion_mnist_on_generated_files(store: DataStore, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = stream(0, "files")
    images: np.ndarray = draw.integers(0, 256, (7, 28, 28), dtype=np.uint8)
    labels: np.ndarray = draw.integers(0, 10, 7, dtype=np.uint8)
    for part, kind, array in ((fashion_mnist.IMAGES, 3, images), (fashion_mnist.LABELS, 1, labels)):
        path = placed(store, part["test"])
        path.write_bytes(
            gzip.compress(bytes([0, 0, 8, kind]) + struct.pack(f">{kind}I", *array.shape) + array.tobytes())
        )
        monkeypatch.setitem(part, "test", declared(part["test"], path))
    found = fashion_mnist.FashionMnist().load(store, "test")
    assert found.y.tolist() == labels.tolist()
    assert np.allclose(found.x[:, 0] * 0.3530 + 0.2860, images / 255, atol=1e-6)


def test_files_of_one_name_are_not_confused(tmp_path: Path) -> None:
    """MNIST's files have the names of Fashion-MNIST's; in a folder that names no set they are MNIST's."""
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(b"")
    store = DataStore(tmp_path / "home", folders=[tmp_path], offline=True)
    assert store.find(fashion_mnist.IMAGES["train"]) is None


def records(count: int, num_labels: int) -> tuple[np.ndarray, bytes]:
    """Random records of binary CIFAR."""
    raw: np.ndarray = stream(count, "records").integers(0, 10, (count, num_labels + 3072), dtype=np.uint8)
    return raw, raw.tobytes()


def test_cifar10_on_a_generated_archive(store: DataStore, monkeypatch: pytest.MonkeyPatch) -> None:
    made = {name: records(count, 1) for count, name in enumerate(cifar10.BATCHES["train"], 3)}
    made = {name: records(4, 1) for name in made} | {cifar10.BATCHES["test"][0]: records(4, 1)}
    path = tar_of(
        placed(store, cifar10.ARCHIVE),
        {"cifar-10-batches-bin/readme.html": b"hello"} | {k: v[1] for k, v in made.items()},
    )
    monkeypatch.setattr(cifar10, "ARCHIVE", declared(cifar10.ARCHIVE, path))
    monkeypatch.setattr(cifar10, "BATCH_SIZE", 4)
    data = cifar10.Cifar10()
    train, test = data.load(store, "train"), data.load(store, "test")
    assert (len(train), len(test)) == (20, 4)
    raw = made[cifar10.BATCHES["test"][0]][0]
    assert test.y.tolist() == raw[:, 0].tolist()
    # red first, rows from the top; mean and deviation of the published constants
    red = raw[:, 1:1025].reshape(4, 32, 32) / 255
    assert np.allclose(test.x[:, 0], (red - 0.4914) / 0.2470, atol=1e-6)
    assert np.array_equal(data.pixels().shown(test.x).reshape(4, -1), raw[:, 1:])


def test_cifar100_on_a_generated_archive(store: DataStore, monkeypatch: pytest.MonkeyPatch) -> None:
    raw, content = records(6, 2)
    path = tar_of(placed(store, cifar100.ARCHIVE), {cifar100.FILES["test"]: content, cifar100.FILES["train"]: content})
    monkeypatch.setattr(cifar100, "ARCHIVE", declared(cifar100.ARCHIVE, path))
    monkeypatch.setattr(cifar100, "NUM_SAMPLES", {"train": 6, "test": 6})
    assert cifar100.Cifar100().load(store, "test").y.tolist() == raw[:, 1].tolist()
    assert cifar100.Cifar100(labels_are="coarse").load(store, "test").y.tolist() == raw[:, 0].tolist()
    assert cifar100.Cifar100(labels_are="coarse").sample().num_classes == 20
    assert len(set(cifar100.FINE)) == 100
    assert len(set(cifar100.COARSE)) == 20


def test_the_python_version_of_cifar_is_never_read(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "cifar-10-python.tar.gz", {"cifar-10-batches-py/data_batch_1": b"\x80\x04."})
    with pytest.raises(MalformedFile, match="lacks cifar-10-batches-bin/data_batch_1"):
        cifar.read_records(path, cifar10.BATCHES["train"], num_records=1, num_labels=1)


def test_odd_archives_of_cifar_are_told(tmp_path: Path) -> None:
    short = tar_of(tmp_path / "short.tar.gz", {"a": bytes(3072)})
    with pytest.raises(MalformedFile, match="a should be a file of 3073 bytes, it has 3072"):
        cifar.read_records(short, ["a"], num_records=1, num_labels=1)
    with tarfile.open(tmp_path / "link.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo("a")
        info.type, info.linkname, info.size = tarfile.SYMTYPE, "/etc/passwd", 3073
        archive.addfile(info)
    with pytest.raises(MalformedFile, match="should be a file"):
        cifar.read_records(tmp_path / "link.tar.gz", ["a"], num_records=1, num_labels=1)
    (tmp_path / "no.tar.gz").write_bytes(short.read_bytes()[:40])
    with pytest.raises(MalformedFile, match="not a readable"):
        cifar.read_records(tmp_path / "no.tar.gz", ["a"], num_records=1, num_labels=1)


def test_a_repacked_archive_is_recognized_by_its_content(tmp_path: Path) -> None:
    files = {"b/x.wav": b"1", "a.wav": b"22", "notes.txt": b"?"}
    pattern = r"([^/]+/)*(?P<name>[a-z]\.wav)"
    one = zip_of(tmp_path / "1.zip", files)
    moved = {f"top/{name}": content for name, content in reversed(files.items())} | {"top/README": b""}
    other = zip_of(tmp_path / "2.zip", moved, zipfile.ZIP_DEFLATED)
    lines = f"{hashlib.sha256(b'22').hexdigest()} a.wav\n{hashlib.sha256(b'1').hexdigest()} x.wav\n"
    expected = hashlib.sha256(lines.encode()).hexdigest()
    assert content_digest(one, pattern, 100) == content_digest(other, pattern, 100) == expected
    remote = RemoteFile("x.zip", (), "0" * 64, 5, expected, 100, pattern)
    assert matches(one, remote)
    assert matches(other, remote)
    assert not matches(zip_of(tmp_path / "3.zip", files | {"a.wav": b"23"}), remote)
    assert not matches(zip_of(tmp_path / "4.zip", files | {"c.wav": b""}), remote)
    assert not matches(zip_of(tmp_path / "5.zip", files | {"big.wav": bytes(1000)}), remote)
    (tmp_path / "6.zip").write_bytes(b"no zip")
    assert not matches(tmp_path / "6.zip", remote)


@pytest.mark.parametrize("size_bytes", [40, 10_000])
def test_a_repacked_archive_of_another_size_is_downloaded(tmp_path: Path, size_bytes: int) -> None:
    """The declared size is that of one packing; a mirror's may be smaller, or larger by up to twice."""
    packed = zip_of(tmp_path / "served.zip", {"top/a.wav": b"22"}).read_bytes()
    lines = f"{hashlib.sha256(b'22').hexdigest()} a.wav\n"
    expected = hashlib.sha256(lines.encode()).hexdigest()
    with serving(Behavior(packed)) as url:
        remote = RemoteFile("set/a.zip", (url,), "0" * 64, size_bytes, expected, 100, r"(.*/)?(?P<name>a\.wav)")
        store = DataStore(tmp_path / "data")
        if size_bytes * 2 < len(packed):
            with pytest.raises(DataUnavailable, match="checksum differs"):
                store.fetch(remote)
        else:
            assert store.fetch(remote).read_bytes() == packed


def test_images_come_back_from_png() -> None:
    gray = np.arange(64, dtype=np.uint8).reshape(1, 8, 8)
    color = stream(0, "color").integers(0, 256, (3, 5, 9), dtype=np.uint8)
    assert np.array_equal(decode(png(gray)), gray)
    assert np.array_equal(decode(png(color)), color)
    assert np.array_equal(decode(image_of(gray[0], "BMP")), gray)
    assert np.array_equal(fitted(gray, 8), gray)
    assert fitted(color, 4).shape == (3, 4, 4)
    assert fitted(color, 20).shape == (3, 20, 20)


def test_pixels_go_there_and_back() -> None:
    constants = Pixels(mean=(0.25, 0.5), std=(0.5, 0.25))
    raw = np.array([[[[0, 255]], [[51, 102]]]], dtype=np.uint8)
    assert np.allclose(constants.standardized(raw).ravel(), [-0.5, 1.5, -1.2, -0.4])
    assert np.array_equal(constants.shown(constants.standardized(raw)), raw)


def wav_of(samples: np.ndarray, rate: int = RATE_HZ, channels: int = 1) -> bytes:
    """A WAV file of 16-bit samples."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(channels)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(samples.astype("<i2").tobytes())
    return file.getvalue()


def test_recordings_are_read_and_brought_to_a_second() -> None:
    assert parse_wav(wav_of(np.array([0, 16384, -32768]))).tolist() == [0, 0.5, -1]
    assert one_second(np.ones(3, dtype=np.float32)).tolist() == [1.0] * 3 + [0.0] * 7997
    assert len(one_second(np.ones(9000, dtype=np.float32))) == 8000
    for content in (wav_of(np.zeros(4), rate=16_000), wav_of(np.zeros(4), channels=2), b"RIFF", b""):
        with pytest.raises(MalformedFile):
            parse_wav(content)


@pytest.mark.parametrize("num_bands", [10, 20, 40])
def test_a_tone_is_loud_in_its_band_and_its_frames(num_bands: int) -> None:
    """mel(1000 Hz) is 1000 by definition: the tone belongs to the band whose triangle is highest there."""
    time_s = np.arange(RATE_HZ) / RATE_HZ
    tone = np.where(time_s < 0.5, np.sin(2 * np.pi * 1000 * time_s), 0).astype(np.float32)
    found = log_mel(np.stack([tone, np.zeros_like(tone)]), num_bands)
    assert found.shape == (2, 49, num_bands)
    edges_mel = np.linspace(2595 * np.log10(1 + 20 / 700), 2595 * np.log10(1 + 4000 / 700), num_bands + 2)
    expected = int(np.argmin(np.abs(edges_mel[1:-1] - 1000)))
    assert np.argmax(found[0, 10]) == expected
    silent = int(0.5 * RATE_HZ / HOP) + 1
    assert np.allclose(found[0, silent:], np.log(1e-6))
    assert np.allclose(found[1], np.log(1e-6))


def test_bands_are_triangles_without_gaps() -> None:
    weights = mel_bands(20)
    assert weights.shape == (20, 257)
    assert 0.9 < weights.max() <= 1
    edges_mel = np.linspace(2595 * np.log10(1 + 20 / 700), 2595 * np.log10(1 + 4000 / 700), 22)
    first, last = 700 * (10 ** (edges_mel[[1, -2]] / 2595) - 1)
    frequency = np.arange(257) * 8000 / 512
    inside = (frequency > first) & (frequency < last)
    assert inside.sum() > 200
    assert np.allclose(weights[:, inside].sum(axis=0), 1)  # neighboring triangles add up to 1
    assert weights[:, frequency < 20].sum() == 0


PLAY = """First Citizen:
Speak, speak.

Second Citizen:
One word.
And one more.

First Citizen:
Away!

Exeunt


All:
Resolved: resolved.
"""


def test_speeches_of_a_play_by_role() -> None:
    found = [(role.name, role.text) for role in roles_of(PLAY)]
    assert found == [
        ("First Citizen", "Speak, speak.\nAway!"),
        ("Second Citizen", "One word.\nAnd one more."),
        ("All", "Resolved: resolved."),
    ]


def test_sequences_and_what_follows_them() -> None:
    x, y = windows(np.arange(8), 3)
    assert x.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert y.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert len(windows(np.arange(3), 3)[0]) == 0
    assert len(windows(np.arange(0), 3)[0]) == 0


@pytest.mark.slow
@pytest.mark.data
def test_spoken_digits_are_spoken_digits(store: DataStore) -> None:
    data = spoken_digits.SpokenDigits(bands=20)
    available(data, store)
    train, test = data.load(store, "train"), data.load(store, "test")
    assert np.bincount(train.y).tolist() == [270] * 10
    assert np.bincount(test.y).tolist() == [30] * 10
    assert data.client_sizes(store).tolist() == [450] * 6
    assert abs(float(train.x.mean())) < 1e-3
    assert abs(float(train.x.std()) - 1) < 1e-3
    as_sequence = spoken_digits.SpokenDigits(bands=20, form="sequence").load(store, "test")
    assert np.array_equal(as_sequence.x, test.x[:, 0])


@pytest.mark.data
def test_shakespeare_is_shakespeare(store: DataStore) -> None:
    data = shakespeare.Shakespeare()
    available(data, store)
    train = data.load(store, "train")
    signs = np.array(list(shakespeare.CHARACTERS))
    first = "".join(signs[train.x[0]])
    # the beginning of Coriolanus: the first role is "First Citizen"
    assert first.startswith("Before we proceed any further, hear me speak.\nYou are all resolved")
    assert "".join(signs[train.y[0]])[:-1] == first[1:]
    assert train.owners is not None
    assert train.owners[0] == 0
    shares = data.client_sizes(store) / (data.client_sizes(store) + np.bincount(data.load(store, "test").owners))
    assert abs(np.median(shares) - 0.8) < 0.05
    for length in (20, 40):
        shorter = shakespeare.Shakespeare(length=length)
        assert len(shorter.load(store, "train")) == shorter.num_samples("train")
        assert len(np.unique(shorter.owners(store, "train"))) == shorter.num_natural_clients


@pytest.mark.data
@pytest.mark.slow
def test_cifar10_as_jpeg_is_cifar10(store: DataStore) -> None:
    data = cifar10_jpeg.Cifar10Jpeg()
    available(data, store)
    test = data.load(store, "test")
    assert np.bincount(test.y).tolist() == [1000] * 10
    # the published mean and deviation of CIFAR-10's training pixels hold for its test pixels within a hundredth
    assert np.allclose(test.x.mean(axis=(0, 2, 3)), 0, atol=0.02)
    assert np.allclose(test.x.std(axis=(0, 2, 3)), 1, atol=0.02)
