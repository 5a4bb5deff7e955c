"""A quantized model in torch: it computes in floats and rounds wherever the integer one does."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from engine.models.build import GraphModule, build
from engine.models.graph import INPUT, Graph

if TYPE_CHECKING:
    from engine.datafree.rounding.quantized import Grid, Quantized


class QuantizedModule(nn.Module):
    """Runs a quantized model; logits stay floats.

    Args:
        quantized: the model.
    """

    def __init__(self, quantized: "Quantized") -> None:
        super().__init__()
        self._input = quantized.grids.get(INPUT)
        self.inner = built(quantized.graph, quantized.effective)
        for name, grid in quantized.grids.items():
            if name != INPUT:
                self.inner.get_submodule(name).register_forward_hook(
                    lambda _, __, output, grid=grid: rounded(output, grid)
                )

    def forward(self, x: Tensor) -> Tensor:
        """Logits, (B, K) or (B, T, K), of samples (B, *sample.shape)."""
        logits: Tensor = self.inner(x if self._input is None else rounded(x, self._input))
        return logits


def rounded(x: Tensor, grid: "Grid") -> Tensor:
    """The nearest values of a grid; half a step goes to the even one, as in ONNX."""
    steps = torch.round(x / grid.scale).clamp(grid.lowest_step, grid.highest_step)
    return steps * grid.scale


def built(graph: Graph, weights: Mapping[str, np.ndarray]) -> GraphModule:
    """The network with these weights, for use and not for training."""
    module = build(graph).eval().requires_grad_(requires_grad=False)
    module.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in weights.items()})
    return module
