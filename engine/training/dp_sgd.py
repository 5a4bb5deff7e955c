"""Private local steps: every sample's gradient is clipped, and the sum of a random batch gets Gaussian noise.

Source: Abadi et al., Deep Learning with Differential Privacy, CCS 2016, Algorithm 1. Batches are Poisson samples of
the client's samples, as the accountant assumes; the sum is divided by the expected size of a batch. Weight decay, a
rule's linear term and momentum come after the noise and cost nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.core.streams import stream
from engine.models.build import GraphModule
from engine.models.layers import Recurrent
from engine.privacy.mechanisms.dp_sgd import DPSGD
from engine.training.chain import chain_of
from engine.training.ghost import clip_factors, clipped_sums, has_form
from engine.training.local import LocalRule, LocalView, Tensors

GRADIENT_BYTES = 64 << 20
"""Gradients of single samples that are held at once."""

PerSample = Callable[[Tensors, Tensor, Tensor], tuple[Tensors, Tensor]]
"""Gradients and losses of samples (b, ...) at some weights, each with a leading axis b."""


@dataclass(frozen=True)
class PrivateSteps:
    """The private local steps of one client in one round.

    Attributes:
        mechanism: clipping bound and noise.
        batch_size: samples of a batch on average, at most all that the client has.
        num_samples: samples of the client.
        batches: which samples are in each batch.
        noise: the noise.
    """

    mechanism: DPSGD
    batch_size: int
    num_samples: int
    batches: np.random.Generator
    noise: np.random.Generator

    @classmethod
    def of(cls, mechanism: DPSGD, batch_size: int, num_samples: int, where: tuple[int, int, int]) -> "PrivateSteps":
        """Those of a client.

        Args:
            mechanism: clipping bound and noise.
            batch_size: samples of an ordinary step.
            num_samples: samples of the client.
            where: seed of the run, client and round.
        """
        seed, *names = where
        return cls(
            mechanism, min(batch_size, num_samples), num_samples, batches=stream(seed, "private-batches", *names),
            noise=stream(seed, "private-noise", *names),
        )  # fmt: skip

    def batch(self) -> Tensor:
        """The places of the next batch among the client's samples: each in it by its own coin; none is possible."""
        drawn = self.batches.random(self.num_samples) < self.batch_size / self.num_samples
        return torch.from_numpy(np.flatnonzero(drawn))

    def noisy_mean(self, clipped: list[Tensor]) -> list[Tensor]:
        """The sums of clipped gradients with noise, over the expected size of a batch."""
        std = self.mechanism.noise_multiplier * self.mechanism.clip_norm
        return [self._normal(value).mul_(std).add_(value).div_(self.batch_size) for value in clipped]

    def _normal(self, like: Tensor) -> Tensor:
        kind = np.float64 if like.dtype == torch.float64 else np.float32
        return torch.from_numpy(self.noise.standard_normal(tuple(like.shape), dtype=kind))


@dataclass
class PrivateGradients:
    """Clipped sums of gradients for a network and a rule.

    Args:
        module: the network; its current weights are used.
        rule: the method; its loss term is that of each sample by itself.
        steps: bound and noise.
    """

    module: GraphModule
    rule: LocalRule
    steps: PrivateSteps
    _per_sample: PerSample | None = field(default=None, init=False)

    def __call__(self, view: LocalView, inputs: Tensor, labels: Tensor) -> tuple[list[Tensor], Tensor]:
        """Noisy mean gradients in the order of the module's parameters, and the mean cross-entropy of the batch.

        An empty batch gives noise alone, and a loss of zero.
        """
        named = {name: value.detach() for name, value in self.module.named_parameters()}
        chain = chain_of(self.module.graph)
        if chain is not None and has_form(chain, self.rule) and len(inputs):
            seen, bound = replace(view, params=named), self.steps.mechanism.clip_norm
            sums, each = clipped_sums(chain, self.rule, seen, (inputs, labels), bound)
            return self.steps.noisy_mean([sums[name] for name in named]), each.mean()
        total = {name: torch.zeros_like(value) for name, value in named.items()}
        losses = torch.zeros((), dtype=next(iter(named.values())).dtype)
        per_sample = self._function(view)
        for first in range(0, len(inputs), self._at_once(named)):
            part = slice(first, first + self._at_once(named))
            gradients, loss = per_sample(named, inputs[part], labels[part])
            add_clipped(total, gradients, self.steps.mechanism.clip_norm)
            losses += loss.sum()
        return self.steps.noisy_mean(list(total.values())), losses / max(1, len(inputs))

    def _at_once(self, named: Mapping[str, Tensor]) -> int:
        return max(1, GRADIENT_BYTES // sum(value.nbytes for value in named.values()))

    def _function(self, view: LocalView) -> PerSample:
        if self._per_sample is None:
            one = one_sample(self.module, self.rule, view)
            loops = any(isinstance(node.layer, Recurrent) for node in self.module.graph.nodes)
            self._per_sample = _looped(one) if loops else _vectorized(one)
        return self._per_sample


def add_clipped(total: Mapping[str, Tensor], gradients: Tensors, bound: float) -> None:
    """Add gradients of single samples (b, ...) to their sums, each scaled down to an L2 norm of at most ``bound``.

    A sample whose gradient is no finite number adds nothing: it has no length that could be scaled.
    """
    norms = torch.stack([torch.linalg.vector_norm(value.flatten(1), dim=1) for value in gradients.values()]).norm(dim=0)
    factors = clip_factors(norms, bound)
    all_finite = bool(norms.isfinite().all())
    for name, value in gradients.items():
        finite = value if all_finite else value.nan_to_num(0.0, 0.0, 0.0)
        total[name].add_(torch.tensordot(factors, finite, dims=1))


class _Whole(nn.Module):
    """Logits and features of one sample, for weights handed in."""

    def __init__(self, module: GraphModule) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.module.forward_with_features(x)


def one_sample(
    module: GraphModule, rule: LocalRule, view: LocalView
) -> Callable[[Tensors, Tensor, Tensor], tuple[Tensor, Tensor]]:
    """The loss of one sample (a whole sequence is one), with the rule's term, and the cross-entropy alone."""
    whole = _Whole(module)

    def loss_of(params: Tensors, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        named = {f"module.{name}": value for name, value in params.items()}
        logits, features = torch.func.functional_call(whole, named, (x.unsqueeze(0),))
        logits, labels = logits.flatten(0, -2), y.reshape(-1)
        loss = functional.cross_entropy(logits, labels)
        share = torch.full((len(labels),), 1.0 / len(labels), dtype=logits.dtype)
        extra = rule.loss_term(
            replace(
                view, params=params, inputs=x.unsqueeze(0), labels=labels, logits=logits,
                features=features.flatten(0, -2), share=share,
            )
        )  # fmt: skip
        return (loss if extra is None else loss + extra), loss

    return loss_of


def _vectorized(loss_of: Callable[[Tensors, Tensor, Tensor], tuple[Tensor, Tensor]]) -> PerSample:
    gradient = torch.func.grad_and_value(loss_of, has_aux=True)
    mapped = torch.func.vmap(gradient, in_dims=(None, 0, 0), randomness="different")

    def per_sample(params: Tensors, x: Tensor, y: Tensor) -> tuple[Tensors, Tensor]:
        gradients, (_, losses) = mapped(params, x, y)
        return gradients, losses.detach()

    return per_sample


def _looped(loss_of: Callable[[Tensors, Tensor, Tensor], tuple[Tensor, Tensor]]) -> PerSample:
    """One sample after another, for recurrent cells, whose kernels have no vectorized form."""

    def per_sample(params: Tensors, x: Tensor, y: Tensor) -> tuple[Tensors, Tensor]:
        found: list[tuple[Tensor, ...]] = []
        losses = []
        for inputs, labels in zip(x, y, strict=True):
            named = {name: value.detach().requires_grad_() for name, value in params.items()}
            whole, loss = loss_of(named, inputs, labels)
            found.append(torch.autograd.grad(whole, list(named.values())))
            losses.append(loss.detach())
        columns = zip(*found, strict=True)
        return {name: torch.stack(column) for name, column in zip(params, columns, strict=True)}, torch.stack(losses)

    return per_sample
