"""The audit: numbers by hand and by other libraries, leaks that are there, and silence where there is nothing."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import binomtest, norm
from torch.nn import functional

from engine.core.streams import stream
from engine.data.dataset import Split
from engine.datafree.audits.audit import AuditSettings, audit
from engine.datafree.audits.membership import confidences, exact_interval, rate_at, separation
from engine.datafree.audits.neighbors import nearest


def test_the_area_is_the_share_of_pairs_in_order() -> None:
    found = separation(np.array([3.0, 1.0, 2.0]), np.array([0.0, 2.0]))
    # pairs: 3>0, 3>2, 1>0, 1<2, 2>0, 2=2
    assert found.auc == pytest.approx((1 + 1 + 1 + 0 + 1 + 0.5) / 6)


@pytest.mark.slow
def test_intervals_of_the_area_hold_what_they_promise() -> None:
    """Two normal laws a distance of 1 apart have an area of Phi(1 / sqrt 2); 90 % of intervals must hold it."""
    truth, draw, hits = float(norm.cdf(1 / math.sqrt(2))), stream(0, "areas"), 0
    for _ in range(200):
        found = separation(draw.normal(1.0, 1.0, 80), draw.normal(0.0, 1.0, 120), confidence=0.9)
        hits += found.low <= truth <= found.high
    assert 165 <= hits <= 195


def test_few_false_alarms_are_counted_exactly() -> None:
    others = np.arange(1000.0)
    members = np.array([998.5, 998.0, 999.0, 1000.0, 995.0, 989.5, 2.0, 3.0, 989.0, 500.0])
    strict, loose = (rate_at(members, others, share) for share in (0.001, 0.01))
    # at 0.1 % one of 1,000 may pass, so the threshold is 998; at 1 % ten may, so it is 989
    assert strict.found == 0.3
    assert loose.found == 0.6
    wanted = binomtest(6, 10).proportion_ci(0.95, method="exact")
    assert (loose.low, loose.high) == pytest.approx((wanted.low, wanted.high))


def test_no_false_alarm_is_allowed_where_there_are_too_few_to_count() -> None:
    assert rate_at(np.array([5.0, 4.0]), np.array([4.0, 1.0, 0.0]), 0.001).found == 0.5


def test_exact_intervals_at_the_ends() -> None:
    assert exact_interval(0, 20, 0.95) == (0.0, pytest.approx(1 - 0.025 ** (1 / 20)))
    assert exact_interval(20, 20, 0.95) == (pytest.approx(0.025 ** (1 / 20)), 1.0)


def test_confidence_is_the_log_odds_even_where_the_loss_rounds_to_zero() -> None:
    logits = np.array([[2.0, 0.0, -1.0], [200.0, 0.0, 0.0], [201.0, 0.0, 0.0]], dtype=np.float32)
    found = confidences(logits, np.array([0, 0, 0]))
    share = math.exp(2) / (math.exp(2) + 1 + math.exp(-1))
    assert found[0] == pytest.approx(math.log(share / (1 - share)), rel=1e-6)
    assert found[1] == pytest.approx(200 - math.log(2))
    assert found[2] > found[1]
    assert logits[0, 0] == 2.0


@pytest.mark.slow
def test_nearest_is_that_of_plain_differences() -> None:
    draw = stream(0, "points")
    points, candidates = draw.normal(size=(1100, 2, 3)), draw.normal(size=(2100, 2, 3))
    found = nearest(points, candidates)
    plain = np.linalg.norm((points[:, None] - candidates[None]).reshape(1100, 2100, 6), axis=2)
    assert np.array_equal(found.place, plain.argmin(axis=1))
    assert np.allclose(found.distance, plain.min(axis=1), atol=1e-6)


def test_small_distances_between_large_values_are_not_rounded_away() -> None:
    candidates = np.full((3, 50), 100.0, dtype=np.float32)
    candidates[1] += 1.0
    points = candidates[:1] + np.float32(1e-3)
    assert nearest(points, candidates).distance[0] == pytest.approx(1e-3 * math.sqrt(50), rel=1e-2)


def world(count: int, seed: int = 0) -> tuple[Split, Split]:
    """Two splits of one law: images of noise, whose labels only a memory can know."""
    draw = stream(seed, "world")
    return tuple(
        Split(draw.normal(size=(count, 1, 6, 6)).astype(np.float32), draw.integers(0, 4, count)) for _ in range(2)
    )


def network(seed: int = 0) -> torch.nn.Sequential:
    draw = stream(seed, "network")
    layers = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(36, 64), torch.nn.ReLU(), torch.nn.Linear(64, 4)
    )  # fmt: skip
    with torch.no_grad():
        for parameter in layers.parameters():
            parameter.copy_(torch.from_numpy(0.2 * draw.normal(size=tuple(parameter.shape))))
    return layers


def fitted(x: np.ndarray, targets: torch.Tensor, steps: int, seed: int = 0) -> torch.nn.Sequential:
    """Trained on all samples at once until it knows them by heart."""
    layers = network(seed)
    optimizer = torch.optim.Adam(layers.parameters(), lr=0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        functional.cross_entropy(layers(torch.from_numpy(x)), targets).backward()
        optimizer.step()
    return layers.requires_grad_(False)


def look(layers: torch.nn.Sequential):
    def looked(x):
        features = layers[:-1](torch.from_numpy(np.ascontiguousarray(x)))
        return layers[-1](features).detach().numpy(), features.detach().numpy()

    return looked


@pytest.mark.slow
def test_it_separates_the_members_of_an_overfitted_teacher() -> None:
    members, others = world(150)
    teacher = fitted(members.x, torch.from_numpy(members.y), 150)
    queries = stream(1, "queries").normal(size=(600, 1, 6, 6)).astype(np.float32)
    student = fitted(queries, teacher(torch.from_numpy(queries)).softmax(1), 60, seed=1)
    images = members.x[:40] + np.float32(0.05) * stream(2, "near").normal(size=(40, 1, 6, 6)).astype(np.float32)
    looks = {"teacher": look(teacher), "student": look(student)}
    found = audit(AuditSettings(), images, (members, others), looks, stream(0, "audit"))
    figures = found.figures()
    assert figures["num_samples"] == 150
    assert figures["teacher_auc"] > 0.95
    assert figures["teacher_auc_low"] > 0.9
    assert figures["teacher_tpr_at_0.01_low"] > 0.05
    assert figures["teacher_tpr_at_0.001_low"] <= figures["teacher_tpr_at_0.001"] <= figures["teacher_tpr_at_0.01"]
    assert {"teacher", "pixels", "features"} <= set(found.signals)
    assert figures["pixels_nearer_to_members"] > 0.95
    assert figures["pixels_to_members"] < 0.5 * figures["pixels_to_non_members"]
    assert "teacher leaks who was a member" in found.sentence
    assert "The synthetic images lie nearer to members (pixels: AUC 0." in found.sentence


@pytest.mark.slow
def test_it_finds_no_signal_in_a_random_control() -> None:
    """Eighty audits of networks and images that never saw a member: at the level of 5 % about four may speak."""
    loud = 0
    for seed in range(80):
        splits = world(60, seed)
        images = stream(seed, "images").normal(size=(50, 1, 6, 6)).astype(np.float32)
        looks = {"teacher": look(network(seed)), "student": look(network(1000 + seed))}
        with torch.no_grad():
            found = audit(AuditSettings(), images, splits, looks, stream(seed, "audit"))
        assert bool(found.signals) != found.sentence.startswith("No signal")
        loud += bool(found.signals)
    assert loud <= 9  # 99 % of a binomial law of 80 trials at 5 %


def test_the_same_stream_looks_at_the_same_samples() -> None:
    splits, images = world(100), world(60, 3)[0].x
    looks = {"teacher": look(network().requires_grad_(False))}
    settings = AuditSettings(num_samples=40, num_images=20)
    first, again, other = (audit(settings, images, splits, looks, stream(seed, "a")).figures() for seed in (1, 1, 2))
    assert first == again != other
    assert (first["num_samples"], first["num_images"]) == (40, 20)
