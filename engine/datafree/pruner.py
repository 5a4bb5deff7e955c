"""The contract of pruners: which channels of a trained network go, and what the rest does instead, without data."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from engine.core.component import Component
from engine.core.registry import Registry
from engine.datafree.shrinking.channels import Channels, Weights, channels_of, narrowed, without
from engine.models.graph import Graph


@dataclass(frozen=True)
class GroupCut:
    """What became of one group of channels that go together.

    Attributes:
        producers: names of the layers that make them.
        num_before: channels before.
        num_after: channels after.
    """

    producers: tuple[str, ...]
    num_before: int
    num_after: int


@dataclass(frozen=True)
class Pruned:
    """A smaller network: declared like any other, so its costs, files and exports shrink too.

    Attributes:
        graph: the network.
        weights: its weights and buffers.
        cuts: what became of each group of channels.
    """

    graph: Graph
    weights: dict[str, np.ndarray]
    cuts: tuple[GroupCut, ...]


class Pruner(Component):
    """How a trained network loses channels without any data.

    Channels that depend on each other go together: those that a residual sum adds, a depthwise filter with its input,
    a channel with all pixels that the classifier reads of it. A member says which matter, and may change the rest of
    the weights before the others go. It is NumPy only and keeps nothing between calls.
    """

    ratio: Annotated[float, Field(ge=0, lt=1)] = 0.3
    """Share of the channels that go, between 0 and 1; work and weights shrink about with the square of the rest."""

    scope: Literal["layer", "network"] = "layer"
    """Whether each group of channels loses that share (layer), or the whole network does, first where channels matter
    least compared to the mean of their group (network)."""

    least_kept: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Share of each group's channels that stays at least, one channel or more."""

    @abstractmethod
    def saliency(self, channels: Channels, weights: Weights) -> NDArray[np.float64]:
        """(num_classes,) how much each class of channels matters, 0 or more; those of the least go first."""

    def compensated(self, channels: Channels, weights: Weights, kept: NDArray[np.bool_]) -> Weights:
        """The weights with a share of what goes moved to what stays; by default as they are.

        Args:
            channels: of the network.
            weights: of the network; not written to.
            kept: (num_classes,) which classes stay.
        """
        return weights

    def prune(self, graph: Graph, weights: Weights) -> Pruned:
        """The smaller network.

        Args:
            graph: the trained network.
            weights: its weights and buffers by name; not written to.

        Raises:
            NotPrunable: it has other than pictures and features.
        """
        channels = channels_of(graph)
        kept = self._kept(channels, self.saliency(channels, weights))
        smaller, cut = without(channels, self.compensated(channels, weights, kept), kept)
        cuts = (GroupCut(g.producers, len(g.classes), int(kept[g.classes].sum())) for g in channels.groups)
        return Pruned(smaller, cut, tuple(cuts))

    def expected(self, graph: Graph) -> Graph:
        """The smaller network before there are weights, from the declaration alone.

        Its sizes are exact where each group of channels loses the same share; how the scope ``network`` spreads what
        goes is known with the weights only, so that there every group is taken to lose that share too.

        Raises:
            NotPrunable: the network has other than pictures and features.
        """
        channels = channels_of(graph)
        return narrowed(channels, self._kept_of_layers(channels, np.zeros(channels.num_classes)))

    def _kept(self, channels: Channels, saliency: NDArray[np.float64]) -> NDArray[np.bool_]:
        if self.scope == "layer":
            return self._kept_of_layers(channels, saliency)
        return self._kept_of_network(channels, saliency)

    def _least(self, count: int) -> int:
        return max(1, int(np.ceil(self.least_kept * count)))

    def _kept_of_layers(self, channels: Channels, saliency: NDArray[np.float64]) -> NDArray[np.bool_]:
        kept = np.ones(channels.num_classes, dtype=np.bool_)
        for group in channels.groups:
            order = group.classes[np.argsort(saliency[group.classes], kind="stable")]
            kept[order[: min(int(self.ratio * len(order)), len(order) - self._least(len(order)))]] = False
        return kept

    def _kept_of_network(self, channels: Channels, saliency: NDArray[np.float64]) -> NDArray[np.bool_]:
        kept = np.ones(channels.num_classes, dtype=np.bool_)
        if not channels.groups:
            return kept
        relative = _relative(channels, saliency)
        for group in channels.groups:  # the most salient of each group must stay
            order = group.classes[np.argsort(saliency[group.classes], kind="stable")]
            relative[order[len(order) - self._least(len(order)) :]] = np.inf
        classes = np.concatenate([group.classes for group in channels.groups])
        order = classes[np.argsort(relative[classes], kind="stable")]
        gone = order[: int(self.ratio * len(order))]
        kept[gone[np.isfinite(relative[gone])]] = False
        return kept


def _relative(channels: Channels, saliency: NDArray[np.float64]) -> NDArray[np.float64]:
    """Saliency as a multiple of its mean in the group, so that layers of different scale can be compared."""
    relative = saliency.copy()
    for group in channels.groups:
        mean = saliency[group.classes].mean()
        relative[group.classes] /= mean if mean > 0 else 1.0
    return relative


pruners: Registry[Pruner] = Registry("pruners", "engine.datafree.pruners", Pruner, title="Pruner")
"""All pruners by kind."""
