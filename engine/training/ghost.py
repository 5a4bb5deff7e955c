"""Clipped sums of gradients of a chain of linear layers, without the gradient of any single sample.

The gradient of a linear layer for one sample is the outer product of the gradient by its output and its input, so its
norm is the product of their norms, and the sum of scaled gradients is one matrix product.

Source: Goodfellow, Efficient Per-Example Gradient Computations, arXiv 1510.01799, 2015.
"""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from engine.training.chain import Chain
from engine.training.local import LocalRule, LocalView, Tensors, defines

RESERVE_ULPS = 32
"""By how many units in the last place the bound is taken smaller, so that rounding makes no gradient longer than it."""


def has_form(chain: Chain | None, rule: LocalRule) -> bool:
    """Whether this model and rule can be computed so: the rule's term must have a gradient by the features alone."""
    return chain is not None and (not defines(rule, "loss_term") or defines(rule, "feature_gradient"))


def clipped_sums(
    chain: Chain, rule: LocalRule, view: LocalView, batch: tuple[Tensor, Tensor], bound: float
) -> tuple[dict[str, Tensor], Tensor]:
    """Sums over the samples of gradients scaled down to an L2 norm of at most ``bound``, and the cross-entropies.

    Args:
        chain: the model.
        rule: the method; its term is that of each sample by itself.
        view: with the current weights; what the rule sees of the batch is put in.
        batch: inputs (B, *sample) and labels (B,).
        bound: the bound.
    """
    x, y = batch
    inputs, z = _forward(chain, view.params, x.flatten(1))
    losses = functional.cross_entropy(z, y, reduction="none")
    dz = z.softmax(1)
    dz[torch.arange(len(y)), y] -= 1.0
    seen = replace(view, inputs=x, labels=y, features=inputs[-1], logits=z, share=torch.ones(len(y), dtype=z.dtype))
    outputs = _backward(chain, view.params, inputs, dz, rule.feature_gradient(seen))
    squares = torch.zeros(len(y), dtype=z.dtype)
    for layer, h, d in zip(chain, inputs, outputs, strict=True):
        squares += d.square().sum(1) * (h.square().sum(1) + (layer.bias is not None))
    factors = clip_factors(squares.sqrt(), bound)
    sums: dict[str, Tensor] = {}
    for layer, h, d in zip(chain, inputs, outputs, strict=True):
        scaled = torch.where(factors.unsqueeze(1) > 0.0, d * factors.unsqueeze(1), 0.0)
        sums[layer.weight] = scaled.t() @ torch.where(factors.unsqueeze(1) > 0.0, h, 0.0)
        if layer.bias is not None:
            sums[layer.bias] = scaled.sum(0)
    return sums, losses


def clip_factors(norms: Tensor, bound: float) -> Tensor:
    """(B,) what gradients of these norms are multiplied with; nothing for one that is no finite number."""
    reserve = 1.0 - RESERVE_ULPS * torch.finfo(norms.dtype).eps
    factors = (bound * reserve / norms.clamp(min=1e-30)).clamp(max=1.0)
    return torch.where(norms.isfinite(), factors, torch.zeros_like(norms))


def _forward(chain: Chain, params: Tensors, x: Tensor) -> tuple[list[Tensor], Tensor]:
    """The input of every layer, and the logits."""
    inputs, h = [], x
    for layer in chain:
        inputs.append(h)
        z = functional.linear(h, params[layer.weight], None if layer.bias is None else params[layer.bias])
        h = z.relu() if layer.relu else z
    return inputs, h


def _backward(
    chain: Chain, params: Tensors, inputs: list[Tensor], dz: Tensor, by_features: Tensor | None
) -> list[Tensor]:
    """The gradient of each sample's loss by the output of every layer, (B, K) each."""
    outputs = [dz]
    for depth in range(len(chain) - 1, 0, -1):
        dh = outputs[0] @ params[chain[depth].weight]
        if depth == len(chain) - 1 and by_features is not None:
            dh = dh + by_features
        outputs.insert(0, dh * (inputs[depth] > 0) if chain[depth - 1].relu else dh)
    return outputs
