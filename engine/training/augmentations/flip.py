"""The mirror image."""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from engine.training.augmentation import Augmentation, augmentations


@augmentations.register
class Flip(Augmentation):
    """The image is mirrored left to right with a probability; not for digits and letters, which change meaning."""

    source: ClassVar[str] = "K. He et al., Deep Residual Learning for Image Recognition, CVPR 2016, section 4.2"
    kind: Literal["flip"] = "flip"

    probability: float = Field(default=0.5, ge=0, le=1)
    """Share of images that are mirrored."""

    @override
    def apply(self, x: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        chosen_B = draw.random(len(x)) < self.probability
        return np.where(chosen_B[:, np.newaxis, np.newaxis, np.newaxis], x[..., ::-1], x)
