"""How some channels of a tensor stand in for others, and what a layer that reads them must change."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.datafree.shrinking.channels import Channels, Classes, Weights
from engine.datafree.shrinking.moments import ChannelSpread, by_channel, spreads
from engine.models.graph import Graph, Node
from engine.models.layers import BatchNorm2d, Conv2d, Linear


@dataclass(frozen=True)
class Reader:
    """A layer that mixes channels, with what is known of its input.

    Attributes:
        name: name of its node.
        weight: (outputs, C, places) float64, how it reads each channel.
        classes: (C,) the class of each channel.
        spread: means and covariance of the channels.
        constant: name of the tensor that takes up what is constant, and the sign with which it does; None if there is
            none: then what stands in must do so without a constant.
    """

    name: str
    weight: NDArray[np.float64]
    classes: Classes
    spread: ChannelSpread
    constant: tuple[str, float] | None

    def saliency(self) -> NDArray[np.float64]:
        """(C,) the mean square that each channel brings to the layer's outputs, as a share of the variance of each."""
        variance = np.einsum("ocp,cd,odp->o", self.weight, self.spread.covariance, self.weight, optimize=True)
        rows = np.square(self.weight).sum(axis=2)
        shares = np.divide(rows, variance[:, None], out=np.zeros_like(rows), where=variance[:, None] > 0)
        brought: NDArray[np.float64] = (self.spread.variance + self.spread.mean**2) * shares.sum(axis=0)
        return brought

    def moved(self, weights: Weights, stays: NDArray[np.bool_], ridge: float) -> dict[str, np.ndarray]:
        """The layer's tensors when those channels stay: what the others brought comes from them, as far as it can.

        Args:
            weights: of the network; not written to.
            stays: (C,) which channels stay.
            ridge: of the least squares, as a share of the mean variance.
        """
        shares, rest = self._stand_ins(stays, ridge)
        weight = self.weight.copy()
        weight[:, stays] += np.einsum("orp,rk->okp", self.weight[:, ~stays], shares)
        full = f"{self.name}.weight"
        found = {full: weight.reshape(weights[full].shape).astype(np.float32)}
        if self.constant is not None:
            tensor, sign = self.constant
            found[tensor] = (weights[tensor] + sign * (self.weight[:, ~stays].sum(axis=2) @ rest)).astype(np.float32)
        return found

    def _stand_ins(self, stays: NDArray[np.bool_], ridge: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Share of each channel that stays in each that goes, (going, staying), and the constant that is left over."""
        mean = self.spread.mean
        constant = 0.0 if self.constant is not None else np.outer(mean, mean)
        products = self.spread.covariance + constant
        added = ridge * float(np.trace(products)) / len(products)
        shares: NDArray[np.float64]
        if added == 0:  # nothing varies, so nothing can stand in
            shares = np.zeros((int((~stays).sum()), int(stays.sum())))
        else:
            known = products[np.ix_(stays, stays)] + added * np.eye(int(stays.sum()))
            shares = np.linalg.solve(known, products[np.ix_(stays, ~stays)]).T.astype(np.float64)
        return shares, mean[~stays] - shares @ mean[stays]


def readers(channels: Channels, weights: Weights) -> Iterator[Reader]:
    """All layers that mix channels which may go, in order."""
    known = spreads(channels.graph, weights)
    for node in channels.graph.nodes:
        if not (isinstance(node.layer, Linear) or (isinstance(node.layer, Conv2d) and node.layer.groups == 1)):
            continue
        spread = known[node.inputs[0]]
        count = len(spread.mean)
        yield Reader(
            name=node.name,
            weight=by_channel(weights[f"{node.name}.weight"], count),
            classes=channels.classes[node.inputs[0]].reshape(count, -1)[:, 0],
            spread=spread,
            constant=_constant(channels.graph, node),
        )


def _constant(graph: Graph, node: Node) -> tuple[str, float] | None:
    """The layer's bias, or the mean that a normalization subtracts which alone reads it."""
    if getattr(node.layer, "bias", False):
        return f"{node.name}.bias", 1.0
    after = [other for other in graph.nodes if node.name in other.inputs]
    if len(after) == 1 and isinstance(after[0].layer, BatchNorm2d):
        return f"{after[0].name}.running_mean", -1.0
    return None
