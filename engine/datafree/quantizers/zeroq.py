"""Quantization with calibration images that are distilled from the statistics of normalization layers."""

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator
from typing_extensions import override

from engine.core.errors import Problem
from engine.datafree.quantizer import QuantInputs, Quantizer, quantizers
from engine.datafree.rounding.allocation import allocated
from engine.datafree.rounding.folding import Folded
from engine.datafree.rounding.quantized import Tensors, quantizable
from engine.models.graph import Graph
from engine.models.layers import BatchNorm2d

CHOICES = (8, 4)
"""Bits that a layer's weight may have."""

MOST_SENSED = 64
"""Images on which it is seen what fewer bits of a layer do."""


@quantizers.register
class ZeroQ(Quantizer):
    """Images are moved from noise until all normalization layers see the statistics that they learned; then to nearest.

    The smallest and largest activations that these images cause are the ranges. Where a model has no such layers, the
    task's synthetic images take their place. With a mean number of bits as budget, layers get 8 or 4 bits each, 4 where
    the answers to these images change least.
    """

    source: ClassVar[str] = (
        "Y. Cai et al., ZeroQ: A Novel Zero Shot Quantization Framework, CVPR 2020, arXiv 2001.00281, equation 3 and "
        "algorithm 1; section 3.3 and equation 4 (sensitivity, Pareto frontier), with weights of 4 or 8 bits"
    )
    equation: ClassVar[str] = (
        "min_x Σ_l ‖μ̂_l(x) − μ_l‖² + ‖σ̂_l(x) − σ_l‖²;  min_b Σ_l Ω_l(b_l) with Σ_l n_l b_l ≤ n mean_bits, "
        "Ω_l(b) = E KL(p(x) ‖ p_l,b(x))"
    )
    prefers_images: ClassVar[bool] = True
    kind: Literal["zeroq"] = "zeroq"

    num_images: int = Field(default=64, ge=1, le=1024)
    """Images that are distilled, all at once."""

    steps: int = Field(default=200, ge=1, le=10_000)
    """Steps of Adam that they take."""

    lr: float = Field(default=0.1, gt=0, le=10)
    """Rate of Adam, in standard deviations of the training pixels per step."""

    mean_bits: float | None = Field(default=None, ge=4, le=8)
    """Largest mean number of bits of a weight, over all weights that become whole numbers; layers get 8 or 4 bits each,
    so that answers change least. Empty for weight_bits in every layer."""

    @model_validator(mode="after")
    def _has_one_say_on_bits(self) -> "ZeroQ":
        if self.mean_bits is not None and self.weight_bits != 8:
            raise ValueError(
                "with mean_bits layers have 8 or 4 bits as it decides, so weight_bits: 4 has no say; leave one out"
            )
        return self

    @property
    @override
    def mean_weight_bits(self) -> float:
        return super().mean_weight_bits if self.mean_bits is None else self.mean_bits

    @override
    def check(self, graph: Graph, *, has_images: bool) -> list[Problem]:
        problems = super().check(graph, has_images=has_images)
        if self.mean_bits is not None and not (has_images or self.num_steps(graph, has_images=has_images)):
            told = (
                "Which layers get fewer bits is decided on images, and there are none: the model has no normalization "
                "layers to make them from. Choose a synthesizer, or leave mean_bits out."
            )
            problems.append(Problem("mean_bits", "no_images", told))
        return problems

    @override
    def num_steps(self, graph: Graph, *, has_images: bool) -> int:
        has_statistics = any(isinstance(node.layer, BatchNorm2d) for node in graph.nodes)
        is_needed = self.mean_bits is not None or (self.activation_bits == 8 and self.ranges != "batch_norm")
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

    @override
    def bits(self, model: Folded, inputs: QuantInputs) -> Mapping[str, int]:
        if self.mean_bits is None or inputs.images is None:
            return super().bits(model, inputs)
        from engine.datafree.rounding.sensitivity import divergences

        layers = quantizable(model.graph)
        changed = (
            (f"{node.name}.weight", self._integers(node, model.weights, bits, None).dequantized())
            for node in layers
            for bits in CHOICES
        )
        lost = divergences(model.graph, model.weights, inputs.images[:MOST_SENSED], changed)
        losses = np.fromiter(lost, dtype=np.float64).reshape(len(layers), len(CHOICES))
        sizes = np.array([model.weights[f"{node.name}.weight"].size for node in layers])
        chosen = allocated(sizes[:, np.newaxis] * np.array(CHOICES), losses, int(sizes.sum() * self.mean_bits))
        return {node.name: CHOICES[choice] for node, choice in zip(layers, chosen, strict=True)}
