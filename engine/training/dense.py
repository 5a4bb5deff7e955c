"""A stack of linear layers, one per client, whose backward pass and SGD step are one operation.

For plain SGD, ``W <- W - lr * dZ^T X`` is a single batched matrix product with accumulation: no gradient tensor and no
autograd graph. Weight decay and a linear term are a factor on the old weights and a constant added per step.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from engine.training.chain import Dense
from engine.training.local import LinearTerm, Tensors
from engine.training.settings import LocalSettings


@dataclass(frozen=True)
class Descent:
    """The learning rule of a round.

    Attributes:
        settings: momentum, weight decay and the like.
        lr: learning rate of the round.
        term: what the strategy adds to the gradient linearly in the weights.
    """

    settings: LocalSettings
    lr: float
    term: LinearTerm

    def shrink(self, name: str) -> float:
        """Factor of the part of a parameter's gradient that is proportional to it: decay plus the term's scale."""
        return self.settings.weight_decay + self.term.scale_of(name)


class _Views(NamedTuple):
    """The weights of the first so many clients as its steps take them."""

    weights: Tensor
    transposed: Tensor
    backward: Tensor
    bias: Tensor | None


@dataclass
class _Stacked:
    """One parameter of all clients: (C, K, H) for weights, (C, 1, K) for a bias that stands alone."""

    value: Tensor
    velocity: Tensor | None
    shrink: float | Tensor
    constant: Tensor | None
    """The gradient's part that does not change during the round."""


class DenseStack:
    """The linear layer ``z = x W^T + b`` of C clients.

    Args:
        layer: names and sizes.
        start: the round's starting weights, the same for all clients unless they have a leading client axis.
        clients: C.
        descent: learning rule of the round.
        joint: whether the bias stands as the last column of the weights; inputs then end in a constant 1.
    """

    def __init__(self, layer: Dense, start: Tensors, *, clients: int, descent: Descent, joint: bool = False) -> None:
        self.layer, self.descent, self.joint = layer, descent, joint
        self._kept: dict[int, _Views] = {}
        weight, bias = self._whole(layer.weight, start, clients), self._whole(layer.bias, start, clients)
        shrinks = [descent.shrink(name) for name in (layer.weight, layer.bias) if name is not None]
        constants = [self._constant(layer.weight), self._constant(layer.bias)]
        self.bias: _Stacked | None = None
        assert weight is not None
        if joint and bias is not None:
            both = torch.cat([weight, bias.unsqueeze(-1)], dim=-1)
            self.weight = self._stack(both, _columns(shrinks, both), _joined(constants, both))
            return
        self.weight = self._stack(weight.clone(), shrinks[0], constants[0])
        if bias is not None:
            constant = constants[1] if constants[1] is None else constants[1].unsqueeze(-2)
            self.bias = self._stack(bias.unsqueeze(1).clone(), shrinks[1], constant)

    @property
    def width(self) -> int:
        """Length of the rows that the layer takes: its inputs, and the constant 1 where the bias is a column."""
        return self.weight.value.shape[2]

    @cached_property
    def is_plain(self) -> bool:
        """Whether a step only subtracts the gradient: no momentum, no decay, nothing that the strategy adds."""
        parameters = [self.weight] if self.bias is None else [self.weight, self.bias]
        return all(
            p.velocity is None and p.constant is None and not isinstance(p.shrink, Tensor) and p.shrink == 0.0
            for p in parameters
        )

    def forward(self, x_CBH: Tensor, out: Tensor | None = None) -> Tensor:
        """Pre-activations (A, B, K) of the first A clients."""
        views = self._of(x_CBH.shape[0])
        if views.bias is None:
            return torch.bmm(x_CBH, views.transposed, out=out)
        return torch.baddbmm(views.bias, x_CBH, views.transposed, out=out)

    def backward(self, dz_CBK: Tensor) -> Tensor:
        """Gradient by the layer's inputs, (A, B, H)."""
        return torch.bmm(dz_CBK, self._of(dz_CBK.shape[0]).backward)

    def step(self, dz_CBK: Tensor, x_CBH: Tensor) -> None:
        """One step of SGD of the first A clients, given the loss's gradient by the pre-activations."""
        if self.bias is None and self.is_plain:
            self._of(x_CBH.shape[0]).weights.baddbmm_(dz_CBK.transpose(1, 2), x_CBH, alpha=-self.descent.lr)
            return
        self._descend(self.weight, dz_CBK.transpose(1, 2), x_CBH)
        if self.bias is not None:
            self._descend(self.bias, None, dz_CBK.sum(1, keepdim=True))

    def params(self) -> dict[str, Tensor]:
        """The stacked parameters by name, as views with a leading client axis."""
        named = {self.layer.weight: self.weight.value[..., : self.layer.inputs]}
        if self.layer.bias is not None:
            named[self.layer.bias] = self.weight.value[..., -1] if self.bias is None else self.bias.value.squeeze(1)
        return named

    def _of(self, active: int) -> _Views:
        """Views of the first clients' weights, cut out once: steps are short, and there are many."""
        views = self._kept.get(active)
        if views is None:
            weights = self.weight.value[:active]
            bias = None if self.bias is None else self.bias.value[:active]
            views = _Views(weights, weights.transpose(1, 2), weights[:, :, : self.layer.inputs], bias)
            self._kept[active] = views
        return views

    def _whole(self, name: str | None, start: Tensors, clients: int) -> Tensor | None:
        """A parameter of all clients, (C, K, H) or (C, K)."""
        if name is None:
            return None
        value, dims = start[name], 2 if name == self.layer.weight else 1
        return value if value.dim() > dims else value.expand(clients, *value.shape)

    def _constant(self, name: str | None) -> Tensor | None:
        return None if name is None else self.descent.term.constant(name)

    def _stack(self, value: Tensor, shrink: float | Tensor, constant: Tensor | None) -> _Stacked:
        velocity = torch.zeros_like(value) if self.descent.settings.momentum else None
        return _Stacked(value, velocity, shrink, constant)

    def _descend(self, parameter: _Stacked, left: Tensor | None, right: Tensor) -> None:
        """``value -= lr * (left @ right + shrink * value + constant)``, through the velocity if there is one."""
        active, lr = right.shape[0], self.descent.lr
        value = parameter.value[:active]
        constant = _first(parameter.constant, active, value.dim())
        if parameter.velocity is None:
            _accumulate(value, left, right, keep=1.0 - lr * parameter.shrink, rate=-lr)
            if constant is not None:
                value.sub_(constant, alpha=lr)
            return
        velocity, momentum = parameter.velocity[:active], self.descent.settings.momentum
        if self.descent.settings.nesterov:
            # the look-ahead needs gradient and velocity apart, so here alone the gradient is formed
            gradient = right if left is None else torch.bmm(left, right)
            _add_constant_parts(gradient, value, parameter.shrink, constant)
            velocity.mul_(momentum).add_(gradient)
            value.sub_(gradient, alpha=lr).sub_(velocity, alpha=lr * momentum)
            return
        _accumulate(velocity, left, right, keep=momentum, rate=1.0)
        _add_constant_parts(velocity, value, parameter.shrink, constant)
        value.sub_(velocity, alpha=lr)


def _columns(shrinks: Sequence[float], both: Tensor) -> float | Tensor:
    """One factor for weights and bias, or one per column where they differ."""
    if shrinks[0] == shrinks[1]:
        return shrinks[0]
    row = torch.full((both.shape[2],), shrinks[0], dtype=both.dtype)
    row[-1] = shrinks[1]
    return row


def _joined(constants: Sequence[Tensor | None], both: Tensor) -> Tensor | None:
    """Constants of weights and bias side by side; what is missing is zero."""
    weight, bias = constants
    if weight is None and bias is None:
        return None
    per_client = (weight is not None and weight.dim() == 3) or (bias is not None and bias.dim() == 2)
    joined = torch.zeros(both.shape if per_client else both.shape[1:], dtype=both.dtype)
    if weight is not None:
        joined[..., :-1] = weight
    if bias is not None:
        joined[..., -1] = bias
    return joined


def _add_constant_parts(target: Tensor, value: Tensor, shrink: float | Tensor, constant: Tensor | None) -> None:
    if isinstance(shrink, Tensor):
        target.addcmul_(value, shrink)
    elif shrink:
        target.add_(value, alpha=shrink)
    if constant is not None:
        target.add_(constant)


def _accumulate(value: Tensor, left: Tensor | None, right: Tensor, *, keep: float | Tensor, rate: float) -> None:
    """``value = keep * value + rate * (left @ right)``, or ``right`` alone where there is no left."""
    if left is None or isinstance(keep, Tensor):
        if isinstance(keep, Tensor) or keep != 1.0:
            value.mul_(keep)
        keep = 1.0
    if left is not None:
        value.baddbmm_(left, right, beta=keep, alpha=rate)
    else:
        value.add_(right, alpha=rate)


def _first(constant: Tensor | None, active: int, dims: int) -> Tensor | None:
    return constant[:active] if constant is not None and constant.dim() == dims else constant


def stacked_params(layers: Sequence[DenseStack]) -> Mapping[str, Tensor]:
    """The parameters of all layers by name, with a leading client axis."""
    return {name: value for layer in layers for name, value in layer.params().items()}
