"""Local steps on a list of tensors: what the path of single clients does with gradients."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from engine.training.local import LinearTerm
from engine.training.optimizers.adam import Adam
from engine.training.settings import LocalSettings


@dataclass(frozen=True)
class Terms:
    """What is added to the gradients at every step.

    Attributes:
        params: the parameters.
        shrink: per parameter, the factor of the part that is proportional to it: weight decay and the rule's scale.
        constants: parameters with a part that does not change during the round.
    """

    params: list[Tensor]
    shrink: list[float]
    constants: list[tuple[Tensor, Tensor]]

    @classmethod
    def of(cls, named: Mapping[str, Tensor], settings: LocalSettings, term: LinearTerm | None) -> "Terms":
        """For parameters by name and what the rule adds linearly."""
        term = term or LinearTerm()
        found = [(value, term.constant(name)) for name, value in named.items()]
        shrink = [settings.weight_decay + term.scale_of(name) for name in named]
        return cls(list(named.values()), shrink, [(value, part) for value, part in found if part is not None])

    def add_to(self, gradients: list[Tensor]) -> None:
        """Add them to the gradients, in place."""
        by_param = dict(zip(map(id, self.params), gradients, strict=True))
        for value, gradient, shrink in zip(self.params, gradients, self.shrink, strict=True):
            if shrink:
                gradient.add_(value, alpha=shrink)
        for value, constant in self.constants:
            by_param[id(value)].add_(constant)


class Momentum(Protocol):
    """What the steps of SGD read of their settings."""

    @property
    def momentum(self) -> float:
        """Share of the velocity that is kept."""

    @property
    def nesterov(self) -> bool:
        """Whether the momentum looks ahead."""


class Steps(ABC):
    """The steps of one client in one round."""

    @abstractmethod
    def step(self, gradients: list[Tensor]) -> None:
        """Move the parameters; the gradients, in their order, may be overwritten."""


class SgdSteps(Steps):
    """SGD, as ``engine.training.dense`` does it on stacked tensors.

    Args:
        terms: parameters and what is added to their gradients.
        settings: momentum.
        lr: learning rate of the round.
    """

    def __init__(self, terms: Terms, settings: Momentum, lr: float) -> None:
        self.terms, self.settings, self.lr = terms, settings, lr
        self.velocity: list[Tensor] = []

    def step(self, gradients: list[Tensor]) -> None:
        """Plain, with momentum or with Nesterov's."""
        momentum, terms = self.settings.momentum, self.terms
        if not momentum:
            if any(terms.shrink):
                torch._foreach_mul_(terms.params, [1.0 - self.lr * shrink for shrink in terms.shrink])
            for value, constant in terms.constants:
                value.sub_(constant, alpha=self.lr)
            torch._foreach_add_(terms.params, gradients, alpha=-self.lr)
            return
        terms.add_to(gradients)
        if not self.velocity:
            self.velocity = [torch.zeros_like(gradient) for gradient in gradients]
        torch._foreach_mul_(self.velocity, momentum)
        torch._foreach_add_(self.velocity, gradients)
        if self.settings.nesterov:
            torch._foreach_add_(terms.params, gradients, alpha=-self.lr)
        share = momentum if self.settings.nesterov else 1.0
        torch._foreach_add_(terms.params, self.velocity, alpha=-self.lr * share)


class AdamSteps(Steps):
    """Adam with bias correction.

    Args:
        terms: parameters and what is added to their gradients.
        adam: its constants.
        lr: learning rate of the round.
    """

    def __init__(self, terms: Terms, adam: Adam, lr: float) -> None:
        self.terms, self.adam, self.lr = terms, adam, lr
        self.first = [torch.zeros_like(value) for value in terms.params]
        self.second = [torch.zeros_like(value) for value in terms.params]
        self.count = 0

    def step(self, gradients: list[Tensor]) -> None:
        """One step of Algorithm 1."""
        adam, params = self.adam, self.terms.params
        self.terms.add_to(gradients)
        self.count += 1
        torch._foreach_lerp_(self.first, gradients, 1.0 - adam.beta_1)
        torch._foreach_mul_(self.second, adam.beta_2)
        torch._foreach_addcmul_(self.second, gradients, gradients, 1.0 - adam.beta_2)
        roots = torch._foreach_sqrt(self.second)
        torch._foreach_div_(roots, (1.0 - adam.beta_2**self.count) ** 0.5)
        torch._foreach_add_(roots, adam.epsilon)
        torch._foreach_addcdiv_(params, self.first, roots, -self.lr / (1.0 - adam.beta_1**self.count))


def steps_of(named: Mapping[str, Tensor], settings: LocalSettings, lr: float, term: LinearTerm | None) -> Steps:
    """The steps that the settings ask for.

    Args:
        named: parameters by name.
        settings: the learning rule.
        lr: learning rate of the round.
        term: what the rule adds to the gradient linearly in the weights.
    """
    terms = Terms.of(named, settings, term)
    if isinstance(settings.optimizer, Adam):
        return AdamSteps(terms, settings.optimizer, lr)
    return SgdSteps(terms, settings, lr)
