"""What DeepInversion and its adaptive form ask of an image alike."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field
from typing_extensions import override

from engine.datafree.images.pixel_synthesizer import PixelSynthesizer

if TYPE_CHECKING:
    from torch import Tensor

    from engine.datafree.images.views import Seen, SynthesisView


class Inversion(PixelSynthesizer):
    """Pixels that the teacher gives their labels, and whose statistics in all layers are those of the training set."""

    metadata_kinds: ClassVar[frozenset[str]] = frozenset({"none", "batch_norm_statistics"})
    needs_batch_norm: ClassVar[bool] = True

    cross_entropy: float = Field(default=1.0, ge=0, le=1e3)
    """Weight of the cross-entropy with the label that an image is to show."""

    batch_norm: float = Field(default=10.0, ge=0, le=1e5)
    """Weight of the distance to the BatchNorm statistics."""

    @override
    def terms(self, view: "SynthesisView", seen: "Tensor", working: "Mapping[str, Tensor]") -> "dict[str, Tensor]":
        from torch.nn import functional

        from engine.datafree.images.terms import batch_norm_term

        found = view.teacher.forward(seen)
        return {
            "ce": self.cross_entropy * functional.cross_entropy(found.logits, working["labels"]),
            "bn": self.batch_norm * batch_norm_term(found.batch_norm, view.batch_norm_targets),
            **self.further_terms(view, seen, found),
        }

    def further_terms(self, view: "SynthesisView", seen: "Tensor", found: "Seen") -> "dict[str, Tensor]":
        """Weighted terms beside these two.

        Args:
            view: the teacher, and the student as it is now.
            seen: (B, C, H, W), images as the teacher is shown them.
            found: what the teacher makes of them.
        """
        return {}
