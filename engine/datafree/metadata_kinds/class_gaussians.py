"""One Gaussian of activations per class."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from engine.core.errors import Problem
from engine.data.dataset import Split
from engine.datafree.metadata import NO_GUARANTEE, CollectedMetadata, Layout, metadata
from engine.datafree.owner.reading import balanced_share, coin_share, require, share_problems, shared
from engine.datafree.owner.release import GaussianNoise, noisy_moments
from engine.datafree.owner.spread import Layer, Spread, arrays_of, layout_of, principal, principal_of, spread_of
from engine.models.graph import Graph

if TYPE_CHECKING:
    from engine.datafree.images.views import TeacherView


@metadata.register
class ClassGaussians(CollectedMetadata):
    """Mean and covariance of a top layer's activations for each class.

    The covariance is kept as principal directions with their standard deviations; with as many directions as the
    layer has activations it is kept whole.
    """

    source: ClassVar[str] = (
        "R. G. Lopes, S. Fenu, T. Starner, Data-Free Knowledge Distillation for Deep Neural Networks, 2017, arXiv "
        "1710.07535, section 3.1: top layer activation statistics"
    )
    equation: ClassVar[str] = "a | y ~ N(μ_y, Σ_y), Σ_y = U_y diag(σ_y²) U_yᵀ"
    leaks: ClassVar[str] = (
        "The mean activation of each class and the directions in which its samples scatter: with the model, an image "
        "of a typical member of each class can be made."
    )
    kind: Literal["class_gaussians"] = "class_gaussians"
    """Mean and covariance of top-layer activations of each class (Lopes et al.)."""

    layer: Layer = "logits"
    """Whose activations: those that the softmax reads (logits) or those that the classifier reads (features)."""

    num_components: int | None = Field(default=None, ge=0, le=512)
    """Principal directions that are kept of each covariance; empty for all of them."""

    share: float = Field(default=0.1, gt=0, le=1)
    """Share of the training set that is read, equally many samples of each class."""

    min_class_size: int = Field(default=20, ge=1, le=100_000)
    """Samples of each class that must be read at least; a guard against means that show single samples."""

    noise: GaussianNoise | None = None
    """Noise with a formal guarantee for each sample; empty for none. With it the share is drawn by a coin for each
    sample."""

    @override
    def collect(self, teacher: "TeacherView", samples: Split, draw: np.random.Generator) -> dict[str, np.ndarray]:
        count = teacher.num_classes
        if self.noise is None:
            read = shared(samples, balanced_share(samples.y, count, self.share, draw))
            require(read.y, count, self.min_class_size)
        else:
            read = shared(samples, coin_share(samples.y, self.share, draw))
        logits, features = teacher.outputs(read.x)
        activations = logits if self.layer == "logits" else features
        parts = [self._of_class(activations[read.y == label], draw) for label in range(count)]
        centers, components, deviations, sizes = (np.stack(column) for column in zip(*parts, strict=True))
        return arrays_of(Spread(self.layer, centers, components, deviations, sizes, np.arange(count)))

    @override
    def layout(self, graph: Graph) -> Layout:
        size = self._size(graph)
        return layout_of(graph.sample.num_classes, self._directions(size), size)

    @override
    def check(self, graph: Graph, num_samples: int) -> list[Problem]:
        problems = share_problems(self.share, num_samples, graph.sample.num_classes, self.min_class_size)
        size = self._size(graph)
        if self._directions(size) > size:
            message = f"the layer has {size} activations, which have no more directions than that"
            problems.append(Problem("num_components", "out_of_range", message))
        return problems

    @override
    def spread(self, tensors: Mapping[str, np.ndarray]) -> Spread:
        return spread_of(tensors, self.layer)

    @override
    def epsilon(self) -> float | None:
        return None if self.noise is None else self.noise.epsilon(self._num_releases)

    @override
    def guarantee(self) -> str:
        return NO_GUARANTEE if self.noise is None else self.noise.guarantee(self._num_releases)

    @property
    def _num_releases(self) -> int:
        return 1 if self.num_components == 0 else 2

    def _size(self, graph: Graph) -> int:
        (size,) = graph.shapes()[graph.output if self.layer == "logits" else graph.features]
        return size

    def _directions(self, size: int) -> int:
        return size if self.num_components is None else self.num_components

    def _of_class(self, x_ND: np.ndarray, draw: np.random.Generator) -> tuple[np.ndarray, ...]:
        count = self._directions(x_ND.shape[1])
        if self.noise is None:
            return x_ND.mean(axis=0, dtype=np.float64), *principal_of(x_ND, count), np.array(len(x_ND))
        cluster = np.zeros(len(x_ND), dtype=np.int64)
        std, clipped = self.noise.noise_multiplier, self.noise.clipped(x_ND)
        moments = noisy_moments(clipped, cluster, 1, std=std, draw=draw, second=count > 0)
        components, widths = np.zeros((count, x_ND.shape[1])), np.zeros(count)
        if moments.covariances is not None:
            components, widths = principal(moments.covariances[0], count)
        clip, size = self.noise.clip_norm, np.maximum(1, np.rint(moments.counts[0]))
        return clip * moments.means[0], components, clip * widths, size
