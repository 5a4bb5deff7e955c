"""Training of several clients at once: their weights stacked, one batched matrix product per layer and step.

The mathematics is that of ``engine.training.autograd``; only rounding differs. Two things make it fast: for plain SGD
the backward pass and the step are one accumulating matrix product, and the price of an operator call is divided by the
cohort's size. ``engine.training.gram`` and ``engine.training.whole`` add the dual form of the first layer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from engine.training.batches import Batches
from engine.training.dense import DenseStack, stacked_params
from engine.training.gram import train_chunk_gram
from engine.training.local import Tensors
from engine.training.plans import GRAM_STEPS
from engine.training.stack import Cohort, StackedJob
from engine.training.whole import suits_whole, train_whole, weighted_sum

GATHER_BYTES = 4 << 20
"""Inputs gathered at once, so that a chunk is still in the cache when its steps use it."""


PART_ROWS = 500
"""Samples of a step from which on a stack is trained in parts of at least so many, side by side if threads are there.
With fewer, operator calls are too short to be worth making twice."""

MOST_PARTS = 8
"""Parts of a stack at most."""


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
    clients, _, width = job.batches.rows.shape
    number = min(clients, MOST_PARTS, clients * width // PART_ROWS)
    if number < 2 or job.term is not None:
        return _train(job)
    ends = [place * clients // number for place in range(number + 1)]
    return _joined(job.team.each(lambda pair: _train(_part(job, slice(*pair))), list(pairwise(ends))))


def _train(job: StackedJob) -> StackedResult:
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


def _part(job: StackedJob, some: slice) -> StackedJob:
    """Some neighboring clients of a stack."""
    dims = {name: dim for layer in job.chain for name, dim in ((layer.weight, 2), (layer.bias, 1))}
    batches = job.batches
    steps = batches.steps[some]
    return replace(
        job,
        start={name: value[some] if value.dim() > dims[name] else value for name, value in job.start.items()},
        client={group: {name: value[some] for name, value in named.items()} for group, named in job.client.items()},
        places=job.places[some],
        batches=Batches(batches.rows[some, : steps[0]], batches.share[some, : steps[0]], steps),
        weights=job.weights[some],
        names=job.names[some],
    )


def _joined(parts: Sequence[StackedResult]) -> StackedResult:
    """The results of a stack's parts as one, sums added in their order."""
    params = {name: torch.cat([part.params[name] for part in parts]) for name in parts[0].params}
    summed: dict[str, Tensor] = dict(parts[0].summed)
    for part in parts[1:]:
        summed = {name: value + part.summed[name] for name, value in summed.items()}
    return StackedResult(params, summed, np.concatenate([part.losses for part in parts]))


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
