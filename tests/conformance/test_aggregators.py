"""What every aggregator must keep, found through the registry: a new member needs no new line here."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.streams import stream
from engine.federated import aggregator as contract
from engine.federated.aggregator import Aggregator, Rows, aggregators

MEMBERS = list(aggregators.members().items())
every_member = pytest.mark.parametrize("member", [cls for _, cls in MEMBERS], ids=[kind for kind, _ in MEMBERS])
robust = pytest.mark.parametrize(
    "member", [cls for _, cls in MEMBERS if cls().tolerates(11)], ids=[k for k, cls in MEMBERS if cls().tolerates(11)]
)
NOT_EQUIVARIANT = {"fltrust", "norm_bound", "sign_majority"}
"""Members whose result depends on where zero lies: on lengths, angles or signs."""


def updates(count: int = 11, width: int = 40, *, dtype: Any = np.float32, seed: int = 0) -> np.ndarray:
    """Updates around a common direction, as those of clients with like data are."""
    draw = stream(seed, "updates")
    return (draw.standard_normal(width) + 0.3 * draw.standard_normal((count, width))).astype(dtype)


def rows(values: np.ndarray, weights: np.ndarray | None = None) -> Rows:
    """With a trusted update near the others and unequal weights."""
    trusted = updates(1, values.shape[1])[0].astype(values.dtype)
    return Rows(values, np.arange(1.0, len(values) + 1) if weights is None else weights, trusted)


@every_member
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_result_has_the_form_of_one_update(member: type[Aggregator], dtype: Any) -> None:
    given = rows(updates(dtype=dtype))
    before = given.values.copy()
    result = member().combine(given)
    assert result.shape == (40,)
    assert result.dtype == dtype
    assert np.isfinite(result).all()
    assert np.array_equal(given.values, before), "the rows are the caller's"


@every_member
def test_order_of_clients_does_not_matter(member: type[Aggregator]) -> None:
    """But for ties, which Bulyan meets by itself where it stands less than three: mutual neighbors score the same."""
    rule = member.model_validate({"num_malicious": 3} if member().kind == "bulyan" else {})
    given = rows(updates(15, dtype=np.float64))
    turned = stream(1, "order").permutation(15)
    again = Rows(given.values[turned], given.weights[turned], given.trusted)
    assert np.allclose(rule.combine(given), rule.combine(again), atol=1e-12, rtol=0)


@every_member
def test_what_all_send_is_the_result(member: type[Aggregator]) -> None:
    one = updates(1, dtype=np.float64)
    result = member().combine(Rows(np.repeat(one, 11, axis=0), np.ones(11), one[0]))
    expected = {"norm_bound": one[0] / np.linalg.norm(one), "sign_majority": 0.01 * np.sign(one[0])}
    assert np.allclose(result, expected.get(member().kind, one[0]), atol=1e-12, rtol=0)


@every_member
def test_moves_with_the_updates(member: type[Aggregator]) -> None:
    if member().kind in NOT_EQUIVARIANT:
        pytest.skip("depends on where zero lies")
    given = rows(updates(dtype=np.float64))
    by = stream(2, "shift").standard_normal(40)
    moved = member().combine(Rows(given.values + by, given.weights))
    assert np.allclose(moved, member().combine(given) + by, atol=1e-12, rtol=0)


@every_member
def test_columns_at_a_time_change_nothing(member: type[Aggregator], monkeypatch: pytest.MonkeyPatch) -> None:
    given = rows(updates())
    whole = member().combine(given)
    monkeypatch.setattr(contract, "CHUNK_BYTES", 8 * 11 * 7)
    assert np.allclose(member().combine(given), whole, atol=1e-6, rtol=0)


@every_member
def test_zero_where_nobody_learned(member: type[Aggregator]) -> None:
    nothing = np.zeros((11, 5), dtype=np.float32)
    assert not member().combine(Rows(nothing, np.ones(11), nothing[0])).any()


@every_member
def test_default_fits_a_default_cohort(member: type[Aggregator]) -> None:
    assert member().check(10) == []
    assert member().least_updates <= 10


@robust
@pytest.mark.parametrize("value", [1e30, -1e30, np.inf, np.nan])
def test_arbitrary_rows_cannot_leave_the_range_of_the_others(member: type[Aggregator], value: float) -> None:
    """Breakdown: as many rows as the rule says it tolerates, wherever they stand."""
    honest = updates()
    for places in ([0], [10], [3, 4]):
        bad = places[: member().tolerates(11)]
        values = honest.copy()
        values[bad] = value
        good = np.delete(values, bad, axis=0)
        with np.errstate(all="raise", under="ignore"):
            result = member().combine(rows(values))
        assert (result >= good.min(axis=0)).all()
        assert (result <= good.max(axis=0)).all()


@pytest.mark.slow
@robust
@given(data=st.data())
def test_no_attack_leaves_the_range_of_the_others(member: type[Aggregator], data: Any) -> None:
    """The same with attackers that hide: any finite values, at any places, in any number up to what is tolerated."""
    rule = member()
    number = data.draw(st.integers(0, rule.tolerates(11)))
    places = data.draw(st.permutations(range(11)))[:number]
    values = updates(width=3, seed=data.draw(st.integers(0, 20)))
    near = st.floats(-3, 3, width=32) | st.floats(width=32, allow_nan=False, allow_infinity=False)
    for place in places:
        values[place] = data.draw(st.tuples(near, near, near))
    good = np.delete(values, places, axis=0)
    result = rule.combine(rows(values))
    slack = 1e-6 * (1 + np.abs(good).max())
    if rule.kind in {"krum", "multi_krum"}:
        # their promise is one of distance, not of coordinates: an attacker may be chosen only if it lies near
        assert np.linalg.norm(result - good.mean(axis=0)) <= 3 * np.linalg.norm(np.ptp(good, axis=0)) + slack
        return
    assert (result >= good.min(axis=0) - slack).all()
    assert (result <= good.max(axis=0) + slack).all()


def test_the_linear_one_is_the_weighted_mean() -> None:
    linear = [kind for kind, cls in MEMBERS if cls.is_linear]
    assert linear == ["mean"]
    given = rows(updates(dtype=np.float64))
    expected = np.average(given.values, axis=0, weights=given.weights)
    assert np.allclose(aggregators["mean"]().combine(given), expected, atol=1e-12, rtol=0)


@every_member
def test_equation_is_one_line(member: type[Aggregator]) -> None:
    assert len(member.equation) <= 100
    assert "\n" not in member.equation
