"""Training of one client by autograd: the path for every model, every rule and every optimizer."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.models.build import GraphModule
from engine.training.arrays import channels_last, load
from engine.training.augmentation import Augmentation, augmented
from engine.training.descent import steps_of
from engine.training.dp_sgd import PrivateGradients, PrivateSteps
from engine.training.evaluation import GENERATOR
from engine.training.local import LinearTerm, LocalRule, LocalView, Payload, Tensors, defines
from engine.training.settings import LocalSettings


@dataclass(frozen=True)
class ClientJob:
    """What one client trains.

    Attributes:
        module: the network; its weights are overwritten.
        rule: the method's hooks.
        settings: the learning rule.
        lr: learning rate of the round.
        start: weights and buffers that the server sent.
        down: the server's message.
        client: the client's state, empty if it has none.
        x: inputs of all samples.
        y: labels.
        places: the client's rows of ``x``.
        rows: (T, B), place of each sample of each step within ``places``.
        share: (T, B), 0 where there is no sample.
        augment: random changes of every sample, in this order.
        draw: randomness of those changes.
        dropout_seed: seed of the masks of dropout layers.
        private: what makes the steps differentially private; None for ordinary ones.
    """

    module: GraphModule
    rule: LocalRule
    settings: LocalSettings
    lr: float
    start: Tensors
    down: Payload
    client: Payload
    x: Tensor
    y: Tensor
    places: np.ndarray
    rows: np.ndarray
    share: np.ndarray
    augment: Sequence[Augmentation]
    draw: np.random.Generator
    dropout_seed: int
    private: PrivateSteps | None = None


@dataclass(frozen=True)
class ClientResult:
    """What one client has after its local steps.

    Attributes:
        view: the rule's view with the trained weights, for ``finish``.
        loss: mean cross-entropy over the steps.
        num_steps: local steps.
        personal: new client state from ``personal_pass``, None if there is none.
    """

    view: LocalView
    loss: float
    num_steps: int
    personal: Payload | None


def train_client(job: ClientJob) -> ClientResult:
    """Train one client from the round's start, or from where its rule says."""
    view = LocalView(
        params=job.start, start=job.start, down=job.down, client=job.client, lr=job.lr, settings=job.settings,
        num_samples=(len(job.places),),
    )  # fmt: skip
    if defines(job.rule, "prepare") or defines(job.rule, "loss_term"):
        view.forward = _forward_of(job.module)
    prepared = job.rule.prepare(view)
    load(job.module, job.start)
    if prepared is not None:
        view.notes = prepared.notes
        if prepared.params is not None:
            load(job.module, prepared.params)
    loss = _descend(job, view)
    view.params = _weights_of(job.module)
    view.inputs = view.labels = view.features = view.logits = view.share = view.forward = None
    if not defines(job.rule, "personal_pass"):
        return ClientResult(view, loss, len(job.rows), None)
    view.descend = _descend_of(job)
    personal = job.rule.personal_pass(view)
    view.descend = None
    return ClientResult(view, loss, len(job.rows), personal)


def _weights_of(module: GraphModule) -> Tensors:
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


def _descend_of(job: ClientJob) -> Callable[[Tensors, LinearTerm | None], Tensors]:
    """Trains other weights with the batches of the job and a term of their own."""

    def descend(params: Tensors, term: LinearTerm | None) -> Tensors:
        load(job.module, params)
        plain = replace(job, rule=LocalRule(), private=None)  # what it trains never leaves the client
        view = LocalView(params=params, start=params, down=job.down, lr=job.lr, settings=job.settings)
        _descend(plain, view, term)
        return _weights_of(job.module)

    return descend


def _descend(job: ClientJob, view: LocalView, term: LinearTerm | None = None) -> float:
    """All local steps, with a linear term or that of the rule; returns the mean cross-entropy over them."""
    module, named = job.module.train(), dict(job.module.named_parameters())
    view.params = {**named, **dict(module.named_buffers())}
    params: list[Tensor] = list(named.values())
    steps = steps_of(named, job.settings, job.lr, term or job.rule.linear_term(view))
    total = torch.zeros((), dtype=params[0].dtype)
    places = torch.from_numpy(job.places)
    gradients_of = _gradients_of(job, view, params)
    with _dropout(module, job.dropout_seed):
        for rows, share in zip(job.rows, job.share, strict=True):
            chosen = torch.from_numpy(rows[share > 0]) if job.private is None else job.private.batch()
            batch = places[chosen]
            inputs = channels_last(_changed(job, job.x.index_select(0, batch)))
            gradients, loss = gradients_of(inputs, job.y.index_select(0, batch))
            with torch.no_grad():
                steps.step(gradients)
                total += loss
    return float(total) / len(job.rows)


def _gradients_of(
    job: ClientJob, view: LocalView, params: list[Tensor]
) -> Callable[[Tensor, Tensor], tuple[list[Tensor], Tensor]]:
    """Makes of a batch the gradients by the parameters, in order, and the mean cross-entropy."""
    if job.private is not None:
        return partial(PrivateGradients(job.module, job.rule, job.private), view)

    def ordinary(inputs: Tensor, labels: Tensor) -> tuple[list[Tensor], Tensor]:
        loss = _loss(job, view, inputs, labels)
        extra = job.rule.loss_term(view)
        return list(torch.autograd.grad(loss if extra is None else loss + extra, params)), loss

    return ordinary


def _changed(job: ClientJob, batch: Tensor) -> Tensor:
    """A batch after the random changes of its samples."""
    is_changed = job.augment and len(batch)  # a private batch may be empty
    return torch.from_numpy(augmented(job.augment, batch.numpy(), job.draw)) if is_changed else batch


def _loss(job: ClientJob, view: LocalView, inputs: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy of a batch; the batch goes into the rule's view, positions of a sequence as samples."""
    logits, features = job.module.forward_with_features(inputs)
    view.inputs, view.labels = inputs, labels.flatten()
    view.logits, view.features = logits.flatten(0, -2), features.flatten(0, -2)
    view.share = torch.full((len(view.labels),), 1.0 / len(view.labels), dtype=logits.dtype)
    return functional.cross_entropy(view.logits, view.labels)


class _WithFeatures(nn.Module):
    """Gives logits and features for weights handed in."""

    def __init__(self, module: GraphModule) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.module.forward_with_features(x)


def _forward_of(module: GraphModule) -> Any:
    wrapped = _WithFeatures(module)

    def forward(params: Tensors, inputs: Tensor) -> tuple[Tensor, Tensor]:
        named = {f"module.{name}": value for name, value in params.items()}
        was_training = module.training
        module.eval()
        result: tuple[Tensor, Tensor] = torch.func.functional_call(wrapped, named, (inputs,))
        module.train(was_training)
        return result

    return forward


@contextmanager
def _dropout(module: nn.Module, seed: int) -> Iterator[None]:
    """Seeds torch's own generator for a client's dropout masks; a model without dropout draws nothing.

    The process has only one, so clients of a model with dropout wait for each other.
    """
    if not any(isinstance(child, nn.Dropout) for child in module.modules()):
        yield
        return
    with GENERATOR, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # noqa: TID251 -- nn.Dropout takes no generator
        yield
