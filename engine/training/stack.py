"""Several clients side by side: their samples, their stacked layers, and one local step of them all.

Clients may have different numbers of samples: those with more steps come first, so the clients that still train are
always the first A of the stack.

Shapes: C clients, A of them active, T steps, B samples a step, k steps of a chunk, F inputs, K outputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.training.batches import Batches
from engine.training.chain import Chain
from engine.training.dense import DenseStack, stacked_params
from engine.training.local import LinearTerm, LocalRule, LocalView, Payload, Tensors
from engine.training.settings import LocalSettings


@dataclass(frozen=True)
class StackedJob:
    """What a stacked block trains.

    Attributes:
        chain: the model.
        rule: the method's hooks.
        settings: the learning rule.
        lr: learning rate of the round.
        start: weights that the round starts from; those with a leading client axis differ from client to client.
        down: the server's message.
        client: client states stacked along a leading axis, empty if there are none.
        x: inputs of all samples, (N, F).
        y: labels, (N,).
        places: rows of ``x`` that belong to each client.
        batches: visiting order; clients in descending order of steps.
        gram_steps: steps per Gram block, 0 for none.
        forms_weights: False to hand back only the weighted sum of the updates.
        weights: weight of each client in that sum.
        term: what is added to the gradient linearly; None to ask the rule.
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


@dataclass(frozen=True)
class Chunk:
    """The samples of some neighboring steps.

    Attributes:
        x: (A, k*B, F), inputs.
        y: (A, k*B), labels.
        onehot: (A, k*B, K), the labels as unit vectors.
        share: (A, k*B), weight of each sample in its batch's mean.
        log_p: (A, k*B, 1), logarithm of the probability of the right label, filled in step by step.
        steps: the steps.
        width: B.
    """

    x: Tensor
    y: Tensor
    onehot: Tensor
    share: Tensor
    log_p: Tensor
    steps: range
    width: int

    def rows(self, step: int) -> slice:
        """The samples of one step."""
        first = (step - self.steps.start) * self.width
        return slice(first, first + self.width)


class Cohort:
    """The stacked clients of one block while they train.

    Where the weights of single clients are not formed, the first layer stands once, as it was at the start.
    """

    def __init__(self, job: StackedJob) -> None:
        clients = len(job.places)
        self.job = job
        view = LocalView(
            params=job.start, start=job.start, down=job.down, client=job.client, lr=job.lr, settings=job.settings
        )
        term = job.term or job.rule.linear_term(view)
        counts = [clients if job.forms_weights else 1] + [clients] * (len(job.chain) - 1)
        self.layers = [
            DenseStack(layer, job.start, clients=count, settings=job.settings, lr=job.lr, term=term)
            for layer, count in zip(job.chain, counts, strict=True)
        ]
        self.view = LocalView(
            params=stacked_params(self.layers), start=job.start, down=job.down, client=job.client, lr=job.lr,
            settings=job.settings, num_samples=tuple(len(place) for place in job.places),
        )  # fmt: skip
        self.places = _padded(job.places)
        self.losses = torch.zeros(clients, dtype=job.x.dtype)

    def chunk(self, steps: range) -> Chunk:
        """The samples of these steps for the clients that are still training at the first of them."""
        batches, active = self.job.batches, self.active(steps.start)
        rows = torch.from_numpy(batches.rows[:active, steps.start : steps.stop].reshape(active, -1))
        share = torch.from_numpy(batches.share[:active, steps.start : steps.stop].reshape(active, -1))
        places = self.places[:active].gather(1, rows)
        x = self.job.x.index_select(0, places.view(-1)).view(active, places.shape[1], -1)
        y = self.job.y.index_select(0, places.view(-1)).view_as(places)
        classes = self.job.chain[-1].outputs
        onehot = torch.zeros(*y.shape, classes, dtype=x.dtype).scatter_(2, y.unsqueeze(2), 1.0)
        log_p = torch.zeros(*y.shape, 1, dtype=x.dtype)
        return Chunk(x, y, onehot, share, log_p, steps, batches.rows.shape[2])

    def active(self, step: int) -> int:
        """How many clients still train in a step."""
        return int((self.job.batches.steps > step).sum())

    def train_chunk(self, chunk: Chunk) -> None:
        """Every step of the chunk directly."""
        for step in chunk.steps:
            rows, active = chunk.rows(step), self.active(step)
            x = chunk.x[:active, rows]
            z = self.layers[0].forward(x)
            dz = self.tail(z, chunk, rows)
            self.layers[0].step(dz, x)

    def tail(self, z: Tensor, chunk: Chunk, rows: slice) -> Tensor:
        """From the first layer's pre-activations to their gradient; all later layers make their step on the way."""
        active = z.shape[0]
        hidden: list[Tensor] = []
        for layer, following in zip(self.layers, [*self.layers[1:], None], strict=True):
            if following is not None:
                hidden.append(z.relu_() if layer.layer.relu else z)
                z = following.forward(hidden[-1])
        share = chunk.share[:active, rows]
        log_p = torch.log_softmax(z, 2)
        torch.gather(log_p, 2, chunk.y[:active, rows].unsqueeze(2), out=chunk.log_p[:active, rows])
        self._show(hidden, z, chunk, rows)
        dz = log_p.exp_().sub_(chunk.onehot[:active, rows]).mul_(share.unsqueeze(2))
        for depth in range(len(self.layers) - 1, 0, -1):
            dz = self._back(depth, dz, hidden[depth - 1])
        return dz

    def _back(self, depth: int, dz: Tensor, hidden: Tensor) -> Tensor:
        layer = self.layers[depth]
        dh = layer.backward(dz)
        if depth == len(self.layers) - 1:
            extra = self.job.rule.feature_gradient(self.view)
            if extra is not None:
                dh.add_(extra)
        layer.step(dz, hidden)
        if not self.layers[depth - 1].layer.relu:
            return dh
        return torch.ops.aten.threshold_backward(dh, hidden, 0)  # type: ignore[no-any-return]

    def note_losses(self, chunk: Chunk) -> None:
        """Add the mean cross-entropy of each of the chunk's steps to the clients' sums."""
        self.losses[: len(chunk.y)].sub_((chunk.log_p.squeeze(2) * chunk.share).sum(1))

    def _show(self, hidden: list[Tensor], logits: Tensor, chunk: Chunk, rows: slice) -> None:
        """Put the batch into the rule's view, narrowed to the clients that still train."""
        view, active = self.view, logits.shape[0]
        view.inputs, view.labels = chunk.x[:active, rows], chunk.y[:active, rows]
        view.features = hidden[-1] if hidden else view.inputs
        view.logits, view.share = logits, chunk.share[:active, rows]
        if active < next(iter(view.params.values())).shape[0]:
            view.params = _first(view.params, active)
            view.client = {group: _first(tensors, active) for group, tensors in view.client.items()}


def _first(tensors: Tensors, active: int) -> Tensors:
    return {name: value[:active] for name, value in tensors.items()}


def _padded(places: Sequence[np.ndarray]) -> Tensor:
    """The clients' rows side by side, (C, n), short ones filled up with their first row."""
    table = np.empty((len(places), max(len(place) for place in places)), np.int64)
    for row, place in zip(table, places, strict=True):
        row[: len(place)] = place
        row[len(place) :] = place[0]
    return torch.from_numpy(table)
