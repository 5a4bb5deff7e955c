"""Distillation by attention maps."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from engine.core.errors import Problem
from engine.datafree.distiller import Distiller, DistillView, distillers
from engine.models.graph import Graph
from engine.models.layer import text_of

if TYPE_CHECKING:
    from torch import Tensor


@distillers.register
class Attention(Distiller):
    """Soft targets, and the student looks at the same places as the teacher at every resolution that both have.

    The attention at a resolution is the mean of squared activations over channels at the end of that stage, scaled to
    length 1, so the two networks may differ in channels.
    """

    source: ClassVar[str] = (
        "S. Zagoruyko, N. Komodakis, Paying More Attention to Attention, ICLR 2017, arXiv 1612.03928, section 3.1, "
        "equation 2, with the mean of squares of the authors' code"
    )
    equation: ClassVar[str] = "soft targets + β Σₗ mean (F(S_l) − F(T_l))², F(A) = v/‖v‖₂, v = mean_c A²"
    needs_maps: ClassVar[bool] = True
    kind: Literal["attention"] = "attention"
    """Distillation by attention maps."""

    beta: Annotated[float, Field(gt=0, le=1e6)] = 1000.0
    """Weight of the attention term, dimensionless; 1000 in the authors' code, as a mean over pixels is small."""

    @override
    def further_terms(self, view: DistillView) -> "dict[str, Tensor]":
        from engine.datafree.learning.imitation import attention_distance

        shared = [size for size in view.student_maps if size in view.teacher_maps]
        distance = attention_distance((view.student_maps[size], view.teacher_maps[size]) for size in shared)
        return {"attention": self.beta * distance}

    @override
    def check(self, student: Graph, teacher: Graph) -> list[Problem]:
        if student.stages.keys() & teacher.stages.keys():
            return []
        message = (
            "attention needs a resolution at which both networks have maps; allowed is a pair that shares one, but the "
            f"student has {_sizes(student)} and the teacher has {_sizes(teacher)}"
        )
        return [Problem("", "does_not_fit", message)]


def _sizes(graph: Graph) -> str:
    return ", ".join(map(text_of, graph.stages)) or "none"
