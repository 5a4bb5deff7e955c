"""Clusters, principal directions, noise and its epsilon: against hand calculations and the definitions."""

import math

import numpy as np
import pytest

from engine.core.errors import EngineError
from engine.core.streams import stream
from engine.data.dataset import Split
from engine.datafree.metadata_kinds.activation_clusters import ActivationClusters
from engine.datafree.metadata_kinds.batch_norm_statistics import BatchNormStatistics
from engine.datafree.metadata_kinds.class_gaussians import ClassGaussians
from engine.datafree.metadata_kinds.none import NoMetadata
from engine.datafree.owner.clusters import k_means, merged
from engine.datafree.owner.metadata_file import MetadataError, MetadataFile, pack, unpack
from engine.datafree.owner.reading import TooFewSamples, balanced_share
from engine.datafree.owner.release import GaussianNoise, noisy_moments
from engine.datafree.owner.spread import Spread, principal_of
from tests.engine.datafree import dreaming


def test_principal_directions_of_a_cross() -> None:
    """Samples at ±3 on one axis and ±1 on another: variances 2 * 9 / 3 and 2 * 1 / 3."""
    x = np.array([[0.0, 3.0, 0.0], [0.0, -3.0, 0.0], [1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]])
    directions, deviations = principal_of(x, 2)
    assert directions == pytest.approx(np.array([[0, 1, 0], [1, 0, 0]]))
    assert deviations == pytest.approx([math.sqrt(6), math.sqrt(2 / 3)])


def test_few_samples_in_many_dimensions_span_only_so_many_directions() -> None:
    x = stream(1, "x").standard_normal((4, 20))
    directions, deviations = principal_of(x, 6)
    assert (deviations[:3] > 0).all()
    assert not deviations[3:].any()
    assert directions[:3] @ directions[:3].T == pytest.approx(np.eye(3), abs=1e-9)
    centered = x - x.mean(axis=0)
    assert (deviations**2).sum() == pytest.approx((centered**2).sum() / 3)


def test_k_means_finds_what_is_apart() -> None:
    draw = stream(2, "x")
    truth = np.repeat(np.arange(4), 50)
    centers = np.array([[0, 0], [10, 0], [0, 10], [10, 10]])
    found = k_means(centers[truth] + draw.standard_normal((200, 2)), 4, draw)
    assert len(set(zip(truth.tolist(), found.tolist(), strict=True))) == 4


def test_equal_samples_are_one_cluster() -> None:
    assert not k_means(np.ones((30, 4)), 5, stream(1, "x")).any()


def test_small_clusters_are_dissolved_into_the_nearest() -> None:
    x = np.array([[0.0]] * 30 + [[1.0]] * 3 + [[10.0]] * 25)
    cluster = np.array([0] * 30 + [1] * 3 + [2] * 25)
    assert np.bincount(merged(x, cluster, 20)).tolist() == [33, 25]
    assert np.bincount(merged(x, cluster, 40)).tolist() == [58]


def test_no_cluster_of_a_file_is_smaller_than_the_guard() -> None:
    settings = ActivationClusters(num_clusters=8, num_components=2, share=1.0, min_cluster_size=20)
    sizes = dreaming.collected(settings).tensors["sizes"]
    assert sizes[sizes > 0].min() >= 20
    assert sizes.reshape(3, 8).sum(axis=1).tolist() == [60, 60, 60]


def test_one_cluster_without_directions_is_the_class_mean() -> None:
    file = dreaming.collected(ActivationClusters(num_clusters=1, num_components=0, share=1.0))
    split = dreaming.samples()
    _, features = dreaming.teacher().outputs(split.x)
    expected = np.stack([features[split.y == label].mean(axis=0) for label in range(3)])
    assert file.tensors["centers"] == pytest.approx(expected, rel=1e-5)
    assert file.tensors["components"].shape == (3, 0, 6)


def test_a_gaussian_of_each_class_holds_mean_and_covariance() -> None:
    file = dreaming.collected(ClassGaussians(share=1.0))
    split = dreaming.samples()
    logits, _ = dreaming.teacher().outputs(split.x)
    for label in range(3):
        mine = logits[split.y == label].astype(np.float64)
        assert file.tensors["centers"][label] == pytest.approx(mine.mean(axis=0), rel=1e-4)
        directions, widths = file.tensors["components"][label], file.tensors["deviations"][label]
        covariance = directions.T @ np.diag(widths**2) @ directions
        assert covariance == pytest.approx(np.cov(mine.T), rel=1e-3, abs=1e-6)


def test_statistics_are_those_of_the_weights() -> None:
    file = dreaming.collected(BatchNormStatistics())
    weights = dreaming.weights(dreaming.graph())
    assert set(file.tensors) == {f"norm{n}.running_{what}" for n in (1, 2) for what in ("mean", "var")}
    assert all(np.array_equal(array, weights[name]) for name, array in file.tensors.items())


def test_a_share_takes_equally_many_of_each_class() -> None:
    labels = np.array([0] * 100 + [1] * 50 + [2] * 50)
    chosen = balanced_share(labels, 3, 0.3, stream(1, "share"))
    assert np.bincount(labels[chosen]).tolist() == [20, 20, 20]
    assert len(np.unique(chosen)) == 60


def test_too_few_samples_are_told_before_and_refused_then() -> None:
    settings = ActivationClusters(share=0.1, num_components=2)
    (problem,) = settings.check(dreaming.graph(), 180)
    assert (problem.path, problem.code) == ("share", "too_few_samples")
    with pytest.raises(TooFewSamples, match="20 samples"):
        settings.collect(dreaming.teacher(), dreaming.samples(), stream(1, "metadata"))


def test_more_directions_than_features_are_refused() -> None:
    (problem,) = ActivationClusters(share=1.0, num_components=7).check(dreaming.graph(), 180)
    assert problem.path == "num_components"


def test_noise_on_sums_has_the_stated_deviation() -> None:
    """Counts and sums of a sample of norm 1 change by at most the root of 2 together; second moments by 1."""
    draw, std = stream(4, "noise"), 3.0
    x = np.zeros((50, 4))
    found = [noisy_moments(x, np.zeros(50, dtype=int), 1, std=std, draw=draw, second=True) for _ in range(2000)]
    counts = np.array([one.counts[0] for one in found])
    assert counts.mean() == pytest.approx(50, abs=0.5)
    assert counts.std() == pytest.approx(math.sqrt(2) * std, rel=0.06)


def test_samples_are_clipped_to_the_bound() -> None:
    noise = GaussianNoise(clip_norm=5.0)
    clipped = noise.clipped(np.array([[3.0, 4.0], [30.0, 40.0], [0.3, 0.4]]))
    assert np.linalg.norm(clipped, axis=1) == pytest.approx([1.0, 1.0, 0.1])


def test_epsilon_of_one_release_is_that_of_the_gaussian_mechanism() -> None:
    """Balle and Wang 2018, theorem 8, gives delta of a Gaussian mechanism exactly; the accountant may only be above."""

    def exact_delta(epsilon: float, z: float) -> float:
        def below(t: float) -> float:
            return 0.5 * math.erfc(-t / math.sqrt(2))

        return below(0.5 / z - epsilon * z) - math.exp(epsilon) * below(-0.5 / z - epsilon * z)

    for z in (1.0, 4.0):
        epsilon = GaussianNoise(noise_multiplier=z, delta=1e-5).epsilon(1)
        assert exact_delta(epsilon, z) <= 1e-5
        assert exact_delta(0.8 * epsilon, z) > 1e-5


def test_each_further_statistic_costs_privacy() -> None:
    noise = {"noise_multiplier": 4.0, "clip_norm": 3.0}
    mean_only = ActivationClusters(num_clusters=1, num_components=0, noise=noise)
    with_directions = ActivationClusters(num_clusters=1, num_components=2, noise=noise)
    with_clusters = ActivationClusters(num_clusters=3, num_components=2, noise=noise)
    assert mean_only.epsilon() < with_directions.epsilon() < with_clusters.epsilon()
    assert mean_only.epsilon() == GaussianNoise(**noise).epsilon(1)


def test_little_noise_changes_little() -> None:
    quiet = {"noise_multiplier": 1e-3, "clip_norm": 50.0}
    plain, noisy = (
        dreaming.collected(ActivationClusters(num_clusters=1, num_components=2, share=1.0, noise=noise)).tensors
        for noise in (None, quiet)
    )
    assert noisy["centers"] == pytest.approx(plain["centers"], abs=0.02)
    assert noisy["sizes"].tolist() == plain["sizes"].tolist()


def test_targets_scatter_as_the_clusters_do() -> None:
    spread = Spread(
        "features",
        centers=np.array([[5.0, 0.0, 0.0], [0.0, 5.0, 0.0], [9.0, 9.0, 9.0]]),
        components=np.array([[[0.0, 0.0, 1.0]]] * 3),
        deviations=np.array([[2.0], [2.0], [0.0]]),
        sizes=np.array([30, 10, 0]),
        labels=np.array([0, 0, 0]),
    )
    drawn = spread.targets(np.zeros(4000, dtype=np.int64), 0.5, stream(1, "targets"))
    assert set(drawn[:, 0].tolist()) == {0.0, 5.0}
    assert (drawn[:, 0] == 5.0).mean() == pytest.approx(0.75, abs=0.03)
    assert drawn[:, 2].std() == pytest.approx(0.5 * 2.0, rel=0.05)


def test_a_class_without_a_center_is_named() -> None:
    empty = Spread("features", np.zeros((1, 2)), np.zeros((1, 0, 2)), np.zeros((1, 0)), np.array([0]), np.array([4]))
    with pytest.raises(EngineError, match="class 4"):
        empty.targets(np.array([4]), 1.0, stream(1, "targets"))


def test_another_version_is_refused() -> None:
    content = pack(MetadataFile(NoMetadata(), "0" * 64, dreaming.SAMPLE, 1, {}))
    with pytest.raises(MetadataError, match="version 1 is read"):
        unpack(content.replace(b'version\\": 1', b'version\\": 7'))


def test_numbers_that_are_not_finite_are_refused() -> None:
    file = dreaming.collected(BatchNormStatistics())
    with pytest.raises(MetadataError, match=r"norm1\.running_mean"):
        unpack(
            pack(MetadataFile(file.settings, file.teacher, file.sample, 1, {"norm1.running_mean": np.array([np.nan])}))
        )


def test_a_class_that_is_missing_is_named() -> None:
    split = dreaming.samples()
    without = Split(split.x[split.y != 1], split.y[split.y != 1])
    with pytest.raises(TooFewSamples, match=r"1 \(0\)"):
        ClassGaussians(share=1.0).collect(dreaming.teacher(), without, stream(1, "metadata"))
