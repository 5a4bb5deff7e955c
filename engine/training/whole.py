"""A whole round of clients with few samples as one Gram block.

The first layer's products are taken over the samples, once per sample however often it is visited: forward with the
round's start, which all clients share, and backward with the gradients of all visits added up. Between the two only the
clients' Gram matrices are needed, which never change. So the weights of single clients need not be formed at all.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from engine.training.coefficients import coefficients
from engine.training.dense import Descent, stacked_params
from engine.training.facts import Facts, FactStore, products_of_visits
from engine.training.gram import Corrections, descend
from engine.training.local import Tensors
from engine.training.slabs import Slab, slabs_of
from engine.training.stack import Cohort, StackedJob
from engine.training.workspace import Workspace

TOTALS = 4
"""Sums of the first layer's gradients that may be made side by side, each over some neighboring slabs."""

ONCE = 1.1
"""Up to so many visits per sample, padding counted, every visit gets a row of its own."""


def suits_whole(job: StackedJob, descent: Descent) -> bool:
    """Whether the round can be one block: all start from one first layer, and its bias is pulled as its weights are."""
    first = job.chain[0]
    names = [first.weight] if first.bias is None else [first.weight, first.bias]
    return (
        job.batches.rows.shape[1] <= job.gram_steps
        and job.start[first.weight].dim() == 2
        and len({descent.shrink(name) for name in names}) == 1
    )


def train_whole(cohort: Cohort) -> dict[str, Tensor]:
    """Train a round.

    Returns:
        The trained parameters with a client axis, or the weighted sum of the updates where the job asks for that.
    """
    block = _Round(cohort)
    products = block.gram()
    corrections = Corrections(
        block.z, block.d, lambda ahead, done: products[:, ahead, done], rate=block.rate, job=cohort.job
    )
    descend(cohort, corrections, range(cohort.num_steps))
    return block.formed() if cohort.job.forms_weights else block.summed()


class _Round:
    """The first layer of a cohort over a whole round.

    R samples of all clients, C clients, V visits of each (padded), H outputs, F inputs. Where every sample is visited
    once, the samples stand in the order of the visits, R = C * V; else as the clients hold them.

    Attributes:
        z: (C, V, H), the visits' pre-activations but for the effect of the round's own gradients.
        d: (C, V, H), where the gradients by the visits' pre-activations are written.
    """

    def __init__(self, cohort: Cohort) -> None:
        self.cohort, job = cohort, cohort.job
        self.layer = job.chain[0]
        self.outputs, self.visits = self.layer.outputs, cohort.rows.shape[1]
        self.memory: Workspace = job.cache.setdefault("workspace", Workspace())
        self.facts = _facts_of(job, 0.0 if self.layer.bias is None else 1.0)
        shrink = cohort.descent.shrink(self.layer.weight)
        self.numbers = coefficients(job.settings, lr=cohort.descent.lr, shrink=shrink, steps=cohort.num_steps)
        self.constants = _constants(self.layer.weight, self.layer.bias, cohort.descent, job.start)
        counts = [len(place) for place in job.places]
        self.is_in_order = cohort.clients * self.visits <= ONCE * sum(counts)
        held = [place[rows] for place, rows in zip(job.places, cohort.rows.numpy(), strict=True)]
        self.places = cohort.rows + torch.from_numpy(np.cumsum([0, *counts[:-1]])).unsqueeze(1)
        rows = cohort.clients * self.visits
        self.rows_d = self.memory.empty("d", rows + 1, self.outputs, dtype=job.x.dtype)
        if cohort.active[-1] == cohort.clients:
            self.rows_d[-1].zero_()
        else:
            self.rows_d.zero_()  # clients that have done all their steps add nothing, nor does the last row
        self.d = self.rows_d[:-1].view(cohort.clients, self.visits, self.outputs)
        self.z = self.memory.empty("z", *self.d.shape, dtype=job.x.dtype)
        places = held if self.is_in_order else job.places
        self.slabs = slabs_of(job.x, places, self.facts, self.memory, then=self._forward, team=job.team)

    def _forward(self, slab: Slab) -> None:
        """Write the pre-activations of a slab's clients."""
        job, mine = self.cohort.job, self.z[slab.clients]
        bias = None if self.layer.bias is None else job.start[self.layer.bias]
        self._visit(slab, slab.forward(job.start[self.layer.weight], bias), mine)
        if not self.numbers.is_plain:
            mine.mul_(self._by_visit(self.numbers.start))
        if self.constants:
            others = self._visit(slab, self._of_constants(slab), torch.empty_like(mine))
            mine.addcmul_(others, self._by_visit(self.numbers.constant))

    def gram(self) -> Tensor:
        """The inner products (C, V, V) of the visits, times what a gradient counts in the weights of a later step."""
        products = products_of_visits(self.facts, self.cohort.rows, self.memory, self.cohort.job.team)
        if not self.numbers.is_plain:
            width = self.cohort.width
            factors = self.numbers.gradient[:-1].repeat(width, 0).repeat(width, 1)
            products.mul_(torch.from_numpy(factors).to(products.dtype))
        return products

    @property
    def rate(self) -> float:
        """What those products are still to be multiplied with."""
        return -self.cohort.descent.lr if self.numbers.is_plain else 1.0

    def summed(self) -> dict[str, Tensor]:
        """The weighted sum of the updates by parameter name."""
        job = self.cohort.job
        weights, steps = np.asarray(job.weights), job.batches.steps
        names = [name for name in (self.layer.weight, self.layer.bias) if name is not None]
        self._weigh(weights)
        visits = self._visits_of_samples()
        number = min(TOTALS, len(self.slabs))
        ends = [place * len(self.slabs) // number for place in range(number + 1)]
        totals = {
            name: self.memory.empty(f"totals of {name}", number, *job.start[name].shape, dtype=self.d.dtype).zero_()
            for name in names
        }

        def backward(place: int) -> None:
            for slab in self.slabs[ends[place] : ends[place + 1]]:
                by_sample = self._by_sample(visits, slab)
                slab.backward(by_sample, totals[self.layer.weight][place])
                if self.layer.bias is not None:
                    totals[self.layer.bias][place].add_(by_sample.sum(0))

        largest_first = sorted(range(number), key=lambda place: ends[place] - ends[place + 1])
        job.team.each(backward, largest_first)
        summed = {name: total.sum(0) for name, total in totals.items()}
        if not self.numbers.is_plain:
            kept = float((weights * (self.numbers.start[steps] - 1.0)).sum())
            for name, total in summed.items():
                total.add_(job.start[name], alpha=kept)
        for name, constant in self.constants.items():
            shares = torch.from_numpy(weights * self.numbers.constant[steps]).to(constant.dtype)
            is_common = constant.dim() == job.start[name].dim()
            summed[name].add_(constant * shares.sum() if is_common else torch.tensordot(shares, constant, dims=1))
        return summed | weighted_sum(stacked_params(self.cohort.later), job.start, job.weights)

    def formed(self) -> dict[str, Tensor]:
        """The trained parameters with a client axis."""
        job, clients = self.cohort.job, self.cohort.clients
        names = [name for name in (self.layer.weight, self.layer.bias) if name is not None]
        steps = job.batches.steps
        params: dict[str, Tensor] = {}
        for name in names:
            value = job.start[name].expand(clients, *job.start[name].shape).clone()
            if not self.numbers.is_plain:
                value.mul_(_column(self.numbers.start[steps], value))
            if name in self.constants:
                value.addcmul_(self.constants[name].expand_as(value), _column(self.numbers.constant[steps], value))
            params[name] = value
        self._weigh(np.ones(clients))
        visits = self._visits_of_samples()

        def backward(slab: Slab) -> None:
            parts = self._by_sample(visits, slab).split_with_sizes(list(slab.counts))
            for one, part in zip(slab.one_by_one(), parts, strict=True):
                one.backward(part, params[self.layer.weight][one.clients.start])
                if self.layer.bias is not None:
                    params[self.layer.bias][one.clients.start].add_(part.sum(0))

        job.team.each(backward, self.slabs)
        return {**params, **stacked_params(self.cohort.later)}

    def _visit(self, slab: Slab, samples: Tensor, out: Tensor) -> Tensor:
        """Rows of a slab's samples (R, H) as its clients visit them, (C, V, H)."""
        if self.is_in_order:
            return out.copy_(samples.view(out.shape))
        visits = (self.places[slab.clients] - slab.rows.start).view(-1)
        torch.index_select(samples, 0, visits, out=out.view(-1, self.outputs))
        return out

    def _of_constants(self, slab: Slab) -> Tensor:
        """A slab's products with the constant part of the gradient, (R, H)."""
        weight = self.constants.get(self.layer.weight)
        bias = None if self.layer.bias is None else self.constants.get(self.layer.bias)
        if weight is None:
            found = torch.zeros(len(slab.x), self.outputs, dtype=slab.x.dtype)
        elif weight.dim() == 2:
            found = slab.forward(weight, None)
        else:
            found = torch.cat([one.forward(weight[one.clients.start], None) for one in slab.one_by_one()])
        if bias is None:
            return found
        return found.add_(
            bias if bias.dim() == 1 else bias[slab.clients].repeat_interleave(torch.tensor(slab.counts), 0)
        )

    def _by_visit(self, numbers: np.ndarray) -> Tensor:
        """A number per step as a column over the visits, (V, 1)."""
        return torch.from_numpy(numbers[:-1].repeat(self.cohort.width)).to(self.d.dtype).unsqueeze(1)

    def _weigh(self, weights: np.ndarray) -> None:
        """Multiply the gradients with what they count at the end, times a weight (C,) of their client."""
        factors = self.numbers.gradient[self.cohort.job.batches.steps] * weights[:, None]
        by_visit = torch.from_numpy(factors.repeat(self.cohort.width, axis=1)).to(self.d.dtype)
        self.cohort.job.team.each(
            lambda slab: self.d[slab.clients].mul_(by_visit[slab.clients].unsqueeze(2)), self.slabs
        )

    def _by_sample(self, visits: Sequence[Tensor], slab: Slab) -> Tensor:
        """The gradients of all visits of a slab's samples added up, (R, H)."""
        if self.is_in_order:
            rows: Tensor = self.rows_d[slab.rows]
            return rows
        total = self.memory.empty("by sample", len(slab.x), self.outputs, dtype=self.d.dtype)
        torch.index_select(self.rows_d, 0, visits[0][slab.rows], out=total)
        for visit in visits[1:]:
            total.add_(self.rows_d.index_select(0, visit[slab.rows]))
        return total

    def _visits_of_samples(self) -> list[Tensor]:
        """For the first, second, ... visit of every sample, (R,): its place among all visits, or the row of zeros."""
        if self.is_in_order:
            return []
        share = self.cohort.job.batches.share
        flat = np.flatnonzero(share)
        rows = self.places.numpy().reshape(-1)[flat]
        order = np.argsort(rows, kind="stable")
        rows, flat = rows[order], flat[order]
        starts = np.flatnonzero(np.diff(rows, prepend=-1))
        rank = np.arange(len(rows)) - np.repeat(starts, np.diff(starts, append=len(rows)))
        visits = []
        for number in range(int(rank.max()) + 1):
            places = np.full(self.slabs[-1].rows.stop, share.size, np.int64)
            chosen = rank == number
            places[rows[chosen]] = flat[chosen]
            visits.append(torch.from_numpy(places))
        return visits


def weighted_sum(params: Tensors, start: Tensors, weights: Sequence[float]) -> dict[str, Tensor]:
    """The weighted sum over clients of what their parameters have changed."""
    factors = torch.tensor(weights, dtype=next(iter(start.values())).dtype)
    return {name: torch.tensordot(factors, value - start[name], dims=1) for name, value in params.items()}


def _facts_of(job: StackedJob, shift: float) -> list[Facts]:
    """What is known of the clients' samples."""
    store = job.cache.setdefault("facts", FactStore(shift))
    names: Sequence[int | None] = job.names or [None] * len(job.places)
    return [store.of(name, job.x, rows) for name, rows in zip(names, job.places, strict=True)]


def _constants(weight: str, bias: str | None, descent: Descent, start: Tensors) -> dict[str, Tensor]:
    """The constant parts of the gradients of the first layer's parameters, where there are any."""
    found = {name: descent.term.constant(name) for name in (weight, bias) if name is not None}
    return {name: value for name, value in found.items() if value is not None}


def _column(numbers: np.ndarray, like: Tensor) -> Tensor:
    """A number per client, shaped to multiply a stack of parameters."""
    shape: Sequence[int] = [-1] + [1] * (like.dim() - 1)
    return torch.from_numpy(np.ascontiguousarray(numbers)).to(like.dtype).view(shape)
