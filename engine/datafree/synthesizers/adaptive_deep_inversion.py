"""Adaptive DeepInversion: images on which teacher and student still differ."""

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
class AdaptiveDeepInversion(PixelSynthesizer):
    """DeepInversion that also looks for images on which the student does not yet agree with the teacher."""

    source: ClassVar[str] = (
        "H. Yin et al., Dreaming to Distill: Data-free Knowledge Transfer via DeepInversion, CVPR 2020, section 3.3, "
        "equations 6 to 8"
    )
    equation: ClassVar[str] = "DeepInversion + α_c (1 − JS(T(x), S(x)))"
    metadata_kinds: ClassVar[frozenset[str]] = frozenset({"none", "batch_norm_statistics"})
    is_interleaved: ClassVar[bool] = True
    needs_batch_norm: ClassVar[bool] = True
    kind: Literal["adaptive_deep_inversion"] = "adaptive_deep_inversion"
    """DeepInversion, on images where teacher and student differ."""

    cross_entropy: float = Field(default=1.0, ge=0, le=1e3)
    """Weight of the cross-entropy with the label that an image is to show."""

    batch_norm: float = Field(default=10.0, ge=0, le=1e5)
    """Weight of the distance to the BatchNorm statistics."""

    competition: float = Field(default=1.0, ge=0, le=1e3)
    """Weight of the agreement of student and teacher, 1 minus their Jensen-Shannon divergence over log 2, which images
    are to make small."""

    @override
    def terms(self, view: "SynthesisView", seen: "Tensor", working: Mapping[str, "Tensor"]) -> "dict[str, Tensor]":
        from torch.nn import functional

        from engine.datafree.terms import batch_norm_term, jensen_shannon
        from engine.datafree.views import student_of

        found = view.teacher.forward(seen)
        return {
            "ce": self.cross_entropy * functional.cross_entropy(found.logits, working["labels"]),
            "bn": self.batch_norm * batch_norm_term(found.batch_norm, view.batch_norm_targets),
            "agreement": self.competition * (1.0 - jensen_shannon(found.logits, student_of(view)(seen))),
        }
