"""A quantized model in torch: it computes in floats and rounds wherever the integer one does."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from engine.models.build import build
from engine.models.graph import INPUT

if TYPE_CHECKING:
    from engine.datafree.quantized import Grid, Quantized


class QuantizedModule(nn.Module):
    """Runs a quantized model; logits stay floats.

    Args:
        quantized: the model.
    """

    def __init__(self, quantized: "Quantized") -> None:
        super().__init__()
        self._input = quantized.grids.get(INPUT)
        self.inner = build(quantized.graph).eval().requires_grad_(requires_grad=False)
        self.inner.load_state_dict(
            {name: torch.from_numpy(np.array(value)) for name, value in quantized.effective.items()}
        )
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
