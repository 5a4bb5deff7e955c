"""Pruning of the filters with the smallest weights."""

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from engine.datafree.pruner import Pruner, pruners
from engine.datafree.shrinking.channels import Channels, Weights


@pruners.register
class Magnitude(Pruner):
    """The channels whose filters have the smallest norm go; channels that go together are taken as one filter."""

    source: ClassVar[str] = "H. Li et al., Pruning Filters for Efficient ConvNets, ICLR 2017, section 3.1"
    equation: ClassVar[str] = "s_c = Σ over tied layers of ‖W_c‖₁, or its Euclidean counterpart"
    kind: Literal["magnitude"] = "magnitude"
    """Pruning of the filters with the smallest weights."""

    norm: Literal["l1", "l2"] = "l1"
    """Sum of absolute weights (l1, as in the paper) or square root of the sum of squares (l2)."""

    @override
    def saliency(self, channels: Channels, weights: Weights) -> NDArray[np.float64]:
        total = np.zeros(channels.num_classes)
        for node in channels.producers():
            filters = channels.filters(node, weights)
            values = np.abs(filters) if self.norm == "l1" else np.square(filters)
            np.add.at(total, channels.classes[node.name], values.sum(axis=1))
        return total if self.norm == "l1" else np.sqrt(total)
