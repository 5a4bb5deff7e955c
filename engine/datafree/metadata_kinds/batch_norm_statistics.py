"""The running statistics of the teacher's BatchNorm layers."""

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from typing_extensions import override

from engine.core.errors import Problem
from engine.data.dataset import Split
from engine.datafree.metadata import CollectedMetadata, Layout, metadata
from engine.models.graph import Graph

if TYPE_CHECKING:
    from engine.datafree.images.views import TeacherView

STATISTICS = (".running_mean", ".running_var")


@metadata.register
class BatchNormStatistics(CollectedMetadata):
    """Mean and variance of what each BatchNorm layer met in training, as the model's buffers hold them.

    No sample is read again: whoever has the model has these numbers too. The file states them, and what they leak.
    """

    source: ClassVar[str] = "H. Yin et al., Dreaming to Distill, CVPR 2020, section 3.2, equation 4"
    equation: ClassVar[str] = "μ_l, σ_l² of the input of each BatchNorm layer l"
    leaks: ClassVar[str] = (
        "Mean and variance of every channel over the whole training set: little of single samples, but attacks that "
        "rebuild training images from gradients become much stronger with them (arXiv 2202.06924)."
    )
    reads_data: ClassVar[bool] = False
    kind: Literal["batch_norm_statistics"] = "batch_norm_statistics"
    """Running mean and variance of every BatchNorm layer."""

    @override
    def collect(self, teacher: "TeacherView", samples: Split, draw: np.random.Generator) -> dict[str, np.ndarray]:
        names = (info.name for info in teacher.graph.parameters() if info.name.endswith(STATISTICS))
        return {name: teacher.weights[name].astype(np.float32) for name in names}

    @override
    def layout(self, graph: Graph) -> Layout:
        return {info.name: (info.shape, np.float32) for info in graph.parameters() if info.name.endswith(STATISTICS)}

    @override
    def check(self, graph: Graph, num_samples: int) -> list[Problem]:
        if self.layout(graph):
            return []
        message = "the teacher has no BatchNorm layers, so there are no statistics to hand out"
        return [Problem("", "needs_batch_norm", message)]
