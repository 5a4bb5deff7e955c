"""A hidden square."""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from engine.core.errors import Problem
from engine.core.sample import SampleSpec
from engine.training.augmentation import Augmentation, augmentations


@augmentations.register
class Cutout(Augmentation):
    """A square around a random pixel is set to 0, the mean; at the border only the part within the image is hidden."""

    source: ClassVar[str] = (
        "T. DeVries, G. W. Taylor, Improved Regularization of Convolutional Neural Networks with Cutout, 2017, "
        "arXiv 1708.04552, section 3.2"
    )
    kind: Literal["cutout"] = "cutout"

    size: int = Field(default=8, ge=1, le=512)
    """Pixels along an edge of the square; the paper takes 16 for CIFAR-10 and 8 for CIFAR-100."""

    @override
    def apply(self, x: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        B, _, H, W = x.shape
        row_B, column_B = draw.integers(0, H, (B,)), draw.integers(0, W, (B,))
        hidden_BHW = self._covers(row_B, H)[:, :, np.newaxis] & self._covers(column_B, W)[:, np.newaxis, :]
        return np.where(hidden_BHW[:, np.newaxis], x.dtype.type(0), x)

    @override
    def unsuited(self, sample: SampleSpec) -> list[Problem]:
        smaller = min(sample.shape[1:])
        if self.size <= smaller:
            return []
        return [Problem("size", "out_of_range", f"{self.size} was given, but images have an edge of {smaller} pixels.")]

    def _covers(self, center_B: np.ndarray, length: int) -> np.ndarray:
        """Which places along an edge the square covers, (B, length)."""
        first_B = (center_B - self.size // 2)[:, np.newaxis]
        places = np.arange(length)
        covered: np.ndarray = (places >= first_B) & (places < first_B + self.size)
        return covered
