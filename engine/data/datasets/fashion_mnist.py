"""Fashion-MNIST: articles of clothing of 28x28 pixels, a drop-in replacement of MNIST that is harder."""

import hashlib
from typing import ClassVar, Literal

from typing_extensions import override

from engine.core.sample import SampleSpec
from engine.data.dataset import Dataset, Split, SplitName, datasets
from engine.data.idx import read_idx
from engine.data.pixels import Pixels
from engine.data.remote import RemoteFile
from engine.data.store import DataStore

PIXELS = Pixels(mean=(0.2860,), std=(0.3530,))
"""Of the training pixels, scaled to 0..1."""

NUM_SAMPLES: dict[SplitName, int] = {"train": 60_000, "test": 10_000}

MIRRORS = (
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
)


def _file(name: str, size_bytes: int, sha256: str) -> RemoteFile:
    urls = tuple(mirror + name for mirror in MIRRORS)
    return RemoteFile(name=f"fashion_mnist/{name}", urls=urls, sha256=sha256, size_bytes=size_bytes, is_ambiguous=True)


IMAGES: dict[SplitName, RemoteFile] = {
    "train": _file(
        "train-images-idx3-ubyte.gz", 26_421_880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
    ),
    "test": _file(
        "t10k-images-idx3-ubyte.gz", 4_422_102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
    ),
}

LABELS: dict[SplitName, RemoteFile] = {
    "train": _file(
        "train-labels-idx1-ubyte.gz", 29_515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
    ),
    "test": _file(
        "t10k-labels-idx1-ubyte.gz", 5_148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
    ),
}

CLASSES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")


@datasets.register
class FashionMnist(Dataset):
    """Articles of clothing, 60,000 training and 10,000 test images of 28x28 gray pixels in 10 classes.

    Read from the four standard IDX files, recognized by their checksums; they have the names of MNIST's files, so they
    lie in a folder ``fashion_mnist``. Pixels are scaled to 0..1 and standardized by mean 0.2860 and standard deviation
    0.3530. The loader is tested on generated files of the same format.
    """

    source: ClassVar[str] = (
        "H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning "
        "Algorithms, 2017, arXiv 1708.07747, MIT license"
    )
    kind: Literal["fashion_mnist"] = "fashion_mnist"

    @override
    def sample(self) -> SampleSpec:
        return SampleSpec(kind="image", shape=(1, 28, 28), num_classes=10)

    @override
    def num_samples(self, split: SplitName) -> int:
        return NUM_SAMPLES[split]

    @override
    def checksum(self) -> str:
        return hashlib.sha256("".join(file.sha256 for file in self.files()).encode()).hexdigest()

    @override
    def files(self) -> tuple[RemoteFile, ...]:
        return IMAGES["train"], LABELS["train"], IMAGES["test"], LABELS["test"]

    @override
    def read(self, store: DataStore, split: SplitName) -> Split:
        return read_idx(store, IMAGES[split], LABELS[split], PIXELS)

    @override
    def pixels(self) -> Pixels:
        return PIXELS

    @override
    def class_names(self) -> tuple[str, ...]:
        return CLASSES
