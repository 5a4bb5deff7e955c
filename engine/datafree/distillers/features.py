"""Distillation by penultimate features."""

from math import sqrt
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from engine.datafree.distiller import Distiller, DistillView, distillers
from engine.models.graph import Graph
from engine.models.layer import Uniform, Weight

if TYPE_CHECKING:
    from torch import Tensor


@distillers.register
class Features(Distiller):
    """Soft targets, and a linear map of the student's penultimate features meets the teacher's.

    The map is trained with the student and is no part of it. FitNets trains the hint first and then the rest; here both
    are trained together.
    """

    source: ClassVar[str] = (
        "A. Romero et al., FitNets: Hints for Thin Deep Nets, ICLR 2015, arXiv 1412.6550, section 2.2, equation 3, per "
        "element of the features"
    )
    equation: ClassVar[str] = "soft targets + β/(2 d) ‖g_T − (W g_S + b)‖²"
    kind: Literal["features"] = "features"
    """Distillation by penultimate features."""

    beta: Annotated[float, Field(gt=0, le=1e6)] = 10.0
    """Weight of the feature term, dimensionless."""

    @override
    def further_terms(self, view: DistillView) -> "dict[str, Tensor]":
        from engine.datafree.learning.imitation import feature_distance

        return {"features": self.beta * feature_distance(view)}

    @override
    def adapters(self, student: Graph, teacher: Graph) -> tuple[Weight, ...]:
        (before,), (after,) = student.shapes()[student.features], teacher.shapes()[teacher.features]
        law = Uniform(1 / sqrt(before))
        return Weight("weight", (after, before), law), Weight("bias", (after,), law)
