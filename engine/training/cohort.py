"""Training of several clients at once: their weights stacked, one batched matrix product per layer and step.

The mathematics is that of ``engine.training.autograd``; only rounding differs. Two things make it fast: for plain SGD
the backward pass and the step are one accumulating matrix product, and the price of an operator call is divided by the
cohort's size. ``engine.training.gram`` adds the dual form of the first layer.
"""

from dataclasses import dataclass

import numpy as np
import torch

from engine.training.dense import stacked_params
from engine.training.gram import train_chunk_gram, train_round_summed
from engine.training.local import Tensors
from engine.training.stack import Cohort, StackedJob

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
    steps = job.batches.steps
    if (np.diff(steps) > 0).any():
        raise ValueError("clients must come in descending order of their numbers of steps")
    with torch.no_grad():
        cohort = Cohort(job)
        longest = int(steps.max())
        if job.gram_steps and not job.forms_weights:
            whole = cohort.chunk(range(longest))
            summed = train_round_summed(cohort, whole)
            cohort.note_losses(whole)
            return StackedResult(params={}, summed=summed, losses=(cohort.losses.numpy() / steps))
        size = job.gram_steps or _steps_at_once(job)
        for first in range(0, longest, size):
            chunk = cohort.chunk(range(first, min(first + size, longest)))
            if job.gram_steps:
                train_chunk_gram(cohort, chunk)
            else:
                cohort.train_chunk(chunk)
            cohort.note_losses(chunk)
        return StackedResult(params=stacked_params(cohort.layers), summed={}, losses=cohort.losses.numpy() / steps)


def _steps_at_once(job: StackedJob) -> int:
    row_bytes = job.x.shape[1] * job.x.element_size() * len(job.places) * job.batches.rows.shape[2]
    return max(1, GATHER_BYTES // int(row_bytes))
