"""Columns of the ledger: put together or summed by group, they say the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.costs.columns import Column, Columns, sums_of

ADDED = st.lists(
    st.one_of(
        st.tuples(st.integers(0, 9), st.integers(1, 10), st.integers(0, 5)),
        st.tuples(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.just(0), st.integers(0, 5)),
    ),
    max_size=12,
)


@pytest.mark.slow
@given(ADDED)
def test_columns_and_their_sums_agree(added: list[tuple[int | list[int], int, int]]) -> None:
    """Runs of ten devices get one amount, or one each; the third of four groups is empty."""
    group_of = np.array([0, 0, 0, 1, 1, 1, 1, 3, 3, 3], dtype=np.int32)
    column, expected = Column(10), np.zeros(10)
    for where, length, amount in added:
        if isinstance(where, list):
            column.add(np.array(where), np.full(len(where), float(amount)))
            np.add.at(expected, where, amount)
        else:
            place = slice(where, min(10, where + length))
            column.add(place, np.array(float(amount)))
            expected[place] += amount
    columns = Columns({"time_s": [column, Column(10)]})
    np.testing.assert_array_equal(columns["time_s"], np.stack([expected, np.zeros(10)], axis=1))
    by_group = sums_of(columns, "time_s", group_of, 4)
    np.testing.assert_array_equal(by_group, sums_of(dict(columns), "time_s", group_of, 4))
    assert by_group.sum() == expected.sum()
