"""Noise: the control that shows what a synthesizer adds."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from typing_extensions import override

from engine.datafree.images.given_images import GivenImages
from engine.datafree.synthesizer import synthesizers

if TYPE_CHECKING:
    from torch import Tensor

    from engine.datafree.images.views import SynthesisView


@synthesizers.register
class Noise(GivenImages):
    """Images of random pixels, as a control: whatever a synthesizer adds must show against them.

    Pixels are normal in the standardized space, mean 0 and standard deviation 1, and cut to the valid range. The label
    is what the teacher sees.
    """

    source: ClassVar[str] = (
        "R. G. Lopes, S. Fenu, T. Starner, Data-Free Knowledge Distillation for Deep Neural Networks, 2017, section 4: "
        "the baseline without metadata"
    )
    equation: ClassVar[str] = "x ~ clip(N(0, I))"
    ignores_metadata: ClassVar[bool] = True
    kind: Literal["noise"] = "noise"
    """Random pixels."""

    @override
    def begin(self, view: "SynthesisView", batch: int, kept: Mapping[str, "Tensor"]) -> "dict[str, Tensor]":
        pixels = view.normal((self.batch_size, *view.sample.shape), "pixels")
        return {"pixels": pixels.clamp(view.teacher.low, view.teacher.high)}
