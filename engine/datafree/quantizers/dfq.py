"""Quantization without data by equal ranges across layers and corrected biases."""

from typing import ClassVar, Literal

import numpy as np
from typing_extensions import override

from engine.datafree.quantizer import Quantizer, quantizers
from engine.datafree.rounding.equalization import absorbed, equalized
from engine.datafree.rounding.folding import Folded
from engine.datafree.rounding.quantized import Tensors
from engine.datafree.rounding.ranges import Known, mean_through
from engine.models.graph import Node


@quantizers.register
class Dfq(Quantizer):
    """Data-free quantization: equal ranges across layers, high biases absorbed, biases corrected, then to nearest.

    A ReLU lets a positive factor through, so channels between two layers are scaled until their weights span the same
    on both sides. After rounding, each layer's mean output is moved back to where it was, by the mean of its input as
    the statistics of normalization layers (else synthetic images) tell it.
    """

    source: ClassVar[str] = (
        "M. Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction, ICCV 2019, "
        "arXiv 1906.04721, sections 4.1 (equalization, absorption of high biases) and 4.2 (bias correction)"
    )
    equation: ClassVar[str] = "sᵢ = √(r¹ᵢ r²ᵢ) / r²ᵢ,  W¹ᵢ / sᵢ,  sᵢ W²ᵢ;  b − (W̃ − W) E[x]"
    kind: Literal["dfq"] = "dfq"

    equalize: bool = True
    """Whether ranges of weights are made equal across layers; it does most where weights have one scale a tensor."""

    absorb: bool = True
    """Whether high biases move into the next layer."""

    correct_bias: bool = True
    """Whether biases make up for the mean error of rounded weights."""

    @override
    def prepared(self, model: Folded) -> Folded:
        model = equalized(model) if self.equalize else model
        return absorbed(model) if self.absorb else model

    @override
    def corrected(self, node: Node, floats: Tensors, error: np.ndarray, known: Known | None) -> Tensors:
        name = f"{node.name}.bias"
        if not self.correct_bias or name not in floats or known is None or known.moments is None:
            return {}
        shift = mean_through(node.layer, error.astype(np.float64), known.moments.mean)
        return {name: (floats[name] - shift).astype(np.float32)}
