"""Clusters of activations with their principal directions: what Dream Distillation needs."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from engine.core.errors import Problem
from engine.data.dataset import Split
from engine.datafree.metadata import NO_GUARANTEE, CollectedMetadata, Layout, metadata
from engine.datafree.owner.clusters import k_means, merged, nearest
from engine.datafree.owner.reading import balanced_share, coin_share, require, share_problems, shared
from engine.datafree.owner.release import GaussianNoise, noisy_centers, noisy_moments
from engine.datafree.owner.spread import Spread, arrays_of, layout_of, principal, principal_of, spread_of
from engine.models.graph import Graph

if TYPE_CHECKING:
    from engine.datafree.images.views import TeacherView

Clusters = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Centers, components, deviations and sizes, as in :class:`Spread`."""

NOISY_ROUNDS = 4
"""Rounds of k-means under noise: each costs privacy, and centers hardly move after a few."""


@metadata.register
class ActivationClusters(CollectedMetadata):
    """Clusters of penultimate activations for each class, with the principal directions of each cluster.

    A class-balanced share of the training set goes through the teacher. The activations before the classifier are
    clustered class by class; kept are each cluster's center, its principal directions, the standard deviations along
    them and its size. No activation of a single sample is kept, and no cluster is smaller than a bound: the samples
    of smaller ones go to their neighbors.
    """

    source: ClassVar[str] = (
        "K. Bhardwaj, N. Suda, R. Marculescu, Dream Distillation: A Data-Independent Model Compression Framework, "
        "2019, arXiv 1905.07072, section 3; numbers of clusters and directions are not stated there and are ours"
    )
    equation: ClassVar[str] = "μ_c = mean g(x), x in cluster c; u_cj, σ_cj: principal directions and deviations"
    leaks: ClassVar[str] = (
        "Means of activations over at least the smallest cluster's number of samples and the directions in which they "
        "scatter: with the model, images of a typical member of each cluster can be made; rare groups among the "
        "samples show as clusters of their own."
    )
    kind: Literal["activation_clusters"] = "activation_clusters"
    """Clusters of penultimate activations with principal directions (Dream Distillation)."""

    num_clusters: int = Field(default=10, ge=1, le=200)
    """Clusters per class at most; 1 keeps one mean per class."""

    num_components: int = Field(default=10, ge=0, le=512)
    """Principal directions of each cluster; 0 keeps centers only."""

    share: float = Field(default=0.1, gt=0, le=1)
    """Share of the training set that is read, equally many samples of each class."""

    min_cluster_size: int = Field(default=20, ge=1, le=100_000)
    """Samples that a cluster has at least; a guard against centers that show single samples."""

    noise: GaussianNoise | None = None
    """Noise with a formal guarantee for each sample; empty for none. With it the share is drawn by a coin for each
    sample, and clusters are found from noisy sums."""

    @override
    def collect(self, teacher: "TeacherView", samples: Split, draw: np.random.Generator) -> dict[str, np.ndarray]:
        count = teacher.num_classes
        chosen = (
            balanced_share(samples.y, count, self.share, draw)
            if self.noise is None
            else coin_share(samples.y, self.share, draw)
        )
        read = shared(samples, chosen)
        _, features = teacher.outputs(read.x)
        if self.noise is None:
            require(read.y, count, self.min_cluster_size)
        spreads = [self._of_class(features[read.y == label], label, draw) for label in range(count)]
        return {name: np.concatenate([arrays[name] for arrays in spreads]) for name in spreads[0]}

    @override
    def layout(self, graph: Graph) -> Layout:
        (size,) = graph.shapes()[graph.features]
        return layout_of(self.num_clusters * graph.sample.num_classes, self.num_components, size)

    @override
    def check(self, graph: Graph, num_samples: int) -> list[Problem]:
        problems = share_problems(self.share, num_samples, graph.sample.num_classes, self.min_cluster_size)
        (size,) = graph.shapes()[graph.features]
        if self.num_components > size:
            message = f"the teacher has {size} penultimate features, which have no more directions than that"
            problems.append(Problem("num_components", "out_of_range", message))
        return problems

    @override
    def spread(self, tensors: Mapping[str, np.ndarray]) -> Spread:
        return spread_of(tensors, "features")

    @override
    def epsilon(self) -> float | None:
        return None if self.noise is None else self.noise.epsilon(self._num_releases)

    @override
    def guarantee(self) -> str:
        return NO_GUARANTEE if self.noise is None else self.noise.guarantee(self._num_releases)

    @property
    def _num_releases(self) -> int:
        rounds = 0 if self.num_clusters == 1 else NOISY_ROUNDS
        return rounds + 1 + (self.num_components > 0)

    def _of_class(self, x_ND: np.ndarray, label: int, draw: np.random.Generator) -> dict[str, np.ndarray]:
        found = self._plain(x_ND, draw) if self.noise is None else self._noisy(x_ND, self.noise, draw)
        labels = np.full(self.num_clusters, label)
        return arrays_of(Spread("features", *found, labels))

    def _plain(self, x_ND: np.ndarray, draw: np.random.Generator) -> Clusters:
        cluster_N = merged(x_ND, k_means(x_ND, self.num_clusters, draw), self.min_cluster_size)
        centers, components, deviations, sizes = self._empty(x_ND.shape[1])
        for number in range(int(cluster_N.max()) + 1):
            members = x_ND[cluster_N == number]
            centers[number], sizes[number] = members.mean(axis=0, dtype=np.float64), len(members)
            components[number], deviations[number] = principal_of(members, self.num_components)
        return centers, components, deviations, sizes

    def _noisy(self, x_ND: np.ndarray, noise: GaussianNoise, draw: np.random.Generator) -> Clusters:
        std, clipped = noise.noise_multiplier, noise.clipped(x_ND)
        cluster_N = np.zeros(len(x_ND), dtype=np.int64)
        if self.num_clusters > 1:
            cluster_N = nearest(clipped, noisy_centers(clipped, self.num_clusters, NOISY_ROUNDS, std=std, draw=draw))
        second = self.num_components > 0
        moments = noisy_moments(clipped, cluster_N, self.num_clusters, std=std, draw=draw, second=second)
        centers, components, deviations, sizes = self._empty(x_ND.shape[1])
        kept = np.flatnonzero(moments.counts >= self.min_cluster_size)
        if not len(kept):
            kept = np.array([moments.counts.argmax()])
        sizes[kept] = np.maximum(1, np.rint(moments.counts[kept]))
        centers[kept] = noise.clip_norm * moments.means[kept]
        if moments.covariances is not None:
            for number in kept.tolist():
                components[number], widths = principal(moments.covariances[number], self.num_components)
                deviations[number] = noise.clip_norm * widths
        return centers, components, deviations, sizes

    def _empty(self, size: int) -> Clusters:
        count, directions = self.num_clusters, self.num_components
        return (
            np.zeros((count, size)),
            np.zeros((count, directions, size)),
            np.zeros((count, directions)),
            np.zeros(count, dtype=np.int64),
        )
