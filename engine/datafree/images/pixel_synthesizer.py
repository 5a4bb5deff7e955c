"""The abstract base of synthesizers that move the pixels of images by gradients."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, final

from pydantic import Field
from typing_extensions import override

from engine.datafree.synthesizer import FORWARD_BACKWARD, Finished, Synthesizer
from engine.models.profile import Profile

if TYPE_CHECKING:
    from torch import Tensor

    from engine.datafree.images.views import SynthesisView


class PixelSynthesizer(Synthesizer):
    """Optimizes images directly: random pixels are moved by Adam until the teacher sees in them what it should.

    A member says what the images are to achieve; shifts, priors and steps are the same for all.
    """

    steps: int = Field(default=500, ge=1, le=100_000)
    """Steps of Adam that each batch takes."""

    lr: float = Field(default=0.1, gt=0, le=10)
    """Rate of Adam, in standard deviations of the training pixels per step."""

    jitter: int = Field(default=2, ge=0, le=16)
    """Most pixels by which images are shifted either way, anew in every step, before the teacher sees them; patterns
    that only work in one place cannot survive that. 0 for a teacher without convolutions, to which a shifted image is
    another one."""

    flip: bool = False
    """Whether images are mirrored left to right in half of the steps; suits photographs, not digits or letters."""

    tv: float = Field(default=4e-4, ge=0, le=1e3)
    """Weight of the total variation of an image, against noise from pixel to pixel."""

    l2: float = Field(default=0.0, ge=0, le=1e3)
    """Weight of the norm of an image, which pulls pixels to the mean of the training set."""

    @abstractmethod
    def terms(self, view: "SynthesisView", seen: "Tensor", working: "Mapping[str, Tensor]") -> "dict[str, Tensor]":
        """Weighted terms of the loss by name.

        Args:
            view: teacher, student, metadata.
            seen: (B, C, H, W) images as they are shown to the teacher, with gradient.
            working: labels and what :meth:`wishes` added.
        """

    def wishes(self, view: "SynthesisView", labels: "Tensor") -> "dict[str, Tensor]":
        """What the images of a batch are to reach beside their labels, drawn once at its beginning."""
        return {}

    @final
    @property
    @override
    def steps_per_batch(self) -> int:
        return self.steps

    @final
    @override
    def begin(self, view: "SynthesisView", batch: int, kept: "Mapping[str, Tensor]") -> "dict[str, Tensor]":
        from engine.datafree.images import pixels

        labels = view.batch_labels(self.batch_size)
        return {**pixels.begin(view, self.batch_size), "labels": labels, **self.wishes(view, labels)}

    @final
    @override
    def advance(
        self, view: "SynthesisView", working: "Mapping[str, Tensor]", first_step: int, num_steps: int
    ) -> "tuple[dict[str, Tensor], dict[str, float]]":
        from engine.datafree.images import pixels

        how = pixels.Descent(self.lr, self.jitter, self.flip, self.tv, self.l2)
        steps = range(first_step, first_step + num_steps)
        return pixels.advance(view, working, steps, how, lambda seen: self.terms(view, seen, working))

    @final
    @override
    def finish(self, view: "SynthesisView", working: "Mapping[str, Tensor]") -> Finished:
        return Finished(working["pixels"].contiguous(), working["labels"])

    @final
    @override
    def step_macs(self, teacher: Profile, student: Profile | None) -> float:
        used = teacher.total_macs + (student.total_macs if student is not None and self.is_interleaved else 0)
        return FORWARD_BACKWARD * used * self.batch_size
