"""Statistics against published and hand-calculated values."""

import math

import pytest

from engine.runs.statistics import compare, sign_flip, spread

SLEEP = (1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4)
"""Additional hours of sleep, the differences of Student (1908), section IX: mean 1.58, standard deviation 1.23."""

DARWIN = (49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48)
"""Darwin's maize, eighths of an inch, as Fisher (1935) has them: sum 314; 863 of 16384 patterns of one sign
reach it, as Fisher counted; two-sided 1726 of 32768."""


def test_student_s_own_example() -> None:
    found = spread(SLEEP)
    assert found.mean == pytest.approx(1.58)
    assert found.std == pytest.approx(1.2299955, abs=1e-6)  # n - 1 = 9: sum of squares 13.616
    assert found.ci95 is not None
    half = 2.262157 * 1.2299955 / math.sqrt(10)  # t of 9 degrees at 0.975, from any table
    assert found.ci95 == pytest.approx((1.58 - half, 1.58 + half), abs=1e-5)
    assert compare(SLEEP, [0.0] * 10).p_t == pytest.approx(0.00283289, abs=1e-7)  # R: t.test(sleep, paired)


def test_fisher_s_own_example() -> None:
    assert sign_flip(DARWIN) == pytest.approx(1726 / 32768, abs=1e-12)
    found = compare(DARWIN, [0.0] * 15)
    assert found.p_t == pytest.approx(0.0497, abs=5e-5)  # Fisher: t = 2.148 with 14 degrees
    assert found.effect_size == pytest.approx(2.148 / math.sqrt(15), abs=1e-3)


def test_one_run_has_no_interval() -> None:
    found = spread([0.97])
    assert (found.mean, found.std, found.ci95) == (0.97, None, None)
    pair = compare([0.97], [0.95])
    assert (pair.p_t, pair.p_sign_flip, pair.effect_size) == (None, None, None)
    assert pair.difference.mean == pytest.approx(0.02)


def test_two_runs_have_a_wide_one() -> None:
    found = spread([1.0, 3.0])
    assert found.ci95 == pytest.approx((2 - 12.706205, 2 + 12.706205), abs=1e-5)  # t of one degree


@pytest.mark.parametrize(("pairs", "least"), [(3, 0.25), (5, 0.0625), (6, 0.03125)])
def test_sign_flips_cannot_say_more_than_the_number_of_pairs_allows(pairs: int, least: float) -> None:
    assert sign_flip([0.1] * pairs) == least


def test_equal_methods_are_not_told_apart() -> None:
    found = compare([0.5, 0.6, 0.7], [0.5, 0.6, 0.7])
    assert (found.difference.mean, found.p_t, found.p_sign_flip, found.effect_size) == (0.0, 1.0, 1.0, None)


def test_many_pairs_are_sampled_and_agree_with_the_exact_test() -> None:
    assert sign_flip([*DARWIN, 0.0, 0.0]) == pytest.approx(1726 / 32768, rel=0.05)
    assert sign_flip([*DARWIN, 0.0, 0.0]) == sign_flip([*DARWIN, 0.0, 0.0])


def test_what_has_no_meaning_is_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        spread([])
    with pytest.raises(ValueError, match="equally many"):
        compare([1.0], [1.0, 2.0])
