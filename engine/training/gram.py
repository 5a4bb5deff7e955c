"""The first layer in Gram (dual) form: pre-activations of several steps from the inputs' inner products.

Plain SGD keeps ``W = W0 - lr * sum_s dZ_s^T X_s``, so within a block of steps the pre-activation of step t is

    Z_t = X_t W0^T + b0 - lr * sum_{s < t} (X_t X_s^T + 1) dZ_s

One large matrix product for the block, one Gram matrix, small corrections per step; the weights are written once per
block. The 1 is the bias. Exact, but only for steps without momentum, weight decay and linear term.
"""

import torch
from torch import Tensor

from engine.training.stack import Chunk, Cohort


def train_chunk_gram(cohort: Cohort, chunk: Chunk) -> None:
    """The chunk's steps in Gram form; afterwards the first layer's weights are up to date."""
    first = cohort.layers[0]
    d = _descend(cohort, chunk, first.forward(chunk.x))
    active = d.shape[0]
    first.weight.value[:active].baddbmm_(d.transpose(1, 2), chunk.x, alpha=-first.lr)
    if first.bias is not None:
        first.bias.value[:active].sub_(d.sum(1, keepdim=True), alpha=first.lr)


def train_round_summed(cohort: Cohort, chunk: Chunk) -> dict[str, Tensor]:
    """A whole round in one Gram block, the first layer's client weights never formed.

    All clients start from the same weights, so the block's matrix product is one unbatched product over the cohort's
    samples, and the weighted sum of the updates is another.

    Returns:
        The weighted sum of the updates by parameter name.
    """
    job, first = cohort.job, cohort.layers[0]
    clients, rows, inputs = chunk.x.shape
    layer = first.layer
    flat = chunk.x.view(clients * rows, inputs)
    weight = job.start[layer.weight]
    z = torch.mm(flat, weight.t()) if layer.bias is None else torch.addmm(job.start[layer.bias], flat, weight.t())
    d = _descend(cohort, chunk, z.view(clients, rows, layer.outputs))
    factors = torch.tensor(job.weights, dtype=chunk.x.dtype)
    d.mul_(factors.view(-1, 1, 1))
    flat_d = d.view(clients * rows, layer.outputs)
    summed = {layer.weight: torch.mm(flat_d.t(), flat).mul_(-first.lr)}
    if layer.bias is not None:
        summed[layer.bias] = flat_d.sum(0).mul_(-first.lr)
    for later in cohort.layers[1:]:
        for name, value in later.params().items():
            summed[name] = torch.tensordot(factors, value - job.start[name], dims=1)
    return summed


def _descend(cohort: Cohort, chunk: Chunk, z: Tensor) -> Tensor:
    """Gradients (A, k*B, K) by the pre-activations of all the chunk's steps, in order, given those before the first.

    The steps are halved again and again: once the first half is done, one product carries its effect on to the whole
    second half. So only the lower half of the Gram matrix is computed, in pieces as large as they can be.
    """
    d = torch.empty_like(z)
    _descend_between(cohort, chunk, (z, d), chunk.steps)
    return d


def _descend_between(cohort: Cohort, chunk: Chunk, z_and_d: tuple[Tensor, Tensor], steps: range) -> None:
    z, d = z_and_d
    if len(steps) == 1:
        rows = chunk.rows(steps.start)
        d[:, rows] = cohort.tail(z[:, rows], chunk, rows)
        return
    early, late = steps[: len(steps) // 2], steps[len(steps) // 2 :]
    _descend_between(cohort, chunk, z_and_d, early)
    done = slice(chunk.rows(early.start).start, chunk.rows(early[-1]).stop)
    ahead = slice(done.stop, chunk.rows(late[-1]).stop)
    gram = torch.bmm(chunk.x[:, ahead], chunk.x[:, done].transpose(1, 2))
    if cohort.layers[0].bias is not None:
        gram.add_(1.0)
    z[:, ahead].baddbmm_(gram, d[:, done], alpha=-cohort.layers[0].lr)
    _descend_between(cohort, chunk, z_and_d, late)
