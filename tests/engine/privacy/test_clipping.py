"""Clipping: the bound holds in every type, and the adaptive bound finds its quantile at the stated price."""

import math

import numpy as np
import pytest

from engine.core.streams import stream
from engine.privacy.clipping import clip, clippings
from engine.privacy.clippings.adaptive import AdaptiveClipping
from engine.privacy.groups import norm_of


def message(scale: float, dtype: type = np.float32) -> dict[str, dict[str, np.ndarray]]:
    draw = stream(0, "message")
    groups = {"weights": {"a": (7, 11), "b": (5,)}, "control": {"a": (7, 11)}}
    return {
        group: {name: (scale * draw.normal(size=shape)).astype(dtype) for name, shape in shapes.items()}
        for group, shapes in groups.items()
    }


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1e-3, 0.3, 1.0, 1e3, 1e20])
def test_all_groups_together_are_within_the_bound(scale: float, dtype: type) -> None:
    sent = message(scale, dtype)
    clipped, norm = clip(sent, 1.5)
    assert norm == pytest.approx(norm_of(sent))
    assert norm_of(clipped) <= 1.5
    if norm <= 1.5:
        assert clipped is sent
    else:
        assert norm_of(clipped) == pytest.approx(1.5, rel=1e-5)
        factors = np.concatenate([(clipped[g][n] / sent[g][n]).ravel() for g in sent for n in sent[g]])
        assert np.ptp(factors) < 1e-5 * factors.mean()  # the direction stays
    assert clipped["weights"]["a"].dtype == dtype


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_a_message_without_a_length_becomes_zeros(broken: float) -> None:
    sent = message(1.0)
    sent["weights"]["b"][2] = broken
    clipped, norm = clip(sent, 1.0)
    assert norm == math.inf
    assert norm_of(clipped) == 0.0


def test_whole_numbers_are_scaled_too() -> None:
    clipped, _ = clip({"weights": {"counter": np.array([3, 4])}}, 1.0)
    assert clipped["weights"]["counter"] == pytest.approx([0.6, 0.8], rel=1e-5)


def test_the_geometric_update_by_hand() -> None:
    # 3 of 4 within the bound, rate 0.2, quantile 0.5: the bound moves by exp(-0.2 * (0.75 - 0.5))
    rule = AdaptiveClipping(initial_norm=1.0, count_noise=1e-9)
    moved = rule.next_norm(1.0, np.array([0.2, 0.9, 1.0, 3.0]), 4, stream(0, "count"))
    assert moved == pytest.approx(math.exp(-0.05), abs=1e-6)


def test_the_bound_finds_the_quantile() -> None:
    rule = AdaptiveClipping(initial_norm=0.01, quantile=0.7, count_noise=0.05)
    bound = rule.first_norm()
    for number in range(150):
        norms = stream(1, "norms", number).lognormal(1.0, 0.5, 200)
        bound = rule.next_norm(bound, norms, 200, stream(1, "count", number))
    wanted = math.exp(1.0 + 0.5 * 0.5244005)  # the 0.7 quantile of that distribution
    assert bound == pytest.approx(wanted, rel=0.06)


def test_sum_and_count_together_cost_what_is_set() -> None:
    # Andrew et al. 2021, Theorem 1: z^-2 = z_sum^-2 + (2 s)^-2, and section 3.2 suggests s = m / 20
    rule, cohort = AdaptiveClipping(count_noise=0.05), 100
    z_sum, count_std = rule.noise_on_sum(1.0, cohort), 5.0
    assert z_sum == pytest.approx((1.0 - 1.0 / 100.0) ** -0.5)
    assert z_sum**-2 + (2.0 * count_std) ** -2 == pytest.approx(1.0)
    draw = stream(2, "count")
    shares = [math.log(rule.next_norm(1.0, np.zeros(50), cohort, draw)) / -0.2 + 0.5 for _ in range(4000)]
    assert np.mean(shares) == pytest.approx(
        0.75, abs=0.005
    )  # 50 of 100 expected came, all within: (50 / 2) / 100 + 1/2
    assert np.std(shares) == pytest.approx(count_std / cohort, rel=0.05)


def test_a_count_with_too_little_noise_is_refused() -> None:
    rule = AdaptiveClipping(count_noise=0.05)
    assert rule.check(1.0, 11) == []
    (problem,) = rule.check(1.0, 10)
    assert problem.path == "count_noise"
    assert "0.05" in problem.message


def test_kinds() -> None:
    assert set(clippings.members()) == {"flat", "adaptive"}
