"""Another place in the frame."""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from engine.training.augmentation import Augmentation, augmentations


@augmentations.register
class Crop(Augmentation):
    """The image is padded on all sides and cut to its size at a random place, so it moves by up to ``padding`` pixels.

    Padding is 0, the mean of the standardized pixels.
    """

    source: ClassVar[str] = "K. He et al., Deep Residual Learning for Image Recognition, CVPR 2016, section 4.2"
    kind: Literal["crop"] = "crop"

    padding: int = Field(default=4, ge=1, le=64)
    """Pixels added on each side."""

    @override
    def apply(self, x: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        B, _, H, W = x.shape
        by = self.padding
        padded = np.pad(x, ((0, 0), (0, 0), (by, by), (by, by)))
        top, left = draw.integers(0, 2 * by + 1, (2, B))
        rows_BH, columns_BW = top[:, np.newaxis] + np.arange(H), left[:, np.newaxis] + np.arange(W)
        cut_BHWC = padded.transpose(0, 2, 3, 1)[
            np.arange(B)[:, np.newaxis, np.newaxis], rows_BH[:, :, np.newaxis], columns_BW[:, np.newaxis, :]
        ]
        return np.ascontiguousarray(cut_BHWC.transpose(0, 3, 1, 2))
