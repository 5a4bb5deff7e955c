"""A whole round of clients with few samples as one Gram block.

The first layer's products are taken over the samples in the order in which the clients hold them, once per sample
however often it is visited: forward with the round's start, which all clients share, and backward with the gradients of
all visits added up. Between the two only the clients' Gram matrices are needed, which never change. So the weights of
single clients need not be formed at all.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from engine.training.coefficients import coefficients
from engine.training.dense import Descent, stacked_params
from engine.training.gram import Corrections, descend
from engine.training.local import Tensors
from engine.training.plans import GRAM_KEPT_BYTES
from engine.training.products import affine, product
from engine.training.stack import Cohort, StackedJob

FEW_VISITS = 128
"""Up to this many visits of a client, the products of all clients are looked up at once."""


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
    d = torch.zeros(cohort.clients * block.visits + 1, block.outputs, dtype=block.x.dtype)  # the last row stays zero
    view = d[:-1].view(cohort.clients, block.visits, block.outputs)
    products = block.gram()
    corrections = Corrections(block.before(), view, lambda ahead, done: products[:, ahead, done], block.rate)
    descend(cohort, corrections, range(cohort.num_steps))
    backward = block.gathered(d, view)
    return block.summed(backward) if not cohort.job.forms_weights else block.formed(backward)


class _Round:
    """The first layer of a cohort over a whole round.

    R samples of all clients, C clients, V visits of each (padded), H outputs, F inputs.
    """

    def __init__(self, cohort: Cohort) -> None:
        self.cohort, job = cohort, cohort.job
        self.layer = job.chain[0]
        self.outputs, self.visits = self.layer.outputs, cohort.rows.shape[1]
        self.counts = [len(place) for place in job.places]
        self.offsets = np.cumsum([0, *self.counts[:-1]])
        places = np.concatenate(job.places)
        self.x = job.x if _is_all(places, len(job.x)) else job.x.index_select(0, torch.from_numpy(places))
        self.share = job.batches.share.reshape(cohort.clients, -1)
        shrink = cohort.descent.shrink(self.layer.weight)
        self.numbers = coefficients(job.settings, lr=cohort.descent.lr, shrink=shrink, steps=cohort.num_steps)
        self.constants = _constants(self.layer.weight, self.layer.bias, cohort.descent, job.start)

    def before(self) -> Tensor:
        """The visits' pre-activations (C, V, H) but for the effect of the round's own gradients."""
        job = self.cohort.job
        samples = affine(self.x, job.start[self.layer.weight], self._bias(job.start))
        z = self._visited(samples)
        if not self.numbers.is_plain:
            z.mul_(self._by_visit(self.numbers.start))
        if self.constants:
            z.addcmul_(self._visited(self._of_constants()), self._by_visit(self.numbers.constant))
        return z

    def gram(self) -> Tensor:
        """The inner products (C, V, V) of the visits, times what a gradient counts in the weights of a later step."""
        job, clients = self.cohort.job, self.cohort.clients
        store = job.cache.setdefault("gram matrices", GramStore(0.0 if self.layer.bias is None else 1.0))
        names: Sequence[int | None] = job.names or [None] * clients
        parts = self.x.split_with_sizes(self.counts)
        products = _of_visits([store.of(name, x) for name, x in zip(names, parts, strict=True)], self.cohort.rows)
        if not self.numbers.is_plain:
            width = self.cohort.width
            factors = self.numbers.gradient[:-1].repeat(width, 0).repeat(width, 1)
            products.mul_(torch.from_numpy(factors).to(products.dtype))
        return products

    @property
    def rate(self) -> float:
        """What those products are still to be multiplied with."""
        return -self.cohort.descent.lr if self.numbers.is_plain else 1.0

    def gathered(self, d: Tensor, by_client: Tensor) -> Tensor:
        """The gradients of all visits of each sample added up, times what they count at the end, (R, H)."""
        steps = self.cohort.job.batches.steps
        factors = self.numbers.gradient[steps].repeat(self.cohort.width, axis=1)
        by_client.mul_(torch.from_numpy(factors).to(d.dtype).unsqueeze(2))
        total = None
        for visit in self._visits_of_samples():
            part = d.index_select(0, torch.from_numpy(visit))
            total = part if total is None else total.add_(part)
        assert total is not None
        return total

    def summed(self, backward: Tensor) -> dict[str, Tensor]:
        """The weighted sum of the updates by parameter name."""
        job, dtype = self.cohort.job, self.x.dtype
        factors = torch.tensor(job.weights, dtype=dtype)
        by_sample = backward.mul_(factors.repeat_interleave(torch.tensor(self.counts)).unsqueeze(1))
        summed = {self.layer.weight: product(by_sample.t().contiguous(), self.x)}
        if self.layer.bias is not None:
            summed[self.layer.bias] = by_sample.sum(0)
        steps = job.batches.steps
        if not self.numbers.is_plain:
            kept = float((np.asarray(job.weights) * (self.numbers.start[steps] - 1.0)).sum())
            for name, total in summed.items():
                total.add_(job.start[name], alpha=kept)
        for name, constant in self.constants.items():
            shares = torch.from_numpy(np.asarray(job.weights) * self.numbers.constant[steps]).to(dtype)
            is_common = constant.dim() == job.start[name].dim()
            summed[name].add_(constant * shares.sum() if is_common else torch.tensordot(shares, constant, dims=1))
        return summed | weighted_sum(stacked_params(self.cohort.later), job.start, job.weights)

    def formed(self, backward: Tensor) -> dict[str, Tensor]:
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
        parts, inputs = backward.split_with_sizes(self.counts), self.x.split_with_sizes(self.counts)
        for place, (part, x) in enumerate(zip(parts, inputs, strict=True)):
            params[self.layer.weight][place].addmm_(part.t(), x)
            if self.layer.bias is not None:
                params[self.layer.bias][place].add_(part.sum(0))
        return {**params, **stacked_params(self.cohort.later)}

    def _bias(self, tensors: Mapping[str, Tensor]) -> Tensor | None:
        return None if self.layer.bias is None else tensors.get(self.layer.bias)

    def _of_constants(self) -> Tensor:
        """The samples' products with the constant part of the gradient, (R, H)."""
        weight = self.constants.get(self.layer.weight)
        bias = self._bias(self.constants)
        if weight is None:
            found = torch.zeros(len(self.x), self.outputs, dtype=self.x.dtype)
        elif weight.dim() == 2:
            found = product(self.x, weight.t())
        else:
            found = torch.cat(
                [product(x, w.t()) for x, w in zip(self.x.split_with_sizes(self.counts), weight, strict=True)]
            )
        if bias is not None:
            found.add_(bias if bias.dim() == 1 else bias.repeat_interleave(torch.tensor(self.counts), 0))
        return found

    def _visited(self, samples: Tensor) -> Tensor:
        """Rows of the samples (R, H) in the order of the visits, (C, V, H)."""
        places = self.cohort.rows + torch.from_numpy(self.offsets).unsqueeze(1)
        return samples.index_select(0, places.view(-1)).view(self.cohort.clients, self.visits, -1)

    def _by_visit(self, numbers: np.ndarray) -> Tensor:
        """A number per step as a column over the visits, (V, 1)."""
        return torch.from_numpy(numbers[:-1].repeat(self.cohort.width)).to(self.x.dtype).unsqueeze(1)

    def _visits_of_samples(self) -> list[np.ndarray]:
        """For the first, second, ... visit of every sample: its place among all visits, or the row of zeros."""
        flat = np.flatnonzero(self.share)
        rows = (self.cohort.rows.numpy() + self.offsets[:, None]).reshape(-1)[flat]
        order = np.argsort(rows, kind="stable")
        rows, flat = rows[order], flat[order]
        starts = np.flatnonzero(np.diff(rows, prepend=-1))
        rank = np.arange(len(rows)) - np.repeat(starts, np.diff(starts, append=len(rows)))
        visits = []
        for number in range(int(rank.max()) + 1):
            places = np.full(len(self.x), self.share.size, np.int64)
            chosen = rank == number
            places[rows[chosen]] = flat[chosen]
            visits.append(places)
        return visits


def weighted_sum(params: Tensors, start: Tensors, weights: Sequence[float]) -> dict[str, Tensor]:
    """The weighted sum over clients of what their parameters have changed."""
    factors = torch.tensor(weights, dtype=next(iter(start.values())).dtype)
    return {name: torch.tensordot(factors, value - start[name], dims=1) for name, value in params.items()}


class GramStore:
    """Inner products of clients' samples: functions of the samples alone, so kept between rounds.

    Args:
        shift: added to every product: 1 for the bias.
    """

    def __init__(self, shift: float) -> None:
        self._shift = shift
        self._kept: dict[int, Tensor] = {}
        self._bytes = 0

    def of(self, name: int | None, x: Tensor) -> Tensor:
        """The products (n, n) of the rows with each other.

        Args:
            name: what tells these samples from others; None if nothing does.
            x: the samples, (n, F).
        """
        found = None if name is None else self._kept.get(name)
        if found is not None:
            return found
        own = x.clone()  # its own memory: the same bits wherever the rows stood
        found = torch.mm(own, own.t())
        if self._shift:
            found.add_(self._shift)
        if name is not None:
            self._keep(name, found)
        return found

    def _keep(self, name: int, table: Tensor) -> None:
        self._kept[name] = table
        self._bytes += table.nbytes
        while self._bytes > GRAM_KEPT_BYTES and len(self._kept) > 1:
            self._bytes -= self._kept.pop(next(iter(self._kept))).nbytes


def _of_visits(tables: Sequence[Tensor], rows: Tensor) -> Tensor:
    """The rows and columns of each client's table (n, n) in the order of its visits (C, V), as (C, V, V)."""
    clients, visits = rows.shape
    if visits > FEW_VISITS:
        products = torch.empty(clients, visits, visits, dtype=tables[0].dtype)
        for table, mine, out in zip(tables, rows.unbind(), products.unbind(), strict=True):
            torch.index_select(table.index_select(0, mine), 1, mine, out=out)
        return products
    together = _side_by_side(tables)
    index = (rows * together.shape[1]).unsqueeze(2) + rows.unsqueeze(1)
    return together.view(clients, -1).gather(1, index.view(clients, -1)).view(clients, visits, visits)


def _side_by_side(tables: Sequence[Tensor]) -> Tensor:
    """Square tables as one, (C, n, n), small ones filled up with zeros."""
    sizes = [table.shape[0] for table in tables]
    most = max(sizes)
    if min(sizes) == most:
        return torch.stack(list(tables))
    padded = torch.zeros(len(tables), most, most, dtype=tables[0].dtype)
    for place, (table, size) in enumerate(zip(tables, sizes, strict=True)):
        padded[place, :size, :size] = table
    return padded


def _is_all(places: np.ndarray, count: int) -> bool:
    """Whether the places are all rows in their order, so that nothing needs to be gathered."""
    return len(places) == count and bool((places == np.arange(count)).all())


def _constants(weight: str, bias: str | None, descent: Descent, start: Tensors) -> dict[str, Tensor]:
    """The constant parts of the gradients of the first layer's parameters, where there are any."""
    found = {name: descent.term.constant(name) for name in (weight, bias) if name is not None}
    return {name: value for name, value in found.items() if value is not None}


def _column(numbers: np.ndarray, like: Tensor) -> Tensor:
    """A number per client, shaped to multiply a stack of parameters."""
    shape: Sequence[int] = [-1] + [1] * (like.dim() - 1)
    return torch.from_numpy(np.ascontiguousarray(numbers)).to(like.dtype).view(shape)
