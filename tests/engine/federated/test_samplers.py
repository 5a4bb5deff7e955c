"""Each sampler against choices and chances worked out by hand."""

import math

import numpy as np
import pytest
from pydantic import ValidationError

from engine.core.streams import stream
from engine.federated.sampler import Candidates, Feedback, Memory, by_weight, highest
from engine.federated.samplers.available import Available
from engine.federated.samplers.by_bandwidth import ByBandwidth
from engine.federated.samplers.oort import Oort
from engine.federated.samplers.poisson import Poisson
from engine.federated.samplers.power_of_choice import PowerOfChoice
from engine.federated.samplers.weighted import Weighted
from engine.specs.recosting import obstacles
from engine.specs.text import parse


def ids(*clients: int) -> np.ndarray:
    return np.array(clients, dtype=np.int64)


def frequencies(cohorts: list[np.ndarray], count: int) -> np.ndarray:
    """Share of cohorts that each client is in."""
    return np.bincount(np.concatenate(cohorts), minlength=count) / len(cohorts)


def near(found: np.ndarray, expected: list[float], rounds: int) -> bool:
    """Within 4 standard errors of a share."""
    error = 4 * np.sqrt(np.array(expected) * (1 - np.array(expected)) / rounds)
    return bool((np.abs(found - expected) <= error + 1e-12).all())


def test_weighted_draws_have_the_chances_of_one_after_the_other() -> None:
    """Weights 1, 2, 7: alone 0.1, 0.2, 0.7; of two the pair without client 0 has 0.2 * 7/8 + 0.7 * 2/3."""
    clients, weights = ids(0, 1, 2), np.array([1.0, 2.0, 7.0])
    one = [by_weight(clients, weights, 1, stream(1, number)) for number in range(2000)]
    assert near(frequencies(one, 3), [0.1, 0.2, 0.7], 2000)
    two = [by_weight(clients, weights, 2, stream(2, number)) for number in range(2000)]
    without_0 = 0.2 * 7 / 8 + 0.7 * 2 / 3
    without_1 = 0.1 * 7 / 9 + 0.7 * 1 / 3
    assert near(frequencies(two, 3), [1 - without_0, 1 - without_1, without_0 + without_1], 2000)


def test_clients_of_weight_zero_come_last() -> None:
    weights = np.array([0.0, 1.0, 0.0, 1.0])
    assert by_weight(ids(4, 5, 6, 7), weights, 2, stream(1)).tolist() == [5, 7]
    drawn = [by_weight(ids(4, 5, 6, 7), weights, 3, stream(2, number)) for number in range(1000)]
    assert all({5, 7} <= set(cohort.tolist()) for cohort in drawn)
    assert near(frequencies(drawn, 8)[[4, 6]], [0.5, 0.5], 1000)


def test_chance_decides_between_equal_values() -> None:
    values = np.array([1.0, 5.0, 1.0, 1.0])
    drawn = [highest(ids(0, 1, 2, 3), values, 2, stream(1, number)) for number in range(1000)]
    assert near(frequencies(drawn, 4), [1 / 3, 1.0, 1 / 3, 1 / 3], 1000)


def test_weighted_goes_by_samples() -> None:
    among = Candidates(1, ids(10, 20), 100, num_samples=lambda clients: clients // 10 * np.array([1, 2]))
    drawn = [Weighted(num_clients=1).sample(among, stream(1, number)) for number in range(2000)]
    assert near(frequencies(drawn, 21)[[10, 20]], [0.2, 0.8], 2000)


def test_poisson_is_a_coin_for_each_client() -> None:
    """20 of 100 devices per round: each of the 50 that can be reached with chance 0.2, so 10 of variance 8."""
    among = Candidates(1, np.arange(50, dtype=np.int64), 100)
    drawn = [Poisson(num_clients=20).sample(among, stream(1, number)) for number in range(2000)]
    sizes = np.array([len(cohort) for cohort in drawn])
    assert abs(sizes.mean() - 10) < 4 * math.sqrt(8 / 2000)
    assert sizes.var() == pytest.approx(8, rel=0.15)
    assert near(frequencies(drawn, 50), [0.2] * 50, 1500)


def test_available_counts_the_rounds_in_which_clients_were_there() -> None:
    often, seldom = Available(num_clients=1), Available(num_clients=1, prefer="seldom")
    memory: Memory = often.begin(4)
    for number, there in enumerate([ids(0, 1), ids(1, 2), ids(0, 1, 3)], start=1):
        memory = often.notice(Candidates(number, there, memory=memory))
    assert memory["rounds_seen"].tolist() == [2, 3, 1, 1]
    among = Candidates(4, ids(0, 1, 2), memory=memory)
    assert often.sample(among, stream(1)).tolist() == [1]
    assert seldom.sample(among, stream(1)).tolist() == [2]


def test_power_of_choice_takes_the_highest_losses_of_those_asked() -> None:
    sampler = PowerOfChoice(num_clients=2, candidates=4)
    among = Candidates(1, np.arange(10), 10, num_samples=lambda clients: np.where(clients < 5, 1, 0))
    asked = sampler.ask(among, stream(1))
    assert len(asked) == 4
    assert (asked < 5).all()
    told = Candidates(1, np.arange(10), 10, asked=ids(1, 2, 4, 8), losses=np.array([0.5, np.nan, 0.7, 0.1]))
    assert sampler.sample(told, stream(2)).tolist() == [2, 4]


def test_power_of_choice_remembers_losses_where_it_does_not_ask() -> None:
    sampler = PowerOfChoice(num_clients=2, candidates=5, losses="last")
    memory = sampler.learn(sampler.begin(5), Feedback(1, ids(0, 2), np.array([0.3, 0.9]), ids(1, 1), np.zeros(2)))
    memory = sampler.learn(memory, Feedback(2, ids(1, 3), np.array([0.2, 0.8]), ids(1, 1), np.zeros(2)))
    among = Candidates(3, np.arange(5), 5, num_samples=np.ones_like, memory=memory)
    assert not len(sampler.ask(among, stream(1)))
    assert sampler.sample(among, stream(1)).tolist() == [2, 4]  # client 4 was never asked, client 2 had the highest


@pytest.mark.parametrize("member", [PowerOfChoice, ByBandwidth])
def test_a_choice_needs_as_many_candidates_as_clients(member: type[PowerOfChoice] | type[ByBandwidth]) -> None:
    with pytest.raises(ValidationError, match="candidates must be at least num_clients, which is 9, but is 5"):
        member(num_clients=9, candidates=5)


def test_by_bandwidth_takes_the_fastest() -> None:
    sampler = ByBandwidth(num_clients=2, candidates=6)
    among = Candidates(1, np.arange(6), 6, rates_bps=lambda clients: np.array([1, 9, 3, 9, 2, 1e3])[clients])
    drawn = [sampler.sample(among, stream(1, number)) for number in range(500)]
    assert near(frequencies(drawn, 6), [0, 0.5, 0, 0.5, 0, 1.0], 500)


def seen(sampler: Oort, utilities: list[float], durations: list[float], rounds: list[int]) -> Memory:
    """A memory in which these clients took part with one sample each."""
    memory = sampler.begin(len(utilities) + 2)
    for client, (loss, seconds, number) in enumerate(zip(utilities, durations, rounds, strict=True)):
        one = Feedback(number, ids(client), np.array([loss]), ids(1), np.array([seconds]))
        memory = sampler.learn(memory, one)
    return memory


def test_oort_scores_by_hand() -> None:
    """Utilities 1, 2, 3 of percentile 95 at 2.9: scaled 0, 1/1.9, 1. The preferred duration is the median, 20 s, so who
    takes 40 s keeps a quarter. Uncertainty adds sqrt(0.1 ln 10 / last round).
    """
    sampler = Oort(percentile=50, penalty=2)
    memory = seen(sampler, [1.0, 2.0, 3.0], [10.0, 20.0, 40.0], [1, 4, 9])
    bonus = [math.sqrt(0.1 * math.log(10) / number) for number in (1, 4, 9)]
    expected = [0 + bonus[0], 1 / 1.9 + bonus[1], (1 + bonus[2]) / 4]
    assert sampler.scores(memory, ids(0, 1, 2), 10) == pytest.approx(expected, rel=1e-6)


@pytest.mark.slow
def test_oort_takes_new_clients_by_speed_and_known_ones_by_utility() -> None:
    """In round 200 a fifth of five is new: one of clients 5 and 6, of which the second sends nine times as fast."""
    sampler = Oort(num_clients=5, penalty=0)
    memory = seen(sampler, [5.0, 5.0, 5.0, 5.0, 0.0], [1.0] * 5, [199] * 5)
    assert sampler.share_of_new(1) == 0.9
    assert sampler.share_of_new(2) == pytest.approx(0.882)
    assert sampler.share_of_new(200) == 0.2
    among = Candidates(200, np.arange(7), 7, rates_bps=lambda clients: np.where(clients == 6, 9.0, 1.0), memory=memory)
    drawn = [sampler.sample(among, stream(1, number)) for number in range(1000)]
    assert near(frequencies(drawn, 7)[5:], [0.1, 0.9], 1000)
    assert near(frequencies(drawn, 7)[:5], [1, 1, 1, 1, 0], 1000)  # the worst lies below the cut


def test_oort_slows_down_when_utilities_fall() -> None:
    """Windows of two rounds: after 9 + 9 come 4 + 4, which is less, so five percent points more of patience."""
    sampler = Oort(window=2, percentile=30, pace=5)
    memory = sampler.begin(3)
    paces = []
    for number, loss in enumerate([9.0, 9.0, 4.0, 4.0, 6.0, 6.0], start=1):
        memory = sampler.learn(memory, Feedback(number, ids(0), np.array([loss]), ids(1), np.array([1.0])))
        paces.append(float(memory["percentile"][0]))
    assert paces == [30, 30, 30, 35, 35, 35]


@pytest.mark.parametrize(("kind", "refused"), [("oort", True), ("by_bandwidth", True), ("power_of_choice", False)])
def test_choices_that_read_costs_are_not_costed_elsewhere(kind: str, refused: bool) -> None:
    text = f"""
version: 1
name: choice
fleet: {{groups: [{{name: boards, device: rpi_4b_4gb, count: 10}}]}}
task: {{kind: federated, dataset: {{kind: digits}}, sampler: {{kind: {kind}, num_clients: 2}}}}
"""
    found = obstacles(parse(text))
    assert [problem.path.startswith("task.sampler") for problem in found] == [True] * refused
