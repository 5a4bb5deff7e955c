"""A stack of linear layers, one per client, whose backward pass and SGD step are one operation.

For plain SGD, ``W <- W - lr * dZ^T X`` is a single batched matrix product with accumulation: no gradient tensor and no
autograd graph. Weight decay and a linear term are a factor on the old weights and a constant added per step.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.training.chain import Dense
from engine.training.local import LinearTerm, Tensors
from engine.training.settings import LocalSettings


@dataclass
class _Stacked:
    """One parameter of all clients: (C, K, H) for weights, (C, 1, K) for biases."""

    value: Tensor
    velocity: Tensor | None
    shrink: float
    """Factor of the gradient's part that is proportional to the weights: weight decay plus scale of the linear term."""
    constant: Tensor | None
    """The gradient's part that does not change during the round."""


class DenseStack:
    """The linear layer ``z = x W^T + b`` of C clients.

    Args:
        layer: names and sizes.
        start: the round's starting weights, the same for all clients unless they have a leading client axis.
        clients: C.
        settings: learning rule.
        lr: learning rate of the round.
        term: what the rule adds to the gradient linearly in the weights.
    """

    def __init__(
        self, layer: Dense, start: Tensors, *, clients: int, settings: LocalSettings, lr: float, term: LinearTerm | None
    ) -> None:
        self.layer, self.settings, self.lr, self.term = layer, settings, lr, term
        self.weight = self._stack(layer.weight, start[layer.weight].expand(clients, -1, -1).clone())
        self.bias: _Stacked | None = None
        if layer.bias is not None:
            self.bias = self._stack(layer.bias, start[layer.bias].unsqueeze(-2).expand(clients, 1, -1).clone())

    def forward(self, x_CBH: Tensor) -> Tensor:
        """Pre-activations (A, B, K) of the first A clients."""
        active = x_CBH.shape[0]
        weights = self.weight.value[:active].transpose(1, 2)
        if self.bias is None:
            return torch.bmm(x_CBH, weights)
        return torch.baddbmm(self.bias.value[:active], x_CBH, weights)

    def backward(self, dz_CBK: Tensor) -> Tensor:
        """Gradient by the layer's inputs, (A, B, H)."""
        return torch.bmm(dz_CBK, self.weight.value[: dz_CBK.shape[0]])

    def step(self, dz_CBK: Tensor, x_CBH: Tensor) -> None:
        """One step of SGD of the first A clients, given the loss's gradient by the pre-activations."""
        self._descend(self.weight, dz_CBK.transpose(1, 2), x_CBH)
        if self.bias is not None:
            self._descend(self.bias, None, dz_CBK.sum(1, keepdim=True))

    def params(self) -> dict[str, Tensor]:
        """The stacked parameters by name, as views with a leading client axis."""
        named = {self.layer.weight: self.weight.value}
        if self.bias is not None and self.layer.bias is not None:
            named[self.layer.bias] = self.bias.value.squeeze(1)
        return named

    def _stack(self, name: str, value: Tensor) -> _Stacked:
        shrink, constant = self.settings.weight_decay, None
        if self.term is not None:
            shrink += self.term.scale_of(name)
            constant = self.term.constant(name)
        if constant is not None and value.shape[1] == 1 and constant.dim() < value.dim():
            constant = constant.unsqueeze(-2)
        velocity = torch.zeros_like(value) if self.settings.momentum else None
        return _Stacked(value, velocity, shrink, constant)

    def _descend(self, parameter: _Stacked, left: Tensor | None, right: Tensor) -> None:
        """``value -= lr * (left @ right + shrink * value + constant)``, through the velocity if there is one."""
        active = right.shape[0]
        value = parameter.value[:active]
        constant = _first(parameter.constant, active, value.dim())
        if parameter.velocity is None:
            _accumulate(value, left, right, keep=1.0 - self.lr * parameter.shrink, rate=-self.lr)
            if constant is not None:
                value.sub_(constant, alpha=self.lr)
            return
        velocity, momentum = parameter.velocity[:active], self.settings.momentum
        if self.settings.nesterov:
            # the look-ahead needs gradient and velocity apart, so here alone the gradient is formed
            gradient = right if left is None else torch.bmm(left, right)
            _add_constant_parts(gradient, value, parameter.shrink, constant)
            velocity.mul_(momentum).add_(gradient)
            value.sub_(gradient, alpha=self.lr).sub_(velocity, alpha=self.lr * momentum)
            return
        _accumulate(velocity, left, right, keep=momentum, rate=1.0)
        _add_constant_parts(velocity, value, parameter.shrink, constant)
        value.sub_(velocity, alpha=self.lr)


def _add_constant_parts(target: Tensor, value: Tensor, shrink: float, constant: Tensor | None) -> None:
    if shrink:
        target.add_(value, alpha=shrink)
    if constant is not None:
        target.add_(constant)


def _accumulate(value: Tensor, left: Tensor | None, right: Tensor, *, keep: float, rate: float) -> None:
    """``value = keep * value + rate * (left @ right)``, or ``right`` alone where there is no left."""
    if left is not None:
        value.baddbmm_(left, right, beta=keep, alpha=rate)
        return
    if keep != 1.0:
        value.mul_(keep)
    value.add_(right, alpha=rate)


def _first(constant: Tensor | None, active: int, dims: int) -> Tensor | None:
    return constant[:active] if constant is not None and constant.dim() == dims else constant


def stacked_params(layers: list[DenseStack]) -> Mapping[str, Tensor]:
    """The parameters of all layers by name, with a leading client axis."""
    return {name: value for layer in layers for name, value in layer.params().items()}
