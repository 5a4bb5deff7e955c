"""Quantization with calibration images that are distilled from the statistics of normalization layers."""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from engine.datafree.quantizer import QuantInputs, Quantizer, quantizers
from engine.datafree.rounding.quantized import Tensors
from engine.models.graph import Graph
from engine.models.layers import BatchNorm2d


@quantizers.register
class ZeroQ(Quantizer):
    """Images are moved from noise until all normalization layers see the statistics that they learned; then to nearest.

    The smallest and largest activations that these images cause are the ranges. Where a model has no such layers, the
    task's synthetic images take their place. Without the mixed precision of the paper: all layers have the same bits.
    """

    source: ClassVar[str] = (
        "Y. Cai et al., ZeroQ: A Novel Zero Shot Quantization Framework, CVPR 2020, arXiv 2001.00281, equation 3 and "
        "algorithm 1"
    )
    equation: ClassVar[str] = "min_x Σ_l ‖μ̂_l(x) − μ_l‖² + ‖σ̂_l(x) − σ_l‖²"
    prefers_images: ClassVar[bool] = True
    kind: Literal["zeroq"] = "zeroq"

    num_images: int = Field(default=64, ge=1, le=1024)
    """Images that are distilled, all at once."""

    steps: int = Field(default=200, ge=1, le=10_000)
    """Steps of Adam that they take."""

    lr: float = Field(default=0.1, gt=0, le=10)
    """Rate of Adam, in standard deviations of the training pixels per step."""

    @override
    def num_steps(self, graph: Graph, *, has_images: bool) -> int:
        has_statistics = any(isinstance(node.layer, BatchNorm2d) for node in graph.nodes)
        is_needed = self.activation_bits == 8 and self.ranges != "batch_norm"
        return self.steps if has_statistics and is_needed else 0

    @override
    def begin(self, graph: Graph, weights: Tensors, inputs: QuantInputs) -> dict[str, np.ndarray]:
        low, high = (
            np.broadcast_to(end.astype(np.float32).reshape(-1, 1, 1), graph.sample.shape)
            for end in (inputs.low, inputs.high)
        )
        noise = inputs.draw.standard_normal((self.num_images, *graph.sample.shape), dtype=np.float32)
        images = np.clip(noise, low, high)
        empty = np.zeros_like(images)
        return {"images": images, "first": empty, "second": empty, "low": low.copy(), "high": high.copy()}

    @override
    def advance(
        self, graph: Graph, weights: Tensors, working: Tensors, first_step: int, num_steps: int
    ) -> dict[str, np.ndarray]:
        from engine.datafree.learning.statistics_matching import matched

        return matched(graph, weights, working, range(first_step, first_step + num_steps), self.lr)
