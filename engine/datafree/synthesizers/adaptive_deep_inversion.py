"""Adaptive DeepInversion: images on which teacher and student still differ."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from engine.datafree.images.inversion import Inversion
from engine.datafree.synthesizer import synthesizers

if TYPE_CHECKING:
    from torch import Tensor

    from engine.datafree.images.views import Seen, SynthesisView


@synthesizers.register
class AdaptiveDeepInversion(Inversion):
    """DeepInversion that also looks for images on which the student does not yet agree with the teacher."""

    source: ClassVar[str] = (
        "H. Yin et al., Dreaming to Distill: Data-free Knowledge Transfer via DeepInversion, CVPR 2020, section 3.3, "
        "equations 6 to 8"
    )
    equation: ClassVar[str] = "DeepInversion + α_c (1 − JS(T(x), S(x)))"
    is_interleaved: ClassVar[bool] = True
    kind: Literal["adaptive_deep_inversion"] = "adaptive_deep_inversion"
    """DeepInversion, on images where teacher and student differ."""

    competition: float = Field(default=1.0, ge=0, le=1e3)
    """Weight of the agreement of student and teacher, 1 minus their Jensen-Shannon divergence over log 2, which images
    are to make small."""

    @override
    def further_terms(self, view: "SynthesisView", seen: "Tensor", found: "Seen") -> "dict[str, Tensor]":
        from engine.datafree.images.terms import jensen_shannon
        from engine.datafree.images.views import student_of

        return {"agreement": self.competition * (1.0 - jensen_shannon(found.logits, student_of(view)(seen)))}
