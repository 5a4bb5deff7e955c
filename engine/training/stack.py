"""Several clients side by side: their samples, their stacked layers, and one local step of them all.

Clients may have different numbers of samples: those with more steps come first, so the clients that still train are
always the first A of the stack.

Shapes: C clients, A of them active, T steps, B samples a step, k steps of a chunk, F inputs, H outputs of the first
layer, K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.core.threads import ALONE, Team
from engine.training.batches import Batches
from engine.training.chain import Chain
from engine.training.dense import DenseStack, Descent, stacked_params
from engine.training.local import LinearTerm, LocalRule, LocalView, Payload, Tensors, defines
from engine.training.settings import LocalSettings

FEW_CLASSES = 16
"""Up to this many classes, a softmax over columns is faster even though they must be laid out first."""


@dataclass(frozen=True)
class StackedJob:
    """What a stacked block trains.

    Attributes:
        chain: the model.
        rule: the method's hooks.
        settings: the learning rule.
        lr: learning rate of the round.
        start: weights that the round starts from; with a leading client axis where clients differ in them.
        down: the server's message.
        client: client states stacked along a leading axis, empty if there are none.
        x: inputs of all samples, (N, F).
        y: labels, (N,).
        places: rows of ``x`` that belong to each client.
        batches: visiting order; clients in descending order of steps.
        gram_steps: steps per Gram block, 0 for none; the whole round is one block if it has no more steps.
        forms_weights: False to hand back only the weighted sum of the updates.
        weights: weight of each client in that sum.
        term: what is added to the gradient linearly in the weights; None for what the rule says.
        names: what tells each client's samples from all others for as long as ``cache`` lives; empty if nothing does.
        cache: memory of the process for what depends on the samples alone.
        team: the threads that train them.
    """

    chain: Chain
    rule: LocalRule
    settings: LocalSettings
    lr: float
    start: Tensors
    down: Payload
    client: Payload
    x: Tensor
    y: Tensor
    places: Sequence[np.ndarray]
    batches: Batches
    gram_steps: int
    forms_weights: bool
    weights: Sequence[float]
    term: LinearTerm | None = None
    names: Sequence[int] = ()
    cache: dict[str, Any] = field(default_factory=dict)
    team: Team = ALONE

    def descent(self) -> Descent:
        """The learning rule of the round with what the strategy adds."""
        term = self.term
        if term is None:
            view = LocalView(
                params=self.start, start=self.start, down=self.down, client=self.client, lr=self.lr,
                settings=self.settings,
            )  # fmt: skip
            term = self.rule.linear_term(view)
        return Descent(self.settings, self.lr, term or LinearTerm())


class _Buffers:
    """Where a step of the first so many clients works: memory of the whole stack, cut once and for all their steps.

    Attributes:
        taken: (A, B, width) per later layer, its inputs, with a constant 1 where the bias is a column.
        hidden: (A, B, H), the same without the constant.
        columns: (K, A * B), memory for the logits of few classes as columns, which :attr:`logits` shows as rows.
        logits: (A, B, K).
        shares: (K, A * B), memory for their softmax, which :attr:`softmax` shows as rows.
        softmax: (A, B, K).
        slopes: (A, B, K), gradient by the logits.
    """

    def __init__(
        self,
        inputs: Sequence[Tensor],
        later: Sequence[DenseStack],
        slopes: Tensor,
        columns: Sequence[Tensor],
        active: int,
    ) -> None:
        self.taken = [whole[:active] for whole in inputs]
        self.hidden = [taken[..., : layer.layer.inputs] for taken, layer in zip(self.taken, later, strict=True)]
        self.slopes = slopes[:active]
        shape = self.slopes.shape
        self.columns, self.shares = (memory[: self.slopes.numel()].view(shape[2], -1) for memory in columns)
        self.logits, self.softmax = (memory.t().view(shape) for memory in (self.columns, self.shares))


class Cohort:
    """The stacked clients of one block while they train: everything behind the pre-activations of the first layer.

    How the first layer is computed is left to the caller: step by step, or in Gram form.
    """

    def __init__(self, job: StackedJob) -> None:
        self.job, self.descent, self.clients = job, job.descent(), len(job.places)
        dtype, (_, self.num_steps, self.width) = job.x.dtype, job.batches.rows.shape
        self.later = [
            DenseStack(layer, job.start, clients=self.clients, descent=self.descent, joint=True)
            for layer in job.chain[1:]
        ]
        self.rows = torch.from_numpy(job.batches.rows).view(self.clients, -1)
        share = torch.from_numpy(job.batches.share)
        self.active = (job.batches.steps[None, :] > np.arange(self.num_steps)[:, None]).sum(1).tolist()
        self._places = _padded(job.places)
        self._labels = job.y[self._places.gather(1, self.rows)].view(share.shape)
        self._labels_by_step = self._labels.unbind(1)
        self._shares = share.unsqueeze(3)
        self._share_by_step = self._shares.unbind(1)
        classes = job.chain[-1].outputs
        target = torch.zeros(*share.shape, classes, dtype=dtype)
        target.scatter_(3, self._labels.unsqueeze(3), -self._shares)
        self._target_by_step = target.unbind(1)
        self._logits = torch.zeros(self.num_steps, self.clients, self.width, classes, dtype=dtype)
        self._logits_by_step = self._logits.unbind(0)
        self._slopes = torch.zeros(self.clients, self.width, classes, dtype=dtype)
        self._columns = [torch.empty(self._slopes.numel(), dtype=dtype) for _ in range(2)]
        self._inputs = [torch.ones(self.clients, self.width, layer.width, dtype=dtype) for layer in self.later]
        self._buffers: dict[int, _Buffers] = {}
        self._pulls_features = bool(self.later) and defines(job.rule, "feature_gradient")
        self._view = LocalView(
            params=stacked_params(self.later), start=job.start, down=job.down, client=job.client, lr=job.lr,
            settings=job.settings, num_samples=tuple(len(place) for place in job.places),
        )  # fmt: skip

    def first_layer(self) -> DenseStack:
        """The first layer of every client, at the round's start."""
        return DenseStack(self.job.chain[0], self.job.start, clients=self.clients, descent=self.descent)

    def inputs(self, steps: range) -> Tensor:
        """The inputs (A, k * B, F) of these steps for the clients that still train at the first of them."""
        active = self.active[steps.start]
        rows = self.rows[:active, steps.start * self.width : steps.stop * self.width]
        places = self._places[:active].gather(1, rows)
        return self.job.x.index_select(0, places.view(-1)).view(active, places.shape[1], -1)

    def tail(self, z: Tensor, step: int, out: Tensor) -> None:
        """From the first layer's pre-activations to their gradient; all later layers make their step on the way.

        Args:
            z: (A, B, H), of the clients that still train.
            step: the step.
            out: (A, B, H), where the gradient is written.
        """
        active = z.shape[0]
        buffers, logits = self._of(active), self._at(self._logits_by_step, step, active)
        for depth, layer in enumerate(self.later):
            _activate(z, buffers.hidden[depth], relu=self.job.chain[depth].relu)
            z = layer.forward(buffers.taken[depth], out=logits if layer is self.later[-1] else None)
        if not self.later:
            logits.copy_(z)
        slopes = buffers.slopes if self.later else out
        share, target = self._at(self._share_by_step, step, active), self._at(self._target_by_step, step, active)
        dz = torch.addcmul(target, _softmax(logits, buffers), share, out=slopes)
        for depth in range(len(self.later) - 1, -1, -1):
            dz = self._back(depth, dz, buffers, (step, out if depth == 0 else None))

    def losses(self) -> Tensor:
        """The mean cross-entropy of every step, summed over each client's steps, (C,)."""
        columns = self._logits.view(-1, self._logits.shape[3]).t().contiguous()
        labels = self._labels.transpose(0, 1).reshape(1, -1)
        log_p = torch.log_softmax(columns, 0).gather(0, labels).view(self._logits.shape[:3])
        return -(log_p * self._shares.squeeze(3).transpose(0, 1)).sum((0, 2))

    def _of(self, active: int) -> _Buffers:
        buffers = self._buffers.get(active)
        if buffers is None:
            buffers = self._buffers[active] = _Buffers(self._inputs, self.later, self._slopes, self._columns, active)
        return buffers

    def _at(self, by_step: Sequence[Tensor], step: int, active: int) -> Tensor:
        """A step's rows of the clients that still train."""
        whole = by_step[step]
        return whole if active == self.clients else whole[:active]

    def _back(self, depth: int, dz: Tensor, buffers: _Buffers, place: tuple[int, Tensor | None]) -> Tensor:
        """Gradient by the pre-activations of the layer before, and the layer's own step."""
        (step, out), layer, hidden = place, self.later[depth], buffers.hidden[depth]
        dh = layer.backward(dz)
        if self._pulls_features and depth == len(self.later) - 1:
            self._show(hidden, step)
            extra = self.job.rule.feature_gradient(self._view)
            if extra is not None:
                dh.add_(extra)
        layer.step(dz, buffers.taken[depth])
        if not self.job.chain[depth].relu:
            return dh if out is None else out.copy_(dh)
        if out is None:
            return torch.ops.aten.threshold_backward(dh, hidden, 0)  # type: ignore[no-any-return]
        return torch.ops.aten.threshold_backward.grad_input(dh, hidden, 0, grad_input=out)  # type: ignore[no-any-return]

    def _show(self, features: Tensor, step: int) -> None:
        """Put the batch into the rule's view, narrowed to the clients that still train."""
        view, active = self._view, features.shape[0]
        view.labels, view.logits = self._labels_by_step[step][:active], self._logits_by_step[step][:active]
        view.features, view.share = features, self._share_by_step[step][:active, :, 0]
        if active < next(iter(view.params.values())).shape[0]:
            view.params = _first(view.params, active)
            view.client = {group: _first(tensors, active) for group, tensors in view.client.items()}


def _softmax(logits: Tensor, buffers: _Buffers) -> Tensor:
    """Softmax over the last axis of (A, B, K); of few classes over columns, where torch's kernel is much faster."""
    if logits.shape[2] > FEW_CLASSES:
        return torch.softmax(logits, 2)
    buffers.logits.copy_(logits)
    torch.softmax(buffers.columns, 0, out=buffers.shares)
    return buffers.softmax


def _activate(z: Tensor, out: Tensor, *, relu: bool) -> None:
    if relu:
        torch.clamp_min(z, 0, out=out)
    else:
        out.copy_(z)


def _first(tensors: Tensors, active: int) -> Tensors:
    return {name: value[:active] for name, value in tensors.items()}


def _padded(places: Sequence[np.ndarray]) -> Tensor:
    """The clients' rows side by side, (C, n), short ones filled up with their first row."""
    table = np.empty((len(places), max(len(place) for place in places)), np.int64)
    for row, place in zip(table, places, strict=True):
        row[: len(place)] = place
        row[len(place) :] = place[0]
    return torch.from_numpy(table)
