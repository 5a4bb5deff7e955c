"""What a network's weights say about its activations without data: their means, and how its channels vary together.

Before a function of each element, channels are taken as jointly Gaussian. A normalization layer knows their means and
variances; how two of them vary together follows from their filters and from what is known of the input. Where there is
no normalization, means and variances are those of independent places of a standardized picture.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.polynomial.hermite_e import hermegauss, hermevander
from numpy.typing import NDArray

from engine.datafree.shrinking.channels import Weights, is_depthwise
from engine.models.graph import INPUT, Graph, Node
from engine.models.layer import Shape
from engine.models.layers import BATCH_NORM_EPSILON, Add, BatchNorm2d, Concat, Conv2d, Linear, ReLU, Sigmoid, Tanh

ORDERS = 12
"""Terms of the Hermite expansion of a function of each element."""

POINTS = 64
"""Places at which a function is evaluated for its expansion."""

FUNCTIONS: Mapping[type[Any], Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    ReLU: lambda z: np.maximum(z, 0.0),
    Tanh: np.tanh,
    Sigmoid: lambda z: 1 / (1 + np.exp(-z)),
}
"""Functions of each element, by layer."""


@dataclass(frozen=True)
class ChannelSpread:
    """Means of a tensor's channels, and how they vary together at one place of the picture.

    Attributes:
        mean: (C,).
        covariance: (C, C).
    """

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]

    @property
    def variance(self) -> NDArray[np.float64]:
        """(C,)."""
        return np.diagonal(self.covariance)


def spreads(graph: Graph, weights: Weights) -> dict[str, ChannelSpread]:
    """The spread of every tensor's channels, by the name of its node; a flattened picture has those of the picture.

    Args:
        graph: a network of pictures or features.
        weights: its weights and buffers by name.
    """
    channels = graph.sample.shape[0]
    found = {INPUT: ChannelSpread(np.zeros(channels), np.eye(channels))}
    for node in graph.nodes:
        found[node.name] = _after(node, [found[name] for name in node.inputs], graph.input_shapes(node)[0], weights)
    return found


def _after(node: Node, inputs: list[ChannelSpread], shape: Shape, weights: Weights) -> ChannelSpread:
    """The spread of a node's output; pools, dropout and flattening keep that of their input."""
    own = {
        name: weights[f"{node.name}.{name}"].astype(np.float64)
        for name in ("weight", "bias", "running_mean", "running_var")
        if f"{node.name}.{name}" in weights
    }
    match node.layer:
        case BatchNorm2d():
            return _normalized(inputs[0], own)
        case Conv2d() | Linear():
            return _mixed(own, inputs[0], is_channelwise=is_depthwise(node.layer, shape))
        case ReLU() | Tanh() | Sigmoid():
            return through(FUNCTIONS[type(node.layer)], inputs[0])
        case Add():
            return ChannelSpread(sum(one.mean for one in inputs), sum(one.covariance for one in inputs))  # type: ignore[arg-type]
        case Concat():
            return _joined(inputs)
        case _:
            return inputs[0]


def _normalized(before: ChannelSpread, own: Mapping[str, NDArray[np.float64]]) -> ChannelSpread:
    """What the layer has learned of means and variances goes before what was derived; correlations stay."""
    scale = own["weight"] * np.sqrt(own["running_var"] / (own["running_var"] + BATCH_NORM_EPSILON))
    return ChannelSpread(own["bias"], correlation(before.covariance) * np.outer(scale, scale))


def _mixed(own: Mapping[str, NDArray[np.float64]], before: ChannelSpread, *, is_channelwise: bool) -> ChannelSpread:
    """A weighted sum over channels and places, where the places of one channel are independent."""
    weight = own["weight"]
    bias = own.get("bias", np.zeros(len(weight)))
    if is_channelwise:
        kernels, times = weight.reshape(len(weight), -1), len(weight) // len(before.mean)
        shared = np.repeat(np.repeat(before.covariance, times, axis=0), times, axis=1)
        return ChannelSpread(np.repeat(before.mean, times) * kernels.sum(axis=1) + bias, shared * (kernels @ kernels.T))
    weight = by_channel(weight, len(before.mean))
    moved = np.einsum("ock,cd->odk", weight, before.covariance, optimize=True)
    size = weight[0].size
    covariance = moved.reshape(len(weight), size) @ weight.reshape(len(weight), size).T
    return ChannelSpread(weight.sum(axis=2) @ before.mean + bias, covariance)


def by_channel(weight: np.ndarray, channels: int) -> NDArray[np.float64]:
    """A weight as (outputs, channels, places); that of a layer that reads a flattened picture has its pixels last."""
    return weight.reshape(len(weight), channels, -1).astype(np.float64)


def _joined(inputs: list[ChannelSpread]) -> ChannelSpread:
    mean = np.concatenate([one.mean for one in inputs])
    covariance = np.zeros((len(mean), len(mean)))
    start = 0
    for one in inputs:
        stop = start + len(one.mean)
        covariance[start:stop, start:stop] = one.covariance
        start = stop
    return ChannelSpread(mean, covariance)


def correlation(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correlations of a covariance, 1 on the diagonal and 0 with what does not vary."""
    std = np.sqrt(np.maximum(np.diagonal(covariance), 0.0))
    inverse = np.divide(1.0, std, out=np.zeros_like(std), where=std > 0)
    found: NDArray[np.float64] = np.clip(covariance * np.outer(inverse, inverse), -1.0, 1.0)
    np.fill_diagonal(found, 1.0)
    return found


def through(function: Callable[[NDArray[np.float64]], NDArray[np.float64]], before: ChannelSpread) -> ChannelSpread:
    """The spread of a function of each element of Gaussian channels.

    With the normalized Hermite coefficients ``a_n(i) = E[f(mu_i + sigma_i x) h_n(x)]``, means are ``a_0`` and
    covariances are the sum over n >= 1 of ``rho_ij^n a_n(i) a_n(j)``; variances are exact.

    Source: A. Daniely, R. Frostig, Y. Singer, Toward Deeper Understanding of Neural Networks: The Power of
    Initialization and a Dual View on Expressivity, NeurIPS 2016 (dual activations); for ReLU the means are those of
    M. Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction, ICCV 2019, section 4.2.1.
    """
    points, chances = hermegauss(POINTS)
    chances = chances / chances.sum()
    std = np.sqrt(np.maximum(before.variance, 0.0))
    values = function(before.mean[:, None] + std[:, None] * points)
    basis = hermevander(points, ORDERS) / np.sqrt(np.cumprod([1.0, *range(1, ORDERS + 1)]))
    terms = (values * chances) @ basis
    together = correlation(before.covariance)
    covariance, power = np.zeros_like(together), np.ones_like(together)
    for order in range(1, ORDERS + 1):
        power = power * together
        covariance += power * np.outer(terms[:, order], terms[:, order])
    np.fill_diagonal(covariance, np.maximum((values**2) @ chances - terms[:, 0] ** 2, np.diagonal(covariance)))
    return ChannelSpread(terms[:, 0], covariance)
