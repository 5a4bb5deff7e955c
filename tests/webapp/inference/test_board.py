"""What the page of a distributed inference reads out of its log, and how plans and filters are drawn."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from django.test import Client

from engine.inference.requests.queueing import Stream
from engine.inference.telling import MOMENTS, PERCENTS, told_stream
from engine.specs.context import make_context
from engine.specs.text import parse
from tests.webapp.inference.told import events, events_with_exits
from tests.webapp.people import People
from tests.webapp.rows import add_batch, make_run
from webapp.experiments.models import Run, RunState
from webapp.inference.beside import FIGURES, beside
from webapp.inference.board import Board, board_of
from webapp.inference.exits import exits_of
from webapp.inference.filters import HEIGHT, WIDTH, filters_of
from webapp.inference.pages import kpis, plan_data, results, verdict
from webapp.inference.planview import view_of
from webapp.inference.tables import compared, resources, times
from webapp.inference.ways import pairs_of, ways_of

SignIn = Callable[[str], Client]

TEXT = """\
version: 1
name: Split
seeds: [0]
fleet: {groups: [{name: camera, count: 1}, {name: boards, count: 3}]}
task:
  kind: inference
  dataset: {kind: digits}
  teacher: {kind: train, model: {kind: mlp, hidden: [8]}}
"""


def tell_run(people: People, state: RunState = RunState.DONE, until: int | None = None) -> Run:
    """A run with its log, or the beginning of it."""
    run, frames = make_run(people.team, state, text=TEXT), events()[:until]
    if frames:
        add_batch(run, frames)
    return run


def test_the_log_becomes_plans_losses_filters_and_requests(people: People) -> None:
    board = board_of(tell_run(people))
    assert list(board.plans) == ["teacher", "chosen"]
    assert board.plan is not None
    assert board.devices == {0, 1, 2, 3}, "of plans, losses and those that stand by"
    assert (board.reached, board.values["accuracy"]) == (14, 0.9)
    early = board_of(tell_run(people, RunState.RUNNING, until=5))
    assert [(stage.name, stage.state) for stage in early.stages][:3] == [
        ("plan", "done"), ("teacher", "running"), ("comparison", "waiting"),
    ]  # fmt: skip


def test_plans_stand_beside_the_teacher(people: People) -> None:
    chosen, teacher = compared(board_of(tell_run(people)))
    assert (chosen.row["name"], teacher.row["name"]) == ("chosen", "teacher")
    assert chosen.points == pytest.approx(-0.05)
    assert chosen.times["peak_memory_bytes"] == "4× less"
    assert chosen.times["latency_s"] == "as the teacher"
    assert (teacher.points, teacher.times) == (None, {})
    assert times(0.5, "faster") == "2× slower"


def test_the_sentence_says_what_is_won_and_what_a_loss_takes(people: People) -> None:
    said = verdict(board_of(tell_run(people)))
    assert "on 2 devices, with 4 times less memory and 1.50 times less work" in said
    assert "When one device is lost, 0.0\u202f% at worst and 30.0\u202f% on average." in said
    assert verdict(Board()) == ""


def test_key_figures_are_those_of_the_plan(people: People) -> None:
    found = {kpi.name: (kpi.number, kpi.unit, kpi.spread) for kpi in kpis(board_of(tell_run(people)))}
    assert found["latency_s"] == ("50", "ms", "99th percentile 200\u202fms")
    assert found["peak_memory_bytes"][:2] == ("400", "B")
    assert found["worst_accuracy"] == ("0.0", "%", "worst loss of up to 1 device")
    assert {kpi.number for kpi in kpis(Board())} == {"–"}


def test_only_what_was_computed_is_sent_of_losses(people: People) -> None:
    board = board_of(tell_run(people))
    sent = plan_data(board, {})
    assert [row["devices"] for row in sent["failures"]["losses"]] == [[], [1], [2]]
    assert list(sent["titles"]) == ["chosen", "teacher"], "the plan that is carried out comes first"
    assert plan_data(Board(), {})["failures"] == {}


def test_exits_say_what_leaving_early_saves(people: People, client_of: SignIn) -> None:
    run = make_run(people.team, RunState.DONE, text=TEXT)
    add_batch(run, events_with_exits())
    board = board_of(run)
    found = exits_of(board)
    assert found is not None
    assert [(one.title, one.rate, one.accuracy) for one in found.exits] == [
        ("exit 0", 0.6, 0.8),
        ("the end", 0.4, 0.95),
    ]
    # By hand: 0.6 x 10 ms + 0.4 x 40 ms = 22 ms of 40 ms; 0.6 x 6 J + 0.4 x 4 J = 5.2 J of 4 J.
    assert found.savings == "comes 45.0\u202f% sooner and takes 30.0\u202f% more energy"
    assert replace(found, saved_energy=None).savings == "comes 45.0\u202f% sooner"
    assert replace(found, saved_latency=None).savings == "takes 30.0\u202f% more energy"
    assert replace(found, saved_latency=None, saved_energy=None).savings == ""
    curve = plan_data(board, {})["exits"]
    assert curve["rates"] == [[0.0, 0.75, 1.0], [1.0, 0.25, 0.0]]
    assert curve["saved_latency"] == pytest.approx([0.0, 0.75 * 0.75, 0.75])
    assert curve["saved_energy"] == pytest.approx([0.0, -0.375, -0.5])
    page = client_of("viewer").get(f"/runs/{run.pk}/").content.decode()
    assert (
        "is at most 0.3. Together they are right on 92.0\u202f%. On average an answer comes 45.0\u202f% sooner" in page
    )


def test_of_exits_only_what_the_run_has_told_is_shown(people: People, client_of: SignIn) -> None:
    before = make_run(people.team, RunState.RUNNING, text=TEXT)
    add_batch(before, events_with_exits()[:1])
    assert "once the exits are measured" in client_of("viewer").get(f"/runs/{before.pk}/").content.decode()
    older = make_run(people.team, RunState.DONE, text=TEXT)
    add_batch(older, events_with_exits()[:3])
    found = exits_of(board_of(older))
    assert found is not None
    assert (found.saved_latency, found.exits[0].latency_s) == (None, None)
    page = client_of("viewer").get(f"/runs/{older.pk}/").content.decode()
    assert "On average an answer comes" not in page
    assert exits_of(board_of(tell_run(people))) is None


def test_resources_have_names_that_people_know(people: People) -> None:
    rows = resources(board_of(tell_run(people)), {"0": "camera", "1": "boards 1"})
    assert rows == [
        ("boards 1", 0.9), ("link from camera to server", 0.2), ("link from camera to server, message 2", 0.1),
    ]  # fmt: skip


def test_filters_of_a_student_stand_together(people: People) -> None:
    drawing = filters_of(board_of(tell_run(people)))
    assert drawing is not None
    places = {dot.number: (dot.x, dot.y) for dot in drawing.dots}
    assert len(set(places.values())) == 4
    assert np.hypot(*np.subtract(places[0], places[1])) < np.hypot(*np.subtract(places[0], places[2]))
    assert all(0 < dot.x < WIDTH and 0 < dot.y < HEIGHT for dot in drawing.dots)
    assert [dot.color for dot in sorted(drawing.dots, key=lambda dot: dot.number)] == [1, 1, 2, 0]
    assert [tie.color for tie in drawing.ties] == [0, 1], "links between students lie below"
    assert drawing.classes[1] == ("dog", [(0.6, 5), (0.3, 3)])
    assert drawing.listed[3]["student"] == "nobody"
    assert filters_of(Board()) is None


@pytest.mark.parametrize("topology", ["{kind: star}", "{kind: mesh}", "{kind: hierarchical, gateways: 2}"])
def test_ways_lead_from_sender_to_receiver_over_drawn_connections(topology: str) -> None:
    spec = parse(TEXT + f"network: {{topology: {topology}}}\n")
    context = make_context(spec, 0)
    drawn = {(edge.lower, edge.upper) for edge in context.network.edges()}
    ways = ways_of(context.network, pairs_of(range(4)))
    assert len(ways) == 12
    for (sender, receiver), way in ways.items():
        assert set(way) <= drawn
        reached = {sender}
        for _ in way:
            reached |= {node for edge in way for node in edge if set(edge) & reached}
        assert receiver in reached
        assert len(way) == len(set(way)), "no connection is named twice"


def test_a_view_names_devices_and_the_memory_that_they_have() -> None:
    spec = parse(TEXT)
    context = make_context(spec, 0)
    view = view_of(context.fleet, spec.network.topology, context.network, [0, 2])
    devices = view["places"]["devices"]
    assert {number: row["title"] for number, row in devices.items()} == {"0": "camera", "2": "boards 2"}
    assert devices["0"]["memory"] == context.fleet.device(0).ram_bytes.value
    assert set(view["places"]["ways"]) == {"0 2", "2 0"}


def test_a_stream_is_told_by_quantiles_and_by_what_is_under_way() -> None:
    arrival = np.arange(10.0)
    told: Any = told_stream(Stream(arrival, arrival + 2.5, np.array([5.0, 10.0])), ("a", "b"))
    assert told["num_seconds"] == 11.5
    assert told["seconds"] == [2.5] * len(PERCENTS)
    under_way = told["under_way"]
    assert len(under_way) == MOMENTS
    assert (under_way[0], max(under_way), under_way[-1]) == (1, 3, 0)
    assert [row["name"] for row in told["resources"]] == ["b", "a"]
    assert all(one < other for one, other in pairwise(told["moments"]))


def test_plans_of_settings_stand_beside_each_other_over_seeds(people: People) -> None:
    runs = [tell_run(people) for _ in range(2)]
    for run, accuracy in zip(runs, (0.8, 0.9), strict=True):
        baselines = {"teacher": {"title": "The teacher", "accuracy": 0.95}}
        run.result = {"metrics": {"accuracy": accuracy, "macs": 5}, "baselines": baselines}
    ours, teacher = beside([("All runs", runs), ("Nothing yet", [None])])["plans_beside"]
    assert (ours.title, ours.cells[0].mean, ours.is_ours) == ("Plan", pytest.approx(0.85), True)
    assert ours.cells[0].low < 0.8
    assert (teacher.title, teacher.cells[0].mean) == ("The teacher", 0.95)
    assert len(ours.cells) == len(FIGURES)
    assert beside([("x", [])])["plans_beside"] == []


@pytest.mark.parametrize(
    ("state", "until", "words", "without"),
    [
        (RunState.QUEUED, 0, ["as soon as the plan is made", "once the network is measured"], ["Filters of", "Lost"]),
        (RunState.RUNNING, 5, ["data-plan-view", "choose-plan", "step 5 of 10"], ["Filters of", "What requests"]),
        (RunState.FAILED, 1, ["ended before a plan was made", "ended before its plans"], ["Filters of"]),
        (RunState.DONE, None, ["Filters of the teacher", "What requests wait for", "there is no answer: boards 2"], []),
    ],
)
def test_every_state_has_a_whole_page(
    people: People, client_of: SignIn, state: RunState, until: int | None, words: list[str], without: list[str]
) -> None:
    run = tell_run(people, state, until)
    client = client_of("viewer")
    page = client.get(f"/runs/{run.pk}/").content.decode()
    part = client.get(f"/runs/{run.pk}/?part=results").content.decode()
    for word in words:
        assert word in page, word
        assert word in part, word
    for word in without:
        assert word not in part, word
    assert results(run)["is_waiting"] == (state in {RunState.QUEUED, RunState.RUNNING})
