"""Handwritten digits of 8x8 pixels that come with scikit-learn: small, and there on every machine."""

import hashlib
from typing import ClassVar, Literal

import numpy as np
from typing_extensions import override

from engine.core.errors import DataUnavailable
from engine.core.sample import SampleSpec
from engine.data.dataset import Dataset, Split, SplitName, datasets
from engine.data.pixels import Pixels
from engine.data.store import DataStore

PIXELS = Pixels(mean=(0.3047,), std=(0.3758,), largest=16)
"""Of the training pixels, scaled to 0..1."""

NUM_SAMPLES: dict[SplitName, int] = {"train": 1438, "test": 359}


@datasets.register
class Digits(Dataset):
    """Handwritten digits, 1,797 images of 8x8 gray pixels in 10 classes; comes with the installation.

    The test split is every fifth sample in the order of labels (359 images), so both splits hold the classes in equal
    shares. Pixels are scaled to 0..1 and standardized by mean 0.3047 and standard deviation 0.3758.
    """

    source: ClassVar[str] = (
        "E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository 1998 "
        "(its test part, as packed by scikit-learn), CC BY 4.0"
    )
    kind: Literal["digits"] = "digits"

    @override
    def sample(self) -> SampleSpec:
        return SampleSpec(kind="image", shape=(1, 8, 8), num_classes=10)

    @override
    def num_samples(self, split: SplitName) -> int:
        return NUM_SAMPLES[split]

    @override
    def checksum(self) -> str:
        return "65e5b4619795efb40c1082f4c350c049e4ad552200d369b6ae99e21eef5e72c5"

    @override
    def read(self, store: DataStore, split: SplitName) -> Split:
        from sklearn.datasets import load_digits

        pixels, labels = load_digits(return_X_y=True)
        pixels, labels = pixels.astype(np.uint8), labels.astype(np.int64)
        found = hashlib.sha256(pixels.tobytes() + labels.tobytes()).hexdigest()
        if found != self.checksum():
            raise DataUnavailable(
                f"The digits of the installed scikit-learn differ from the expected ones (sha256 {found}).",
                remedy="Install the version of scikit-learn that the lock file names.",
            )
        order = np.argsort(labels, kind="stable")
        held_out = np.arange(len(order)) % 5 == 4
        chosen = np.sort(order[held_out if split == "test" else ~held_out])
        return Split(PIXELS.standardized(pixels[chosen].reshape(-1, 1, 8, 8)), labels[chosen])

    @override
    def pixels(self) -> Pixels:
        return PIXELS
