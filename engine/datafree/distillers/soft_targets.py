"""Distillation by the teacher's softened probabilities."""

from typing import TYPE_CHECKING, ClassVar, Literal

from typing_extensions import override

from engine.datafree.distiller import Distiller, DistillView, distillers

if TYPE_CHECKING:
    from torch import Tensor


@distillers.register
class SoftTargets(Distiller):
    """The student matches the teacher's softened probabilities of all classes and its choice of class."""

    source: ClassVar[str] = (
        "G. Hinton, O. Vinyals, J. Dean, Distilling the Knowledge in a Neural Network, 2015, arXiv 1503.02531, "
        "section 2"
    )
    equation: ClassVar[str] = "(1 − α) CE(z_S, ŷ) + α T² KL(softmax(z_T/T) ‖ softmax(z_S/T)), ŷ = argmax z_T"
    kind: Literal["soft_targets"] = "soft_targets"
    """Distillation by the teacher's softened probabilities."""

    @override
    def further_terms(self, view: DistillView) -> "dict[str, Tensor]":
        return {}
