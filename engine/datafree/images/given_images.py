"""Synthesizers whose images are given, not sought: the teacher only labels them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from typing_extensions import override

from engine.datafree.synthesizer import Finished, Synthesizer
from engine.models.profile import Profile

if TYPE_CHECKING:
    from torch import Tensor

    from engine.datafree.images.views import SynthesisView


class GivenImages(Synthesizer):
    """A synthesizer whose batch is ready when it begins; its label is the teacher's most likely class."""

    @property
    @override
    def steps_per_batch(self) -> int:
        return 0

    @override
    def finish(self, view: "SynthesisView", working: "Mapping[str, Tensor]") -> Finished:
        import torch

        images = working["pixels"]
        with torch.no_grad():
            labels = view.teacher.forward(images, batch_norm=False).logits.argmax(dim=1)
        return Finished(images, labels)

    @override
    def step_macs(self, teacher: Profile, student: Profile | None) -> float:
        return 0.0
