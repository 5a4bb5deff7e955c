"""The log, the chunks made from it, and the series that pages and API read."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.core.streams import stream
from tests.webapp.rows import add_batch, make_run, metrics
from webapp.experiments import chunks
from webapp.experiments.log import events_after
from webapp.experiments.models import MetricChunk, Run
from webapp.experiments.series import names_of, series
from webapp.teams.models import Team


@pytest.fixture
def run(db: None) -> Run:
    return make_run(Team.objects.create(slug="lab", name="Lab"))


@given(
    st.lists(
        st.tuples(st.integers(-(2**31), 2**31 - 1), st.floats(width=64, allow_nan=True, allow_infinity=False)),
        min_size=1,
    )
)
@example([(-(2**31), 0.0), (2**31 - 1, 1.0), (-1, 2.0)])
def test_a_chunk_gives_back_exactly_what_went_in(points: list[tuple[int, float]]) -> None:
    steps, values = [step for step, _ in points], [value for _, value in points]

    back_steps, back_values = chunks.decode(chunks.encode(steps, values), len(points))

    assert back_steps.tolist() == steps
    np.testing.assert_array_equal(back_values, values)


def test_a_point_of_a_long_series_costs_few_bytes() -> None:
    noise = stream(0, "noise").normal(size=1000)

    data = chunks.encode(range(1000), (1 / np.arange(1, 1001) + 0.01 * noise).tolist())

    assert len(data) < 9 * 1000  # random mantissas: 8 bytes a value, and next to nothing for the steps


def test_events_are_read_across_batches_from_any_place(run: Run) -> None:
    add_batch(run, [metrics(seq, seq, loss=1.0) for seq in (1, 2, 3)])
    add_batch(run, [metrics(seq, seq, loss=1.0) for seq in (4, 5)])

    assert [frame["seq"] for frame in events_after(run, 0)] == [1, 2, 3, 4, 5]
    assert [frame["seq"] for frame in events_after(run, 2, limit=2)] == [3, 4]
    assert events_after(run, 5) == []
    frame = events_after(run, 4)[0]
    assert set(frame) == {"seq", "kind", "at", "sim_time_s", "body"}
    assert frame["at"].endswith("Z")


def test_a_series_joins_chunks_and_the_rest_of_the_log(run: Run) -> None:
    points: dict[str, chunks.Points] = {}
    first = [metrics(seq, seq * 10, loss=1 / seq, accuracy=seq / 100) for seq in range(1, 8)]
    add_batch(run, first)
    chunks.collect(first, points)
    MetricChunk.objects.bulk_create(chunks.rows(run, points))
    add_batch(run, [metrics(8, 80, loss=0.5), metrics(9, 90, loss=None)])

    found = series(run)

    assert names_of(run) == ["accuracy", "loss"]
    assert found["loss"]["steps"] == [10, 20, 30, 40, 50, 60, 70, 80, 90]
    assert found["loss"]["values"] == [*(1 / seq for seq in range(1, 8)), 0.5, None]
    assert found["accuracy"]["num_points"] == 7
    assert set(series(run, ["loss"])) == {"loss"}


def test_an_unknown_name_is_an_empty_series(run: Run) -> None:
    assert series(run, ["nothing"]) == {"nothing": {"mode": "raw", "num_points": 0, "steps": [], "values": []}}


def test_an_envelope_contains_every_extreme(run: Run) -> None:
    values = stream(3, "values").normal(size=5000)
    values[1234], values[4321] = 99.0, -77.0
    add_batch(run, [metrics(seq + 1, seq, loss=float(value)) for seq, value in enumerate(values)])

    found = series(run, ["loss"], points=100)["loss"]

    assert found["mode"] == "envelope"
    assert found["num_points"] == 5000
    assert len(found["steps"]) == len(found["minimum"]) == len(found["maximum"]) == len(found["last"]) == 100
    edges = [0, *(step + 1 for step in found["steps"])]
    for start, end, low, high in zip(edges, edges[1:], found["minimum"], found["maximum"], strict=False):
        assert low == values[start:end].min()
        assert high == values[start:end].max()
    assert edges[-1] == 5000


def test_a_diverged_point_hides_no_neighbor(run: Run) -> None:
    values = [1.0, None, 3.0, 4.0, None, None]
    add_batch(run, [metrics(seq + 1, seq, loss=value) for seq, value in enumerate(values)])

    found = series(run, ["loss"], points=3)["loss"]

    assert found["minimum"] == [1.0, 3.0, None]
    assert found["maximum"] == [1.0, 4.0, None]


def test_chunk_headers_hold_what_lies_inside(run: Run) -> None:
    points: dict[str, chunks.Points] = {}
    chunks.collect([metrics(seq, seq, loss=math.sin(seq)) for seq in range(1, 2501)], points)

    rows = list(chunks.rows(run, points))

    assert [row.num_points for row in rows] == [1000, 1000, 500]
    assert [(row.step_first, row.step_last) for row in rows] == [(1, 1000), (1001, 2000), (2001, 2500)]
    assert rows[2].maximum == max(math.sin(step) for step in range(2001, 2501))
    assert rows[2].last == math.sin(2500)
