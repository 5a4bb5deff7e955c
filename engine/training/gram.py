"""The first layer in Gram (dual) form: pre-activations of several steps from the inputs' inner products.

SGD keeps the weights a combination of the start and of ``dZ_s^T X_s`` (:mod:`engine.training.coefficients`), so within
a block of plain steps the pre-activation of step t is

    Z_t = X_t W0^T + b0 - lr * sum_{s < t} (X_t X_s^T + 1) dZ_s

One large matrix product for the block, one Gram matrix, small corrections per step; the weights are written once per
block. The 1 is the bias. Exact; :mod:`engine.training.whole` does it for a whole round and any of the learning rules.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from engine.training.dense import DenseStack
from engine.training.stack import Cohort, StackedJob
from engine.training.workspace import Workspace

PART_MACS = 4_000_000
"""Work of a product from which on it is cut into parts of so much, for threads: a tenth of a millisecond."""

LARGE_MACS = 2_000_000
"""Work for a client from which on a product is worth a call of its own."""

MOST_PARTS = 8
"""Parts of a product at most."""

Gram = Callable[[slice, slice], Tensor]
"""Inner products (A, n, m) of some of a block's rows with some of the earlier ones."""


def train_chunk_gram(cohort: Cohort, first: DenseStack, steps: range) -> None:
    """Some plain steps in Gram form; afterwards the first layer's weights are up to date."""
    x, rate = cohort.inputs(steps), -first.descent.lr
    z = first.forward(x)
    d = torch.zeros_like(z)  # clients that have done all their steps add nothing

    def gram(ahead: slice, done: slice) -> Tensor:
        products = torch.bmm(x[:, ahead], x[:, done].transpose(1, 2))
        return products if first.bias is None else products.add_(1.0)

    descend(cohort, Corrections(z, d, gram, rate=rate, job=cohort.job), steps)
    active = d.shape[0]
    first.weight.value[:active].baddbmm_(d.transpose(1, 2), x, alpha=rate)
    if first.bias is not None:
        first.bias.value[:active].add_(d.sum(1, keepdim=True), alpha=rate)


class Corrections:
    """The pre-activations of a block of steps while its steps are made.

    Args:
        z: (A, k * B, H), what they would be with the weights from before the block.
        d: (A, k * B, H), where their gradients are written.
        gram: inner products of the rows.
        rate: factor of a gradient in the weights of all later steps.
        job: tells memory and threads.
    """

    def __init__(self, z: Tensor, d: Tensor, gram: Gram, *, rate: float, job: StackedJob) -> None:
        self.z, self.d, self.gram, self.rate, self.team = z, d, gram, rate, job.team
        self._memory: Workspace = job.cache.setdefault("workspace", Workspace())
        self._changes: dict[int, Tensor] = {}

    def carry_on(self, done: slice, ahead: slice) -> None:
        """Add to the rows ahead what the steps done have changed for them.

        Into every so many rows of each client, torch multiplies client by client. So small products go to memory of
        their own first, where one call makes them all.
        """
        first, number = ahead.start, ahead.stop - ahead.start
        products, d, z = self.gram(ahead, done), self.d[:, done], self.z.narrow(1, first, number)
        macs = products.numel() * z.shape[2]
        if macs >= LARGE_MACS * len(z):
            self.team.each(
                lambda some: z[some].baddbmm_(products[some], d[some], alpha=self.rate), _parts(len(z), macs)
            )
            return
        change = self._change(number)
        if macs < 2 * PART_MACS:  # most products are one part; they are short, so every call counts
            z.add_(torch.bmm(products, d, out=change), alpha=self.rate)
            return

        def carry(some: slice) -> None:
            torch.bmm(products[some], d[some], out=change[some])
            z[some].add_(change[some], alpha=self.rate)

        self.team.each(carry, _parts(len(z), macs))

    def _change(self, number: int) -> Tensor:
        """Memory for the changes of so many rows of each client, (A, n, H)."""
        change = self._changes.get(number)
        if change is None:
            shape = len(self.z), number, self.z.shape[2]
            change = self._changes[number] = self._memory.empty("change", *shape, dtype=self.z.dtype)
        return change


def _parts(clients: int, macs: int) -> list[slice]:
    """The clients in parts for threads, the largest first: by the work alone, whatever the number of threads."""
    number = max(1, min(clients, MOST_PARTS, macs // PART_MACS))
    parts = [slice(part * clients // number, (part + 1) * clients // number) for part in range(number)]
    return sorted(parts, key=lambda part: part.start - part.stop)


def descend(cohort: Cohort, block: Corrections, steps: range) -> None:
    """All steps of a block in order.

    The steps are halved again and again: once the first half is done, one product carries its effect on to the whole
    second half. So only the lower half of the Gram matrix is needed, in pieces as large as they can be.
    """
    width, first = cohort.width, steps.start
    active = block.z.shape[0]
    z_by_step = block.z.view(active, len(steps), width, -1).unbind(1)
    d_by_step = block.d.view(active, len(steps), width, -1).unbind(1)

    def between(early: int, late: int) -> None:
        if late - early == 1:
            still = cohort.active[first + early]
            cohort.tail(z_by_step[early][:still], first + early, d_by_step[early][:still])
            return
        middle = (early + late) // 2
        between(early, middle)
        block.carry_on(slice(early * width, middle * width), slice(middle * width, late * width))
        between(middle, late)

    between(0, len(steps))
