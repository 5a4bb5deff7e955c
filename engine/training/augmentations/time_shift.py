"""An earlier or later beginning."""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from engine.core.errors import Problem
from engine.core.sample import SampleSpec
from engine.training.augmentation import Augmentation, augmentations


@augmentations.register
class TimeShift(Augmentation):
    """A spectrogram or sequence is moved along time by a random number of frames, to and fro.

    Frames that become free hold the lowest value of their band in the sample, which is silence in a spectrogram. Time
    is the first axis of a sequence (T, F) and of each channel of an image (C, T, F).
    """

    source: ClassVar[str] = (
        "P. Warden, Speech Commands: A Dataset for Limited-Vocabulary Speech Recognition, 2018, arXiv 1804.03209, "
        "section 7 (time shift of the training example)"
    )
    sample_kinds: ClassVar[frozenset[str]] = frozenset({"image", "sequence"})
    kind: Literal["time_shift"] = "time_shift"

    most_frames: int = Field(default=5, ge=1, le=10_000)
    """Largest shift in frames, either way; a frame of spoken_digits is 20 ms."""

    @override
    def apply(self, x: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        shift_B = draw.integers(-self.most_frames, self.most_frames + 1, len(x))
        T = x.shape[-2]
        source_BT = np.arange(T) - shift_B[:, np.newaxis]
        index = np.clip(source_BT, 0, T - 1).reshape(len(x), *(1,) * (x.ndim - 3), T, 1)
        is_free = ((source_BT < 0) | (source_BT >= T)).reshape(index.shape)
        return np.where(is_free, x.min(axis=-2, keepdims=True), np.take_along_axis(x, index, axis=-2))

    @override
    def unsuited(self, sample: SampleSpec) -> list[Problem]:
        if self.most_frames < sample.shape[-2]:
            return []
        message = f"{self.most_frames} was given, but samples have {sample.shape[-2]} frames."
        return [Problem("most_frames", "out_of_range", message)]
