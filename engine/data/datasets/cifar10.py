"""CIFAR-10: color photographs of 32x32 pixels."""

from typing import ClassVar, Literal

import numpy as np
from typing_extensions import override

from engine.core.sample import SampleSpec
from engine.data.cifar import SHAPE, read_records
from engine.data.dataset import Dataset, Split, SplitName, datasets
from engine.data.pixels import Pixels
from engine.data.remote import RemoteFile
from engine.data.store import DataStore

PIXELS = Pixels(mean=(0.4914, 0.4822, 0.4465), std=(0.2470, 0.2435, 0.2616))
"""Of the training pixels, scaled to 0..1."""

ARCHIVE = RemoteFile(
    name="cifar10/cifar-10-binary.tar.gz",
    urls=("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
    sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    size_bytes=170_052_171,
)

BATCHES: dict[SplitName, tuple[str, ...]] = {
    "train": tuple(f"cifar-10-batches-bin/data_batch_{number}.bin" for number in range(1, 6)),
    "test": ("cifar-10-batches-bin/test_batch.bin",),
}
"""Files of the archive, each of 10,000 images."""

BATCH_SIZE = 10_000

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@datasets.register
class Cifar10(Dataset):
    """Photographs, 50,000 training and 10,000 test images of 32x32 color pixels in 10 classes.

    Read from the archive of the binary version, 170 MB; the usual Python version is a pickle, which could run any code,
    and is not read. Pixels are scaled to 0..1 and standardized per channel by mean 0.4914, 0.4822, 0.4465 and standard
    deviation 0.2470, 0.2435, 0.2616. The loader is tested on generated archives of the same format.
    """

    source: ClassVar[str] = "A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009, chapter 3"
    kind: Literal["cifar10"] = "cifar10"

    @override
    def sample(self) -> SampleSpec:
        return SampleSpec(kind="image", shape=SHAPE, num_classes=10)

    @override
    def num_samples(self, split: SplitName) -> int:
        return BATCH_SIZE * len(BATCHES[split])

    @override
    def checksum(self) -> str:
        return ARCHIVE.sha256

    @override
    def files(self) -> tuple[RemoteFile, ...]:
        return (ARCHIVE,)

    @override
    def read(self, store: DataStore, split: SplitName) -> Split:
        records = read_records(store.fetch(ARCHIVE), BATCHES[split], num_records=BATCH_SIZE, num_labels=1)
        return Split(PIXELS.standardized(records.pixels), records.labels[:, 0].astype(np.int64))

    @override
    def pixels(self) -> Pixels:
        return PIXELS

    @override
    def class_names(self) -> tuple[str, ...]:
        return CLASSES
