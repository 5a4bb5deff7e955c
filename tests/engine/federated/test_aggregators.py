"""Robust rules on numbers small enough to follow by hand, and against the definitions written out."""

import numpy as np
import pytest

from engine.core.streams import stream
from engine.federated.aggregator import Aggregator, Rows
from engine.federated.aggregators.bulyan import Bulyan, mean_near_median
from engine.federated.aggregators.fltrust import FlTrust
from engine.federated.aggregators.krum import Krum
from engine.federated.aggregators.mean import Mean
from engine.federated.aggregators.median import Median
from engine.federated.aggregators.multi_krum import MultiKrum
from engine.federated.aggregators.norm_bound import NormBound
from engine.federated.aggregators.sign_majority import SignMajority
from engine.federated.aggregators.trimmed_mean import TrimmedMean
from engine.federated.robustness.distances import krum_order, krum_scores, squared_distances


def combine(rule: Aggregator, values: list[list[float]], **others: object) -> list[float]:
    """The result for rows of equal weight."""
    array = np.array(values)
    combined: list[float] = rule.combine(Rows(array, np.ones(len(array)), **others)).tolist()
    return combined


LINE = [[0.0], [1.0], [2.0], [4.0], [100.0]]
"""Five clients, one value each."""


def test_mean_counts_samples() -> None:
    values = np.array([[0.0, 1.0], [4.0, 5.0]], dtype=np.float32)
    assert Mean().combine(Rows(values, np.array([1.0, 3.0]))).tolist() == [3.0, 4.0]


def test_median_of_odd_and_even_numbers() -> None:
    assert combine(Median(), LINE) == [2.0]
    assert combine(Median(), LINE[:4]) == [1.5]
    largest = np.finfo(np.float64).max
    assert combine(Median(), [[largest], [largest]]) == [largest]


def test_trimmed_mean_leaves_out_both_ends() -> None:
    assert combine(TrimmedMean(share=0.2), LINE) == [pytest.approx(7 / 3)]
    assert combine(TrimmedMean(share=0.4), LINE) == [2.0]
    assert combine(TrimmedMean(share=0.19), LINE) == [pytest.approx(107 / 5)]


def test_trimmed_mean_counts_exactly() -> None:
    """0.29 x 100 is 28.999999999999996 in float64; it leaves out 29."""
    assert TrimmedMean(share=0.29).tolerates(100) == 29


def test_krum_scores_by_hand() -> None:
    """Five clients, f = 1: the two nearest others. 0: 1 + 4; 1: 1 + 1; 2: 1 + 4; 4: 4 + 9; 100: 96^2 + 98^2."""
    distances = squared_distances(np.array(LINE))
    assert krum_scores(distances, 1).tolist() == [5.0, 2.0, 5.0, 13.0, 96.0**2 + 98.0**2]
    assert combine(Krum(num_malicious=1), LINE) == [1.0]


def test_multi_krum_by_hand() -> None:
    """Of the scores 5, 2, 5, 13, ... the best two are 1 and the first of the fives, the best three 0, 1 and 2."""
    assert combine(MultiKrum(num_malicious=1, num_selected=2), LINE) == [0.5]
    assert combine(MultiKrum(num_malicious=1, num_selected=3), LINE) == [1.0]
    assert combine(MultiKrum(num_malicious=1), LINE) == [0.5]  # 5 - 1 - 2


def test_bulyan_chooses_anew_each_time() -> None:
    """Seven clients on a line, f = 1: five are chosen one after another, then three around the median are averaged.

    Of 0 1 2 3 10 11 50 with four nearest others 3 wins by 1 + 4 + 9 + 49; of the rest with three 2 by 1 + 4 + 64; with
    two 1 and 10 tie at 1 + 81, and the first one wins; with one 10 and 11 tie at 1; at last 0 and 11 tie at 121. So
    0 1 2 3 10 are left, whose median is 2 with 1, 2 and 3 nearest.
    """
    values = np.array([[0.0], [1.0], [2.0], [3.0], [10.0], [11.0], [50.0]])
    assert krum_order(squared_distances(values), 1, 5).tolist() == [3, 2, 1, 4, 0]
    assert combine(Bulyan(num_malicious=1), values.tolist()) == [2.0]


def test_one_choice_again_and_again_is_krum() -> None:
    """The choice by masks equals Krum on what is left, written out."""
    values = stream(3, "rows").standard_normal((13, 20))
    left = list(range(13))
    expected: list[int] = []
    while len(expected) < 9:
        scores = []
        for mine in left:
            others = sorted(float(((values[mine] - values[other]) ** 2).sum()) for other in left if other != mine)
            scores.append(sum(others[: max(1, len(left) - 2 - 2)]))
        expected.append(left.pop(int(np.argmin(scores))))
    assert krum_order(squared_distances(values), 2, 9).tolist() == expected


def test_mean_near_median_takes_the_nearest() -> None:
    values = stream(4, "columns").standard_normal((50, 9))
    for count in (1, 4, 5, 9):
        expected = [row[np.argsort(np.abs(row - np.median(row)), kind="stable")[:count]].mean() for row in values]
        assert np.allclose(mean_near_median(values.copy(), count), expected, atol=1e-12, rtol=0)


def test_norm_bound_by_hand() -> None:
    """(3, 4) is five long and comes in at one; (0, 0.5) stays."""
    assert combine(NormBound(bound=1.0), [[3.0, 4.0], [0.0, 0.5]]) == pytest.approx([0.3, 0.65])
    assert combine(NormBound(bound=1.0), [[np.nan, 4.0], [0.0, 0.5]]) == [0.0, 0.5]
    assert combine(NormBound(bound=1.0), [[np.inf, 4.0]]) == [0.0, 0.0]


def test_fltrust_by_hand() -> None:
    """Trust 1 for (4, 0), sqrt(1/2) for (1, 1), none for (-9, 0); all at the length 2 of the server's update."""
    result = combine(FlTrust(), [[4.0, 0.0], [1.0, 1.0], [-9.0, 0.0]], trusted=np.array([2.0, 0.0]))
    half = np.sqrt(0.5)
    assert result == pytest.approx([(2 + half * 2 * half) / (1 + half), half * 2 * half / (1 + half)])
    assert combine(FlTrust(), [[-1.0, 0.0], [0.0, 0.0], [np.nan, 1.0]], trusted=np.array([2.0, 0.0])) == [0.0, 0.0]


def test_fltrust_stands_a_majority() -> None:
    good = np.array([1.0, 2.0])
    result = combine(FlTrust(), [good.tolist(), *[(-5 * good).tolist()] * 9], trusted=np.array([2.0, 1.0]))
    assert np.dot(result, good) > 0


def test_fltrust_without_its_update_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="own update"):
        combine(FlTrust(), [[1.0]])


def test_sign_majority_by_hand() -> None:
    values = [[5.0, -1.0, 0.0], [1.0, -1.0, 2.0], [-100.0, 3.0, np.nan], [0.0, 0.0, -1.0]]
    assert combine(SignMajority(step=0.5), values) == [0.5, -0.5, 0.0]


@pytest.mark.parametrize(
    ("rule", "cohort", "path", "words"),
    [
        (Krum(num_malicious=4), 10, "num_malicious", ("2 f + 3", "11", "10")),
        (MultiKrum(num_malicious=4), 10, "num_malicious", ("2 f + 3", "11", "10")),
        (MultiKrum(num_malicious=2, num_selected=9), 10, "num_selected", ("at most 8", "9")),
        (Bulyan(num_malicious=2), 10, "num_malicious", ("4 f + 3", "11", "10")),
        (TrimmedMean(share=0.05), 10, "share", ("0.05", "10", "0.1")),
    ],
)
def test_impossible_sizes_are_told(rule: Aggregator, cohort: int, path: str, words: tuple[str, ...]) -> None:
    (problem,) = rule.check(cohort)
    assert problem.path == path
    assert all(word in problem.message for word in words)
    assert rule.check(1000) == []


def test_distances_keep_digits_where_float32_has_none() -> None:
    """Two clients a millionth apart, both of length one: float32 would find them equal or worse."""
    base = stream(5, "direction").standard_normal(500)
    base /= np.linalg.norm(base)
    step = np.zeros(500)
    step[7] = 1e-6
    distances = squared_distances(np.stack([base, base + step, base - 2 * step]))
    assert distances[0, 1] == pytest.approx(1e-12, rel=1e-3)
    assert distances[1, 2] == pytest.approx(9e-12, rel=1e-3)


def test_a_huge_row_costs_the_others_no_digit() -> None:
    values = stream(6, "rows").standard_normal((6, 50))
    clean = squared_distances(values)
    values[5] = 1e150
    assert np.array_equal(squared_distances(values)[:5, :5], clean[:5, :5])
