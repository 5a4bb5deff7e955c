"""Training of several clients at once: their weights stacked, one batched matrix product per layer and step.

The mathematics is that of ``engine.training.autograd``; only rounding differs. Two things make it fast: for plain SGD
the backward pass and the step are one accumulating matrix product, and the price of an operator call is divided by the
cohort's size. ``engine.training.gram`` and ``engine.training.whole`` add the dual form of the first layer.
"""

from dataclasses import dataclass

import numpy as np
import torch

from engine.training.dense import DenseStack, stacked_params
from engine.training.gram import train_chunk_gram
from engine.training.local import Tensors
from engine.training.plans import GRAM_STEPS
from engine.training.stack import Cohort, StackedJob
from engine.training.whole import suits_whole, train_whole, weighted_sum

GATHER_BYTES = 4 << 20
"""Inputs gathered at once, so that a chunk is still in the cache when its steps use it."""


@dataclass(frozen=True)
class StackedResult:
    """What a stacked block gave.

    Attributes:
        params: trained weights with a client axis; empty if they were not formed.
        summed: weighted sum of the updates; empty if the weights were formed.
        losses: mean cross-entropy over each client's steps, (C,).
    """

    params: Tensors
    summed: Tensors
    losses: np.ndarray


def train_stacked(job: StackedJob) -> StackedResult:
    """Train the clients of a block side by side.

    Raises:
        ValueError: clients are not in descending order of their steps.
    """
    if (np.diff(job.batches.steps) > 0).any():
        raise ValueError("clients must come in descending order of their numbers of steps")
    with torch.no_grad():
        cohort = Cohort(job)
        trained: Tensors
        if suits_whole(job, cohort.descent):
            trained = train_whole(cohort)
        else:
            trained = _train_in_chunks(cohort)
            if not job.forms_weights:
                trained = weighted_sum(trained, job.start, job.weights)
        losses = cohort.losses().numpy() / job.batches.steps
    if job.forms_weights:
        return StackedResult(params=trained, summed={}, losses=losses)
    return StackedResult(params={}, summed=trained, losses=losses)


def _train_in_chunks(cohort: Cohort) -> Tensors:
    """All steps, with the first layer's weights of every client."""
    job, first = cohort.job, cohort.first_layer()
    takes_gram = bool(job.gram_steps) and first.is_plain
    size = min(job.gram_steps, GRAM_STEPS) if takes_gram else _steps_at_once(job)
    for start in range(0, cohort.num_steps, size):
        steps = range(start, min(start + size, cohort.num_steps))
        if takes_gram:
            train_chunk_gram(cohort, first, steps)
        else:
            _train_directly(cohort, first, steps)
    return stacked_params([first, *cohort.later])


def _train_directly(cohort: Cohort, first: DenseStack, steps: range) -> None:
    """Every step by itself."""
    chunk = cohort.inputs(steps)
    inputs = chunk.view(chunk.shape[0], len(steps), cohort.width, -1).unbind(1)
    for step, x_all in zip(steps, inputs, strict=True):
        x = x_all[: cohort.active[step]]
        z = first.forward(x)
        dz = torch.empty_like(z)
        cohort.tail(z, step, dz)
        first.step(dz, x)


def _steps_at_once(job: StackedJob) -> int:
    row_bytes = job.x.shape[1] * job.x.element_size() * len(job.places) * job.batches.rows.shape[2]
    return max(1, GATHER_BYTES // int(row_bytes))
