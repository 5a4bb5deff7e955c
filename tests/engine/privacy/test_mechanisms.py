"""Mechanisms: where noise is added and how much, what a book counts, and what is refused."""

import json
import math

import numpy as np
import pytest
from scipy import stats

from engine.core.streams import stream
from engine.privacy.accountant import Step, epsilon
from engine.privacy.groups import norm_of
from engine.privacy.mechanism import Mechanism, Turn, name_of, step_of
from engine.privacy.mechanisms.dp_fedavg import DPFedAvg
from engine.privacy.mechanisms.dp_sgd import DPSGD, local_steps
from engine.privacy.mechanisms.local_dp import LocalDP
from engine.privacy.participation import most_rounds

COHORT, CLIENTS = 10, 100


def turn(scheme="fixed_size", *, size: int = 600, rounds: int = 1, norms: float = 2.0) -> Turn:
    return Turn(
        scheme=scheme, cohort_size=COHORT, num_candidates=CLIENTS, clients=np.arange(COHORT),
        samples=np.full(COHORT, size), epochs=2, batch_size=50, norms=np.full(COHORT, norms),
        participations=np.full(COHORT, rounds),
    )  # fmt: skip


def book_after(mechanism: Mechanism, rounds: int, scheme="fixed_size") -> dict:
    book = mechanism.begin()
    for number in range(1, rounds + 1):
        book = mechanism.after(book, turn(scheme, rounds=number), stream(0, "clip", number))
    return dict(json.loads(json.dumps(book)))  # a book survives a checkpoint


def is_gaussian(noise: np.ndarray, std: float) -> bool:
    """Whether variance (chi-square) and shape (Kolmogorov-Smirnov) fit, at a thousandth each."""
    low, high = stats.chi2.ppf([5e-4, 1 - 5e-4], len(noise))
    return bool(low < np.square(noise / std).sum() < high and stats.kstest(noise / std, "norm").pvalue > 1e-3)


def test_the_server_s_noise_has_its_scale_and_the_denominator_is_fixed() -> None:
    mechanism = DPFedAvg(noise_multiplier=1.3, clip={"kind": "flat", "norm": 0.7})
    summed = np.linspace(-1.0, 1.0, 50_000)
    released = mechanism.release(summed, mechanism.begin(), COHORT, stream(3, "noise"))
    assert is_gaussian(COHORT * released - summed, 1.3 * 0.7)
    single = mechanism.release(summed.astype(np.float32), mechanism.begin(), COHORT, stream(3, "noise"))
    assert single.dtype == np.float32
    assert np.allclose(single, released, atol=1e-6)
    empty = mechanism.release(np.zeros(50_000), mechanism.begin(), COHORT, stream(4, "noise"))
    assert is_gaussian(COHORT * empty, 1.3 * 0.7)


def test_adaptive_clipping_takes_its_part_of_the_noise() -> None:
    mechanism = DPFedAvg(noise_multiplier=0.8, clip={"kind": "adaptive", "initial_norm": 0.5, "count_noise": 0.1})
    released = mechanism.release(np.zeros(50_000), mechanism.begin(), COHORT, stream(5, "noise"))
    assert is_gaussian(COHORT * released, 0.5 * (0.8**-2 - 2.0**-2) ** -0.5)
    assert mechanism.after(mechanism.begin(), turn(norms=9.0), stream(0, "c"))["clip_norm"] > 0.5


def test_one_client_moves_the_sum_by_at_most_the_bound() -> None:
    mechanism, draw = DPFedAvg(clip={"kind": "flat", "norm": 0.25}), stream(6, "updates")
    for scale in (0.001, 0.1, 10.0, 1e6):
        sent = mechanism.outgoing({"weights": {"w": scale * draw.normal(size=40)}}, mechanism.begin(), draw)
        assert norm_of(sent.groups) <= 0.25


def test_a_device_s_noise_has_its_scale() -> None:
    mechanism = LocalDP(noise_multiplier=2.0, clip_norm=0.5)
    update = {"weights": {"a": np.full(40_000, 1.0), "b": np.full(10_000, -1.0)}}
    sent = mechanism.outgoing(update, mechanism.begin(), stream(7, "noise"))
    assert sent.norm == pytest.approx(math.sqrt(50_000))
    inner = 0.5 / math.sqrt(50_000)
    noise = np.concatenate([sent.groups["weights"]["a"] - inner, sent.groups["weights"]["b"] + inner])
    assert is_gaussian(noise, 1.0)


@pytest.mark.parametrize(
    ("mechanism", "scheme", "steps"),
    [
        (DPFedAvg(), "poisson", {Step(1.0, "poisson", 10, 100): 5}),
        (DPFedAvg(), "fixed_size", {Step(1.0, "fixed_size", 10, 100): 5}),
        (DPFedAvg(), "everyone", {Step(1.0): 5}),
        (DPFedAvg(sampling="poisson"), "fixed_size", {Step(1.0, "poisson", 10, 100): 5}),
        (DPFedAvg(sampling="none"), "fixed_size", {Step(1.0): 5}),
        (LocalDP(), "fixed_size", {Step(0.5): 5}),
        (DPSGD(), "fixed_size", {Step(1.0, "poisson", 50, 600): 5 * 2 * 12}),
    ],
)
def test_five_rounds_cost_what_the_accountant_says(mechanism, scheme, steps) -> None:
    book = book_after(mechanism, 5, scheme)
    assert mechanism.metrics(book)["epsilon"] == pytest.approx(epsilon(steps, 1e-5), rel=1e-12)


def test_the_least_protected_samples_count() -> None:
    mechanism = DPSGD(noise_multiplier=1.1)
    mixed = Turn("everyone", 2, 2, np.array([0, 1]), np.array([60, 6000]), 1, 50, None, np.array([3, 3]))
    small = epsilon({Step(1.1, "poisson", 50, 60): 3 * 2}, 1e-5)
    large = epsilon({Step(1.1, "poisson", 50, 6000): 3 * 120}, 1e-5)
    assert mechanism.epsilon(mechanism.after(mechanism.begin(), mixed, stream(0, "n"))) == max(small, large)
    assert local_steps(60, 50, 3) == 6
    tiny = Turn("everyone", 1, 1, np.array([0]), np.array([7]), 1, 50, None, np.array([1]))
    assert mechanism.epsilon(mechanism.after(mechanism.begin(), tiny, stream(0, "n"))) == epsilon({Step(1.1): 1}, 1e-5)


def test_the_busiest_client_of_a_device_mechanism_counts_only_its_own_rounds() -> None:
    mechanism = LocalDP()
    assert mechanism.epsilon(mechanism.begin()) == 0.0
    book = mechanism.after(mechanism.begin(), turn(rounds=4), stream(0, "n"))
    assert mechanism.after(book, turn(rounds=2), stream(0, "n")) == book


def test_the_budget_ends_before_it_is_exceeded() -> None:
    limit = epsilon({Step(1.0, "fixed_size", 10, 100): 4}, 1e-5) + 1e-9
    mechanism, book, rounds = DPFedAvg(target_epsilon=limit), DPFedAvg().begin(), 0
    while not mechanism.is_exhausted(book, turn(), stream(0, "n")):
        book, rounds = mechanism.after(book, turn(), stream(0, "n")), rounds + 1
    assert rounds == 4
    assert mechanism.epsilon(book) <= limit


def test_what_is_expected_beforehand() -> None:
    for mechanism in (DPFedAvg(), DPFedAvg(clip={"kind": "adaptive"})):
        assert mechanism.expected_epsilon(7, turn()) == mechanism.epsilon(book_after(mechanism, 7))
    assert most_rounds(50, 10, 10) == 50
    assert 10 < most_rounds(100, 10, 100) < 25  # ten on average; the busiest of a hundred somewhat more
    assert LocalDP().expected_epsilon(100, turn()) > epsilon({Step(0.5): 10}, 1e-5)


def test_problems_name_the_field_and_the_way_out() -> None:
    (problem,) = DPFedAvg(accountant="pld").check("fixed_size", COHORT)
    assert problem.path == "accountant"
    assert "rdp" in problem.message
    assert DPFedAvg(accountant="pld").check("poisson", COHORT) == []
    assert DPFedAvg(accountant="pld", sampling="poisson").check("fixed_size", COHORT) == []
    (problem,) = DPFedAvg(clip={"kind": "adaptive", "count_noise": 0.01}).check("poisson", COHORT)
    assert problem.path == "clip.count_noise"


def test_steps_have_names() -> None:
    for step in (Step(0.1, "poisson", 3, 7), Step(1.0 / 3.0), Step(1e-5, "fixed_size", 10, 100)):
        assert step_of(name_of(step)) == step
