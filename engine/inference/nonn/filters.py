"""The network of a teacher's filters: which of them are active on the same images, and for which classes."""

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from engine.core.component import Component
from engine.core.streams import stream

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

Rule = Literal["unequal", "co_active", "product"]


class FilterNetworkSettings(Component):
    """How links between the filters of a teacher's last feature map are drawn.

    The activation of a filter on an image is the mean of its feature map after ReLU, divided by that of the most active
    filter.
    """

    source: ClassVar[str] = "Bhardwaj et al., NoNN, arXiv 1907.11804, section 4.1; repository SLDGroup/NoNN_framework"

    rule: Rule = "unequal"
    """What an image adds to the link of two filters of activations a and b: a b |a - b| (unequal, the published rule,
    which joins a strong filter with weaker ones), a b / (|a - b| + 1) (co_active, the rule that rewards equal activity)
    or a b (product)."""

    most_active: Annotated[int, Field(ge=2, le=65_536)] = 50
    """How many filters of an image take part, the most active ones; all if there are fewer."""

    percentile: Annotated[float, Field(ge=0, lt=100)] = 99.0
    """Percentile of the weights above 0 below which links are cut, in percent; 0 keeps all."""

    held_out: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    """Share of the training samples that links are drawn from and that students do not learn from; with 0 all samples
    are for both."""

    def rows(self, num_samples: int, seed: int) -> tuple[Numbers, Numbers]:
        """Rows of the training samples that students learn from, and of those that links are drawn from, in order.

        Args:
            num_samples: training samples, two or more.
            seed: of the run.
        """
        count = round(self.held_out * num_samples)
        if count == 0:
            return np.arange(num_samples), np.arange(num_samples)
        order = stream(seed, "held out").permutation(num_samples)
        return np.sort(order[count:]), np.sort(order[:count])


@dataclass(frozen=True)
class FilterNetwork:
    """Links between the C filters of a teacher.

    Attributes:
        weights: (C, C) symmetric, at least 0, 0 on the diagonal: sums over images.
        class_activity: (C, K) mean activation of each filter on the images of each class, as far as it took part.
        percentile: below which links are cut.
    """

    weights: Floats
    class_activity: Floats
    percentile: float

    @property
    def num_filters(self) -> int:
        """Number of filters."""
        return len(self.weights)

    @cached_property
    def links(self) -> Floats:
        """(C, C) the weights that remain after the cut, divided by the largest one."""
        largest = self.weights.max(initial=0.0)
        if largest == 0.0:
            return np.zeros_like(self.weights)
        scaled = self.weights / largest
        threshold = np.percentile(scaled[scaled > 0], self.percentile)
        return np.where(scaled >= threshold, scaled, 0.0)

    @cached_property
    def strengths(self) -> Floats:
        """(C,) sum of each filter's weights before the cut: its activity together with others."""
        return np.asarray(self.weights.sum(axis=1))

    @cached_property
    def connected(self) -> tuple[int, ...]:
        """Filters with a link after the cut, in order."""
        return tuple(map(int, np.flatnonzero(self.links.any(axis=1))))

    @cached_property
    def affinity(self) -> Floats:
        """(C, K) share of each class in a filter's activity, as if classes had equally many images; 0 if inactive."""
        totals = self.class_activity.sum(axis=1, keepdims=True)
        found: Floats = np.divide(self.class_activity, totals, out=np.zeros_like(self.class_activity), where=totals > 0)
        return found


def filter_network(
    features: np.ndarray, labels: np.ndarray, num_classes: int, settings: FilterNetworkSettings
) -> FilterNetwork:
    """The network of filters, from what the teacher makes of some images.

    Args:
        features: (N, C), pooled activations of the filters.
        labels: (N,), class of each image.
        num_classes: number of classes.
        settings: how links are drawn.
    """
    activations = relative(features)
    num_filters = activations.shape[1]
    kept = min(settings.most_active, num_filters)
    weights = np.zeros((num_filters, num_filters))
    activity = np.zeros((num_classes, num_filters))
    for row, label in zip(activations, labels, strict=True):
        active = np.argsort(-row, kind="stable")[:kept]
        values = row[active]
        weights[np.ix_(active, active)] += _links(values, settings.rule)
        activity[label, active] += values
    np.fill_diagonal(weights, 0.0)
    counts = np.bincount(labels, minlength=num_classes)[:, np.newaxis]
    return FilterNetwork(weights, (activity / np.maximum(counts, 1)).T.copy(), settings.percentile)


def relative(features: np.ndarray) -> Floats:
    """(N, C) activations without negative parts, divided by the largest of each image; 0 where none is above 0."""
    positive = np.maximum(features.astype(np.float64), 0.0)
    largest = positive.max(axis=1, keepdims=True)
    found: Floats = np.divide(positive, largest, out=np.zeros_like(positive), where=largest > 0)
    return found


def _links(values: Floats, rule: Rule) -> Floats:
    """(k, k) what one image adds to the links of its k filters."""
    products = np.outer(values, values)
    if rule == "product":
        return products
    differences = np.abs(values[:, np.newaxis] - values)
    return products * differences if rule == "unequal" else products / (differences + 1.0)
