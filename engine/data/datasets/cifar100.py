"""CIFAR-100: color photographs of 32x32 pixels in many classes."""

import hashlib
from typing import ClassVar, Literal

import numpy as np
from typing_extensions import override

from engine.core.sample import SampleSpec
from engine.data.cifar import SHAPE, read_records
from engine.data.dataset import Dataset, Split, SplitName, datasets
from engine.data.pixels import Pixels
from engine.data.remote import RemoteFile
from engine.data.store import DataStore

PIXELS = Pixels(mean=(0.5071, 0.4865, 0.4409), std=(0.2673, 0.2564, 0.2762))
"""Of the training pixels, scaled to 0..1."""

ARCHIVE = RemoteFile(
    name="cifar100/cifar-100-binary.tar.gz",
    urls=("https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",),
    sha256="58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
    size_bytes=168_513_733,
)

FILES: dict[SplitName, str] = {"train": "cifar-100-binary/train.bin", "test": "cifar-100-binary/test.bin"}
NUM_SAMPLES: dict[SplitName, int] = {"train": 50_000, "test": 10_000}

COARSE = (
    "aquatic mammals", "fish", "flowers", "food containers", "fruit and vegetables", "household electrical devices",
    "household furniture", "insects", "large carnivores", "large man-made outdoor things",
    "large natural outdoor scenes", "large omnivores and herbivores", "medium-sized mammals",
    "non-insect invertebrates", "people", "reptiles", "small mammals", "trees", "vehicles 1", "vehicles 2",
)  # fmt: skip
"""Superclasses in the order of their labels."""

FINE = tuple(
    """apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can
    castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin
    elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster
    man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck
    pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk
    skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger
    tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm""".replace("\n", " ").split()
)
"""Classes in the order of their labels."""


@datasets.register
class Cifar100(Dataset):
    """Photographs, 50,000 training and 10,000 test images of 32x32 color pixels in 100 classes.

    Read from the archive of the binary version, 169 MB; the usual Python version is a pickle, which could run any code,
    and is not read. Pixels are scaled to 0..1 and standardized per channel by mean 0.5071, 0.4865, 0.4409 and standard
    deviation 0.2673, 0.2564, 0.2762. The loader is tested on generated archives of the same format.
    """

    source: ClassVar[str] = "A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009, chapter 3"
    kind: Literal["cifar100"] = "cifar100"

    labels_are: Literal["fine", "coarse"] = "fine"
    """Which labels: the 100 classes (fine), or the 20 superclasses of five classes each (coarse)."""

    @override
    def sample(self) -> SampleSpec:
        return SampleSpec(kind="image", shape=SHAPE, num_classes=len(self.class_names()))

    @override
    def num_samples(self, split: SplitName) -> int:
        return NUM_SAMPLES[split]

    @override
    def checksum(self) -> str:
        return hashlib.sha256(f"{ARCHIVE.sha256} {self.labels_are}".encode()).hexdigest()

    @override
    def files(self) -> tuple[RemoteFile, ...]:
        return (ARCHIVE,)

    @override
    def read(self, store: DataStore, split: SplitName) -> Split:
        records = read_records(store.fetch(ARCHIVE), [FILES[split]], num_records=NUM_SAMPLES[split], num_labels=2)
        labels = records.labels[:, ("coarse", "fine").index(self.labels_are)]
        return Split(PIXELS.standardized(records.pixels), labels.astype(np.int64))

    @override
    def pixels(self) -> Pixels:
        return PIXELS

    @override
    def class_names(self) -> tuple[str, ...]:
        return FINE if self.labels_are == "fine" else COARSE
