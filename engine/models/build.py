"""The torch module of a declared model; the only module of this package that knows torch."""

from collections.abc import Collection, Mapping
from functools import singledispatch
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.models.graph import INPUT, Graph, Resolution
from engine.models.layer import Layer, Shapes
from engine.models.layers import (
    Add,
    AvgPool2d,
    BatchNorm2d,
    Concat,
    Conv2d,
    Dropout,
    Embedding,
    Flatten,
    GlobalAvgPool,
    Linear,
    MaxPool2d,
    Recurrent,
    ReLU,
    Sigmoid,
    Tanh,
)
from engine.models.weights import initial

__all__ = ["Activations", "GraphModule", "build", "initial"]


class Activations(NamedTuple):
    """What one pass through a network gives.

    Attributes:
        logits: (B, K) or (B, T, K).
        features: penultimate features, the input of the classifier.
        maps: (B, C, H, W) at the end of each resolution stage, by height and width; see :attr:`Graph.stages`.
    """

    logits: Tensor
    features: Tensor
    maps: Mapping[Resolution, Tensor]


def build(graph: Graph) -> "GraphModule":
    """The network as a torch module; its state dict has the names and shapes of :meth:`Graph.parameters`.

    Its weights are not the run's initial ones: load those of :func:`initial` into it.
    """
    return GraphModule(graph)


class GraphModule(nn.Module):
    """Runs a graph; every node is a child module of its name, so hooks see each of them.

    Args:
        graph: the declared model.
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.graph = graph
        for node in graph.nodes:
            self.add_module(node.name, module_of(node.layer, graph.input_shapes(node)))
        self._released = [
            [name for name in dict.fromkeys(node.inputs) if graph.last_use[name] == place]
            for place, node in enumerate(graph.nodes)
        ]

    def forward(self, x: Tensor) -> Tensor:
        """Logits, (B, K) or (B, T, K), of samples (B, *sample.shape)."""
        return self.forward_with_features(x)[0]

    def features(self, x: Tensor) -> Tensor:
        """Penultimate features, the input of the classifier: (B, d) or (B, T, d)."""
        return self._run(x)[self.graph.features]

    def forward_with_features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and features in one pass."""
        features = self.features(x)
        return self._head(features), features

    def forward_with_maps(self, x: Tensor) -> Activations:
        """Logits, features and the maps at the end of each resolution stage in one pass."""
        stages = self.graph.stages
        tensors = self._run(x, kept=stages.values())
        features = tensors[self.graph.features]
        maps = {resolution: tensors[name] for resolution, name in stages.items()}
        return Activations(self._head(features), features, maps)

    def forward_with_outputs(self, x: Tensor, names: Collection[str]) -> tuple[Tensor, dict[str, Tensor]]:
        """Logits, and the outputs of these nodes by name, in one pass."""
        tensors = self._run(x, kept=names)
        return self._head(tensors[self.graph.features]), {name: tensors[name] for name in names}

    def _head(self, features: Tensor) -> Tensor:
        return cast(Tensor, getattr(self, self.graph.output)(features))

    def _run(self, x: Tensor, kept: Collection[str] = ()) -> dict[str, Tensor]:
        """The features and the kept outputs of nodes; others are let go after their last reader to bound memory."""
        tensors = {INPUT: x}
        for node, released in zip(self.graph.nodes[:-1], self._released, strict=False):
            module = cast(nn.Module, getattr(self, node.name))
            output = module(*(tensors[name] for name in node.inputs))
            for name in released:
                if name not in kept:
                    del tensors[name]
            tensors[node.name] = output
        return tensors


class _Sum(nn.Module):
    def forward(self, *tensors: Tensor) -> Tensor:
        total = tensors[0] + tensors[1]
        for tensor in tensors[2:]:
            total = total + tensor
        return total


class _Concat(nn.Module):
    def forward(self, *tensors: Tensor) -> Tensor:
        return torch.cat(tensors, dim=1)


class _GlobalAvgPool(nn.Module):
    def forward(self, x_BCHW: Tensor) -> Tensor:
        return x_BCHW.mean(dim=(2, 3))


class _BatchNorm(nn.Module):
    """As ``nn.BatchNorm2d``, without its counter of batches: an integer buffer that nothing reads."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return functional.batch_norm(
            x_BCHW, self.running_mean, self.running_var, self.weight, self.bias, training=self.training
        )


class _Gru(nn.GRU):
    def __init__(self, features: int, layer: Recurrent) -> None:
        super().__init__(features, layer.hidden, batch_first=True)
        self.return_sequence = layer.return_sequence

    def forward(self, x_BTF: Tensor) -> Tensor:  # type: ignore[override]
        states_BTH, last_1BH = super().forward(x_BTF)
        return states_BTH if self.return_sequence else last_1BH[0]


class _Lstm(nn.LSTM):
    def __init__(self, features: int, layer: Recurrent) -> None:
        super().__init__(features, layer.hidden, batch_first=True)
        self.return_sequence = layer.return_sequence

    def forward(self, x_BTF: Tensor) -> Tensor:  # type: ignore[override]
        states_BTH, (last_1BH, _) = super().forward(x_BTF)
        return states_BTH if self.return_sequence else last_1BH[0]


@singledispatch
def module_of(layer: Layer, inputs: Shapes) -> nn.Module:
    """The torch module of one layer, for inputs of these shapes.

    Raises:
        TypeError: the layer has no module.
    """
    raise TypeError(f"no torch module is known for the layer {type(layer).__name__}")


@module_of.register
def _(layer: Linear, inputs: Shapes) -> nn.Module:
    return nn.Linear(inputs[0][-1], layer.out_features, bias=layer.bias)


@module_of.register
def _(layer: Conv2d, inputs: Shapes) -> nn.Module:
    return nn.Conv2d(
        inputs[0][0],
        layer.out_channels,
        layer.kernel_size,
        stride=layer.stride,
        padding=layer.padding,
        groups=layer.groups,
        bias=layer.bias,
    )


@module_of.register
def _(layer: BatchNorm2d, inputs: Shapes) -> nn.Module:
    return _BatchNorm(inputs[0][0])


@module_of.register
def _(layer: Embedding, inputs: Shapes) -> nn.Module:
    return nn.Embedding(layer.num_tokens, layer.features)


@module_of.register
def _(layer: Recurrent, inputs: Shapes) -> nn.Module:
    return (_Gru if layer.cell == "gru" else _Lstm)(inputs[0][1], layer)


@module_of.register
def _(layer: MaxPool2d, inputs: Shapes) -> nn.Module:
    return nn.MaxPool2d(layer.kernel_size, stride=layer.stride, padding=layer.padding)


@module_of.register
def _(layer: AvgPool2d, inputs: Shapes) -> nn.Module:
    return nn.AvgPool2d(layer.kernel_size, stride=layer.stride)


@module_of.register
def _(layer: Dropout, inputs: Shapes) -> nn.Module:
    return nn.Dropout(layer.probability)


@module_of.register(ReLU)
def _(layer: ReLU, inputs: Shapes) -> nn.Module:
    return nn.ReLU()


@module_of.register(Tanh)
def _(layer: Tanh, inputs: Shapes) -> nn.Module:
    return nn.Tanh()


@module_of.register(Sigmoid)
def _(layer: Sigmoid, inputs: Shapes) -> nn.Module:
    return nn.Sigmoid()


@module_of.register(Flatten)
def _(layer: Flatten, inputs: Shapes) -> nn.Module:
    return nn.Flatten()


@module_of.register(GlobalAvgPool)
def _(layer: GlobalAvgPool, inputs: Shapes) -> nn.Module:
    return _GlobalAvgPool()


@module_of.register(Add)
def _(layer: Add, inputs: Shapes) -> nn.Module:
    return _Sum()


@module_of.register(Concat)
def _(layer: Concat, inputs: Shapes) -> nn.Module:
    return _Concat()
