"""MNIST: handwritten digits of 28x28 pixels."""

import hashlib
from typing import ClassVar, Literal

from typing_extensions import override

from engine.core.sample import SampleSpec
from engine.data.dataset import Dataset, Split, SplitName, datasets
from engine.data.idx import read_idx
from engine.data.pixels import Pixels
from engine.data.remote import RemoteFile
from engine.data.store import DataStore

PIXELS = Pixels(mean=(0.1307,), std=(0.3081,))
"""Of the training pixels, scaled to 0..1."""

NUM_SAMPLES: dict[SplitName, int] = {"train": 60_000, "test": 10_000}

MIRRORS = ("https://storage.googleapis.com/cvdf-datasets/mnist/", "https://ossci-datasets.s3.amazonaws.com/mnist/")


def _file(name: str, size_bytes: int, sha256: str, content_bytes: int, content_sha256: str) -> RemoteFile:
    return RemoteFile(
        name=f"mnist/{name}",
        urls=tuple(mirror + name for mirror in MIRRORS),
        sha256=sha256,
        size_bytes=size_bytes,
        content_sha256=content_sha256,
        content_bytes=content_bytes,
    )


IMAGES: dict[SplitName, RemoteFile] = {
    "train": _file(
        "train-images-idx3-ubyte.gz",
        9_912_422,
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        47_040_016,
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    "test": _file(
        "t10k-images-idx3-ubyte.gz",
        1_648_877,
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        7_840_016,
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
}

LABELS: dict[SplitName, RemoteFile] = {
    "train": _file(
        "train-labels-idx1-ubyte.gz",
        28_881,
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        60_008,
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    "test": _file(
        "t10k-labels-idx1-ubyte.gz",
        4_542,
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        10_008,
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
}


@datasets.register
class Mnist(Dataset):
    """Handwritten digits, 60,000 training and 10,000 test images of 28x28 gray pixels in 10 classes.

    Read from the four standard IDX files. They are recognized by the checksum of their decompressed content, so files
    that were compressed anew are accepted. Pixels are scaled to 0..1 and standardized by mean 0.1307 and standard
    deviation 0.3081.
    """

    source: ClassVar[str] = (
        "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Gradient-Based Learning Applied to Document Recognition, "
        "Proceedings of the IEEE 1998"
    )
    kind: Literal["mnist"] = "mnist"

    @override
    def sample(self) -> SampleSpec:
        return SampleSpec(kind="image", shape=(1, 28, 28), num_classes=10)

    @override
    def num_samples(self, split: SplitName) -> int:
        return NUM_SAMPLES[split]

    @override
    def checksum(self) -> str:
        contents = "".join(file.content_sha256 for file in self.files())
        return hashlib.sha256(contents.encode()).hexdigest()

    @override
    def files(self) -> tuple[RemoteFile, ...]:
        return IMAGES["train"], LABELS["train"], IMAGES["test"], LABELS["test"]

    @override
    def read(self, store: DataStore, split: SplitName) -> Split:
        return read_idx(store, IMAGES[split], LABELS[split], PIXELS)

    @override
    def pixels(self) -> Pixels:
        return PIXELS
