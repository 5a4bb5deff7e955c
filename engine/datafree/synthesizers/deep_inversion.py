"""DeepInversion: images whose statistics meet those of the teacher's BatchNorm layers."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from engine.datafree.pixel_synthesizer import PixelSynthesizer
from engine.datafree.synthesizer import synthesizers

if TYPE_CHECKING:
    from torch import Tensor

    from engine.datafree.views import SynthesisView


@synthesizers.register
class DeepInversion(PixelSynthesizer):
    """Images that the teacher gives their labels, and whose statistics in all layers are those of the training set."""

    source: ClassVar[str] = (
        "H. Yin et al., Dreaming to Distill: Data-free Knowledge Transfer via DeepInversion, CVPR 2020, "
        "equations 2 to 5"
    )
    equation: ClassVar[str] = "min_x CE(T(x), y) + α_tv TV(x) + α_2 ‖x‖ + α_bn Σ_l ‖μ̂_l − μ_l‖ + ‖σ̂²_l − σ²_l‖"
    metadata_kinds: ClassVar[frozenset[str]] = frozenset({"none", "batch_norm_statistics"})
    needs_batch_norm: ClassVar[bool] = True
    kind: Literal["deep_inversion"] = "deep_inversion"
    """Images that meet the teacher's BatchNorm statistics."""

    cross_entropy: float = Field(default=1.0, ge=0, le=1e3)
    """Weight of the cross-entropy with the label that an image is to show."""

    batch_norm: float = Field(default=10.0, ge=0, le=1e5)
    """Weight of the distance to the BatchNorm statistics."""

    @override
    def terms(self, view: "SynthesisView", seen: "Tensor", working: Mapping[str, "Tensor"]) -> "dict[str, Tensor]":
        from torch.nn import functional

        from engine.datafree.terms import batch_norm_term

        found = view.teacher.forward(seen)
        return {
            "ce": self.cross_entropy * functional.cross_entropy(found.logits, working["labels"]),
            "bn": self.batch_norm * batch_norm_term(found.batch_norm, view.batch_norm_targets),
        }
