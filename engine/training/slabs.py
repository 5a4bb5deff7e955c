"""The samples of a round as slabs: some clients' inputs in a row, without those that never vary.

An input that has the same value in all samples of a slab, as the border of an image has, adds a constant to the
pre-activations, and its gradient is that value times the sum of all gradients. So it needs no place in the products.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.core.threads import ALONE, Team
from engine.training.facts import Facts
from engine.training.products import affine, product
from engine.training.workspace import Workspace

SLAB_ROWS = 512
"""Samples of a slab at least, if there are as many: the kernels reach their rate, and a slab is still in the cache."""

WORTH_LEAVING_OUT = 8
"""Inputs are left out where they are more than one in so many; below, looking up the others costs as much."""

LANES = 16
"""The inputs that stay are a multiple of this, which the kernels take best."""


@dataclass(frozen=True)
class Slab:
    """The samples of some clients that stand next to each other in the block.

    R samples, F inputs of which F' are kept, H outputs.

    Attributes:
        x: (R, F'), the inputs.
        clients: which of the block's clients.
        rows: which of the block's samples.
        counts: samples of each client.
        columns: (F',), the kept inputs; None if they all are.
        fixed: (F,), the values of the inputs that are left out, zero where they are kept; None if none is.
    """

    x: Tensor
    clients: slice
    rows: slice
    counts: Sequence[int]
    columns: Tensor | None = None
    fixed: Tensor | None = None

    def forward(self, weight: Tensor, bias: Tensor | None) -> Tensor:
        """``x @ weight^T + bias`` over all inputs, (R, H)."""
        if self.columns is None or self.fixed is None:
            return affine(self.x, weight, bias)
        constant = torch.mv(weight, self.fixed)
        return affine(self.x, weight.index_select(1, self.columns), constant if bias is None else constant.add_(bias))

    def backward(self, d: Tensor, total: Tensor) -> None:
        """Add ``d^T @ x`` over all inputs, of d (R, H), to the total (H, F)."""
        gradient = product(d.t(), self.x)
        if self.columns is None or self.fixed is None:
            total.add_(gradient)
        else:
            total.index_add_(1, self.columns, gradient).addr_(d.sum(0), self.fixed)

    def one_by_one(self) -> Iterator["Slab"]:
        """Its clients, each as a slab."""
        ends = np.cumsum(self.counts).tolist()
        for place, (count, end) in enumerate(zip(self.counts, ends, strict=True)):
            client, start = self.clients.start + place, self.rows.start + end - count
            own = slice(start, start + count)
            yield Slab(self.x[end - count : end], slice(client, client + 1), own, [count], self.columns, self.fixed)


def slabs_of(
    x: Tensor,
    places: Sequence[np.ndarray],
    facts: Sequence[Facts],
    memory: Workspace,
    *,
    then: Callable[[Slab], None] | None = None,
    team: Team = ALONE,
) -> list[Slab]:
    """The samples of a block.

    Args:
        x: inputs of all samples at hand, (N, F).
        places: per client, its rows of ``x``, in any order.
        facts: what is known of each client's samples.
        memory: where the inputs are kept until the next block.
        then: what is done with each slab at once, while it is in the cache.
        team: the threads that bring them there.
    """
    counts = [len(place) for place in places]
    ends, inputs = np.cumsum([0, *counts]).tolist(), x.shape[1]
    kept = memory.empty("inputs", ends[-1] * inputs, dtype=x.dtype)

    def slab(clients: slice) -> Slab:
        mine, rows = torch.from_numpy(np.concatenate(places[clients])), slice(ends[clients.start], ends[clients.stop])
        columns, fixed = _varying(facts[clients])
        width = inputs if columns is None else len(columns)
        out = kept[rows.start * inputs :][: len(mine) * width].view(len(mine), width)
        if columns is None:
            torch.index_select(x, 0, mine, out=out)
        else:
            whole = torch.index_select(x, 0, mine, out=memory.empty("slab", len(mine), inputs, dtype=x.dtype))
            torch.index_select(whole, 1, columns, out=out)
        made = Slab(out, clients, rows, counts[clients], columns, fixed)
        if then is not None:
            then(made)
        return made

    return team.each(slab, list(_groups(counts)))


def _groups(counts: Sequence[int]) -> Iterator[slice]:
    """Neighbors that together have the rows of a slab; what is left over joins the last."""
    ends = np.cumsum(counts)
    first = 0
    while first < len(counts):
        before = int(ends[first - 1]) if first else 0
        last = int(np.searchsorted(ends, before + SLAB_ROWS)) + 1
        if int(ends[-1]) - int(ends[min(last, len(counts)) - 1]) < SLAB_ROWS:
            last = len(counts)
        yield slice(first, last)
        first = last


def _varying(facts: Sequence[Facts]) -> tuple[Tensor | None, Tensor | None]:
    """The inputs that are kept, and the values of the others; None where all are kept."""
    inputs = len(facts[0].low)
    if not _is_worth(max(fact.num_varying for fact in facts), inputs):
        return None, None
    low = torch.stack([fact.low for fact in facts]).amin(0)
    varies = low.ne(torch.stack([fact.high for fact in facts]).amax(0))
    number = int(varies.sum())
    if not _is_worth(number, inputs):
        return None, None
    varies[torch.nonzero(varies.logical_not())[: _width(number) - number, 0]] = True
    return torch.nonzero(varies)[:, 0], low.masked_fill(varies, 0.0)


def _width(number: int) -> int:
    """So many inputs, rounded up for the kernels."""
    return max(1, -(-number // LANES)) * LANES


def _is_worth(number: int, inputs: int) -> bool:
    """Whether it pays to leave out all inputs but so many."""
    return WORTH_LEAVING_OUT * (inputs - _width(number)) >= inputs
