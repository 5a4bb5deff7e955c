"""Models that are a plain chain of linear layers and ReLUs: what the fused cohort path can compute."""

from dataclasses import dataclass, replace

from engine.models.graph import INPUT, Graph
from engine.models.layers import Flatten, Linear, ReLU


@dataclass(frozen=True)
class Dense:
    """One linear layer of a chain.

    Attributes:
        weight: parameter name of the matrix, (outputs, inputs).
        bias: parameter name of the bias, None without.
        inputs: input width.
        outputs: output width.
        relu: whether a ReLU follows.
    """

    weight: str
    bias: str | None
    inputs: int
    outputs: int
    relu: bool


Chain = tuple[Dense, ...]
"""The layers from first to last; the last gives the logits."""


def chain_of(graph: Graph) -> Chain | None:
    """The model as a chain of linear layers and ReLUs; None if it has anything else or a layer sees a time axis."""
    layers: list[Dense] = []
    previous = INPUT
    for node in graph.nodes:
        if node.inputs != (previous,):
            return None
        previous = node.name
        match node.layer:
            case Flatten() if not layers:
                continue
            case Linear() if len(graph.input_shapes(node)[0]) == 1:
                layers.append(_dense(node.name, node.layer, graph.input_shapes(node)[0][0]))
            case ReLU() if layers and not layers[-1].relu:
                layers[-1] = replace(layers[-1], relu=True)
            case _:
                return None
    return tuple(layers)


def _dense(name: str, layer: Linear, inputs: int) -> Dense:
    bias = f"{name}.bias" if layer.bias else None
    return Dense(f"{name}.weight", bias, inputs, layer.out_features, relu=False)
