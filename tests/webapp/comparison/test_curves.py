"""Curves over seeds: means and bands by hand, on every axis, also while runs are still at work."""

import pytest

from tests.webapp.comparison.study import FEDAVG, finish, make_experiment, run_of, tell
from tests.webapp.people import People
from webapp.comparison.clients import heat_maps, limits, seeds_of
from webapp.comparison.curves import Curve, curves
from webapp.comparison.selection import Selection, select
from webapp.experiments import chunks
from webapp.experiments.log import events_after
from webapp.experiments.models import Experiment, MetricChunk, Run, RunState


def chosen(experiment: Experiment) -> Selection:
    return select(Experiment.objects.all(), Run.objects.all(), [str(experiment.pk)], [])


def curve(experiment: Experiment, metric: str = "accuracy", axis: str = "rounds", **options: int) -> Curve:
    (found,) = curves(chosen(experiment).entries, metric, axis, **options)
    return found


@pytest.fixture
def experiment(people: People) -> Experiment:
    """Two seeds: one measures every 10 s, the other every 15 s; both are done."""
    experiment = make_experiment(people.team, [FEDAVG], [0, 1])
    for seed, step_s, values in ((0, 10.0, (0.2, 0.4, 0.6)), (1, 15.0, (0.4, 0.6, 0.8))):
        run = run_of(experiment, 0, seed)
        points = []
        for place, value in enumerate(values, start=1):
            costs = {"time_s": step_s * place, "energy_j": 2 * place, "bytes_up": 10 * place, "bytes_down": 5 * place}
            points.append({"accuracy": value, **costs})
        tell(run, points)
        finish(run, {"accuracy": values[-1]})
    return experiment


def index(run: Run) -> None:
    """Put the run's points into chunks, as a worker does at the end."""
    points: dict[str, chunks.Points] = {}
    chunks.collect(events_after(run, limit=1000), points)
    MetricChunk.objects.bulk_create(chunks.rows(run, points))


def test_mean_and_band_by_round(experiment: Experiment) -> None:
    found = curve(experiment)
    assert found.x == [1, 2, 3]
    assert found.mean == pytest.approx([0.3, 0.5, 0.7])
    # Two values 0.2 apart: s = 0.1 * sqrt(2), standard error 0.1, t(1) = 12.7062.
    assert found.high[0] == pytest.approx(0.3 + 1.27062, abs=1e-5)
    assert found.low[2] == pytest.approx(0.7 - 1.27062, abs=1e-5)
    assert found.n == [2, 2, 2]


def test_over_time_each_seed_holds_its_last_measurement(experiment: Experiment) -> None:
    found = curve(experiment, axis="time")
    # At 10 s only seed 0 has measured; at 20 s seed 0 has 0.4, seed 1 still 0.4; from 30 s on seed 0 stays at 0.6.
    assert found.x == [10, 15, 20, 30, 45]
    assert found.mean == pytest.approx([0.2, 0.3, 0.4, 0.6, 0.7])
    assert found.n == [1, 2, 2, 2, 2]
    assert (found.low[0], found.high[0]) == (None, None)
    assert found.low[2] == pytest.approx(0.4)


def test_bytes_are_both_directions_and_joules_the_energy(experiment: Experiment) -> None:
    assert curve(experiment, axis="bytes").x == [15, 30, 45]
    assert curve(experiment, axis="joules").x == [2, 4, 6]


def test_a_run_at_work_leaves_the_mean_where_it_stands(experiment: Experiment) -> None:
    Run.objects.filter(seed=0).update(state=RunState.RUNNING)
    found = curve(experiment, axis="time")
    assert found.n == [1, 2, 2, 2, 1]
    assert found.mean[-1] == pytest.approx(0.8)


def test_the_index_and_the_log_give_the_same_points(experiment: Experiment) -> None:
    before = curve(experiment, axis="time")
    index(run_of(experiment, 0, 1))
    assert curve(experiment, axis="time") == before
    index(run_of(experiment, 0, 0))
    assert curve(experiment, axis="time") == before


def test_each_run_has_a_line_of_its_own(experiment: Experiment) -> None:
    found = curves(chosen(experiment).entries, "accuracy", "rounds", each=True)
    assert [(one.seed, one.mean) for one in found] == [(0, [0.2, 0.4, 0.6]), (1, [0.4, 0.6, 0.8])]


def test_thinning_keeps_both_ends_and_says_how_many_there_were(experiment: Experiment) -> None:
    found = curve(experiment, axis="time", points=2)
    assert (found.x, found.num_places) == ([10, 45], 5)
    assert found.mean == pytest.approx([0.2, 0.7])


def test_a_diverged_point_is_passed_over(people: People) -> None:
    experiment = make_experiment(people.team, [FEDAVG], [0])
    tell(run_of(experiment, 0, 0), [{"accuracy": 0.5}, {"accuracy": None}, {"accuracy": 0.7}])
    assert (curve(experiment).x, curve(experiment).mean) == ([1, 3], [0.5, 0.7])
    assert curve(experiment, metric="nothing").x == []


def test_many_runs_cost_no_more_queries_than_one(experiment: Experiment, django_assert_num_queries: object) -> None:
    entries = chosen(experiment).entries
    with django_assert_num_queries(2):  # type: ignore[operator]
        curves(entries, "accuracy", "time")


def test_client_maps_share_one_frame_and_one_scale(people: People) -> None:
    experiment = make_experiment(people.team, [FEDAVG, "{kind: fedmax}"], [0, 1])
    for cell, loss in ((0, 1.0), (1, 3.0)):
        bodies = [
            {"round": 1, "ids": [0, 2], "loss": [loss, 2 * loss], "time_s": [1.0, None], "num_samples": [5, 5]},
            {"round": 2, "ids": [2], "loss": [loss], "time_s": [4.0], "num_samples": [5]},
        ]
        tell(run_of(experiment, cell, 1), [{"accuracy": 0.5}], bodies)
    entries = chosen(experiment).entries
    assert seeds_of(entries) == [1]
    frame, (first, second) = heat_maps(entries, 1, "loss")
    assert (frame.first, frame.columns, frame.rows, frame.width, frame.height) == (1, 2, 3, 1, 1)
    assert first.cells == [(0, 0, 1.0), (2, 0, 2.0), (2, 1, 1.0)]
    assert limits([first, second]) == (1.0, 6.0)
    device = first.clients[1]
    assert (device.name, device.rounds, device.first, device.mean, device.last) == ("2", 2, 2.0, 1.5, 1.0)
    assert heat_maps(entries, 1, "time_s")[1][0].cells == [(0, 0, 1.0), (2, 1, 4.0)]


def test_large_fleets_and_long_runs_share_cells(people: People) -> None:
    experiment = make_experiment(people.team, [FEDAVG], [0])
    bodies = [{"round": number, "ids": [0, 599], "loss": [1.0, 3.0]} for number in range(1, 241)]
    tell(run_of(experiment, 0, 0), [], bodies)
    frame, (found,) = heat_maps(chosen(experiment).entries, 0, "loss")
    assert (frame.width, frame.height, frame.columns, frame.rows) == (2, 10, 120, 60)
    assert found.cells[0] == (0, 0, 1.0)
    assert found.cells[-1] == (59, 119, 3.0)
    assert [(one.name, one.rounds) for one in found.clients] == [("0 to 9", 240), ("590 to 599", 240)]
