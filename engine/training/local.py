"""What a method may change about local training: the hooks of a local rule and the view that they are given.

Nothing here imports torch, so that strategies stay cheap to import; tensors are torch tensors all the same.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from engine.core.component import Component
from engine.training.settings import LocalSettings

if TYPE_CHECKING:
    from torch import Tensor

    from engine.models.graph import ParameterInfo
else:
    Tensor = Any  # so that the names below exist without torch

Tensors: TypeAlias = Mapping[str, Tensor]
"""Tensors by parameter name, ``fc1.weight``."""

Payload: TypeAlias = Mapping[str, Tensors]
"""What a message holds: groups of named tensors, such as ``weights`` and ``control``. All its bytes are counted."""


OWN = "own"
"""Group of a client's state that holds the weights and buffers that never leave it."""


@dataclass(frozen=True)
class LinearTerm:
    """An addition to the gradient that is linear in the weights: ``gradient += scale * (w - center) + bias``.

    It must not change during a client's local steps; the fast path folds it into the update of the weights.

    Attributes:
        scale: one number for all parameters, or one per parameter name (a name that is missing counts 0).
        center: where the pull goes to; needed if ``scale`` is not 0.
        bias: a constant gradient; parameters that are missing get none.
    """

    scale: float | Mapping[str, float] = 0.0
    center: Tensors | None = None
    bias: Tensors | None = None

    def scale_of(self, name: str) -> float:
        """The scale of one parameter."""
        return self.scale.get(name, 0.0) if isinstance(self.scale, Mapping) else self.scale

    def constant(self, name: str) -> Tensor | None:
        """The part of the added gradient that is free of the weights, ``bias - scale * center``; None if zero."""
        bias = self.bias.get(name) if self.bias is not None else None
        scale = self.scale_of(name)
        if scale == 0.0:
            return bias
        if self.center is None:
            raise ValueError("a linear term with a scale needs a center")
        pull = -scale * self.center[name]
        return pull if bias is None else bias + pull


@dataclass(frozen=True)
class Start:
    """What a rule decides before the first local step.

    Attributes:
        params: weights to start from, if not those that the server sent.
        notes: anything the rule wants to find again in ``view.notes`` during this client's steps.
    """

    params: Tensors | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Update:
    """What one client sends back.

    Attributes:
        tensors: the message up, group by group; the group ``weights`` holds differences to the weights sent.
        weight: weight of this client in the server's mean.
        client: the client's new state, None if it keeps none.
    """

    tensors: Payload
    weight: float
    client: Payload | None = None


@dataclass
class LocalView:
    """What a rule sees of local training; valid during the call only.

    Tensors of ``params``, ``client`` and of the batch may carry one leading axis C, the clients that train together;
    those of ``start`` and ``down`` never do. So members compute over the last axes and let the first ones broadcast.

    Attributes:
        params: current weights; buffers included.
        start: weights from which every client of the round started.
        down: the server's message.
        client: the client's state, empty if it has none.
        lr: learning rate of this round.
        settings: the learning rule.
        num_samples: samples per client, one number per client that trains.
        start_loss: mean cross-entropy of the start over the client's own samples, as in an evaluation; in ``finish``
            of a rule that ``measures_start``, else 0.
        choice: which of the rule's candidates the client started from; in ``finish`` only.
        inputs: the batch, (..., B, *sample); during steps only, as all that follow; None on the stacked path.
        labels: (..., B).
        features: (..., B, d), the input of the last linear layer.
        logits: (..., B, K).
        share: (..., B), the weight of each sample in its batch's mean: 1 / B, or 0 where the row is padding.
        forward: maps (params, inputs) to (logits, features) as in an evaluation, where neither dropout nor the batch's
            statistics act; None on the stacked path.
        descend: trains other weights with the round's batches; in ``personal_pass`` only.
        notes: what ``prepare`` left.
    """

    params: Tensors
    start: Tensors
    down: Payload
    client: Payload = field(default_factory=dict)
    lr: float = 0.0
    settings: LocalSettings = field(default_factory=LocalSettings)
    num_samples: tuple[int, ...] = ()
    start_loss: float = 0.0
    choice: int = 0
    inputs: Tensor | None = None
    labels: Tensor | None = None
    features: Tensor | None = None
    logits: Tensor | None = None
    share: Tensor | None = None
    forward: Callable[[Tensors, Tensor], tuple[Tensor, Tensor]] | None = None
    descend: Callable[[Tensors, LinearTerm | None], Tensors] | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)

    def descended(self, params: Tensors, term: LinearTerm | None) -> Tensors:
        """Weights after the round's local steps from other ones: cross-entropy and this linear term, nothing else.

        Args:
            params: where to start, buffers included.
            term: what is added to the gradient.

        Raises:
            RuntimeError: called outside ``personal_pass``.
        """
        if self.descend is None:
            raise RuntimeError("other weights are trained only in personal_pass")
        return self.descend(params, term)

    def batch_features(self) -> Tensor:
        """The features of the batch, (..., B, d).

        Raises:
            RuntimeError: called outside a local step.
        """
        if self.features is None:
            raise RuntimeError("features exist only during a local step")
        return self.features

    def batch_mean(self, per_sample: Tensor) -> Tensor:
        """The mean over the batch, (..., B) -> (...); padding counts nothing."""
        if self.share is None:
            raise RuntimeError("a batch exists only during a local step")
        return (per_sample * self.share).sum(-1)

    def mean_gradient(self, per_sample: Tensor) -> Tensor:
        """Gradients per sample, (..., B, d), as gradient of their batch mean."""
        if self.share is None:
            raise RuntimeError("a batch exists only during a local step")
        return per_sample * self.share.unsqueeze(-1)


class LocalRule(Component):
    """What a method changes about local training; every hook may be left as it is.

    Which hooks a rule defines is read from its class, so a member defines only those that do something.
    """

    measures_start: ClassVar[bool] = False
    """Whether ``finish`` wants the loss of the round's start over each client's own samples."""

    @property
    def has_own_models(self) -> bool:
        """Whether clients start from models of their own or keep some, so that each one's weights are looked at."""
        return any(defines(self, hook) for hook in ("candidates", "is_shared", "personal_pass"))

    def candidates(self, down: Payload) -> Sequence[Tensors]:
        """Models of which each client starts from the one with the lowest loss on its own samples; empty for one."""
        return ()

    def prepare(self, view: LocalView) -> Start | None:
        """Before the first local step: pick other weights, freeze what the steps compare with."""
        return None

    def loss_term(self, view: LocalView) -> Tensor | None:
        """What is added to the mean cross-entropy of a batch: one value per client, differentiable."""
        return None

    def feature_gradient(self, view: LocalView) -> Tensor | None:
        """The gradient of :meth:`loss_term` by the features, (..., B, d); only for terms of the features alone."""
        return None

    def linear_term(self, view: LocalView) -> LinearTerm | None:
        """What is added to the gradient linearly in the weights; constant over a client's local steps."""
        return None

    def personal_pass(self, view: LocalView) -> Payload | None:
        """After the local steps: train what stays on the client and return its new state."""
        return None

    def is_shared(self, parameter: "ParameterInfo") -> bool:
        """Whether the parameter or buffer travels; what does not stays on the client."""
        return True

    def finish(self, view: LocalView, num_steps: int) -> Update:
        """What the client sends after its local steps: its weights minus the start, weighted by its samples."""
        difference = {name: value - view.start[name] for name, value in view.params.items() if name in view.start}
        return Update(tensors={"weights": difference}, weight=float(view.num_samples[0]))


def defines(rule: LocalRule, hook: str) -> bool:
    """Whether the rule's class says something of its own about a hook."""
    return getattr(type(rule), hook) is not getattr(LocalRule, hook)
