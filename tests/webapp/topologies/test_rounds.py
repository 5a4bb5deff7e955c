"""A round of a run as its picture and tables show it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.test import Client

from tests.webapp.finished import round_frames, tell
from tests.webapp.people import People
from tests.webapp.rows import TEXT, make_run
from webapp.experiments.models import Run, RunState
from webapp.sharing.services import share
from webapp.topologies.events import round_events
from webapp.topologies.rounds import round_of
from webapp.topologies.worlds import place_of

SignIn = Callable[[str], Client]

LARGE = TEXT.replace(
    "{groups: [{name: boards, device: rpi_4b_4gb, count: 6}]}",
    "{groups: [{name: boards, count: 300}, {name: phones, count: 100}]}",
)


def log(*parts: Any) -> list[Any]:
    """Rounds with lines of the log between them, numbered through."""
    frames: list[Any] = []
    for part in parts:
        if isinstance(part, str):
            body = {"level": "info", "message": part}
            frames.append({"seq": len(frames) + 1, "kind": "log", "sim_time_s": 0.0, "body": body})
        else:
            number, clients, more = part
            frames += round_frames(len(frames) + 1, number, clients, **more)
    return frames


@pytest.fixture
def told(people: People) -> Run:
    run = make_run(people.team, RunState.RUNNING)
    dropped = [{"id": 2, "reason": "no samples"}]
    more = {"dropped": dropped, "absent": {"markov": [[0, 0], [4, 5]]}, "num_absent": 3}
    tell(run, log((1, [0, 3], {}), (2, [1, 3], more)))
    return run


def test_states_reasons_and_bytes(told: Run) -> None:
    found = round_of(told, 2)
    assert found is not None
    assert (found["round"], found["num_rounds"], found["round_time_s"], found["slowest"]) == (2, 2, 10.0, 3)
    assert found["counts"] == {"took part": 2, "dropped": 1, "away": 3, "not sampled": 0}
    said = {node["device"]: (node["state"], node["reason"]) for node in found["nodes"]}
    assert said == {
        0: ("away", "failed"), 1: ("took part", ""), 2: ("dropped", "no samples"), 3: ("took part", ""),
        4: ("away", "failed"), 5: ("away", "failed"),
    }  # fmt: skip
    ready = {node["device"]: (node["num_samples"], node["loss"], node["ready_s"]) for node in found["nodes"]}
    assert (ready[1], ready[3], ready[4]) == ((41, 0.5, 2.0), (43, 0.5, 4.0), (None, None, None))
    edges = {(edge["lower"], edge["upper"]): edge for edge in found["edges"]}
    assert set(edges) == {("1", "-2"), ("3", "-2"), ("-2", "-1")}  # two devices, the hub, the server
    for device in ("1", "3"):
        edge = edges[device, "-2"]
        assert (edge["start"], edge["end"]) == (f"device {device}", "gateway 0")
        assert 2000 < edge["up_bytes"] < 2300
        assert 1000 < edge["down_bytes"] < 1200
        assert 0 < edge["busy"] < 1
    # the backhaul has frames of its own
    assert 4000 < edges["-2", "-1"]["up_bytes"] < 4600


def test_rounds_that_are_not_there(told: Run) -> None:
    for number in (0, 3, 10**9):
        assert round_of(told, number) is None
    assert round_of(make_run(told.team, RunState.QUEUED), 1) is None


def test_an_older_log_has_only_the_sizes_of_the_beginning(people: People) -> None:
    run = make_run(people.team)
    facts = {"message_bytes_down": 1000, "message_bytes_up": 2000}
    frames = log("first", (1, [1, 3], {}))
    frames[0] = {"seq": 1, "kind": "started", "sim_time_s": 0.0, "body": facts}
    del frames[1]["body"]["message_bytes"]
    tell(run, frames)
    found = round_of(run, 1)
    assert found is not None
    assert 2000 < found["edges"][0]["up_bytes"] < 2300 or 4000 < found["edges"][0]["up_bytes"] < 4600
    assert found["counts"]["not sampled"] == 4


@pytest.mark.parametrize("seed", range(6))
def test_any_cut_of_the_log_gives_every_round(people: People, seed: int) -> None:
    draw = np.random.default_rng(seed)
    parts: list[Any] = ["start"]
    for number in range(1, 41):
        parts += [f"line {line}" for line in range(int(draw.integers(0, 4)))]
        parts.append((number, sorted(draw.choice(6, 2, replace=False).tolist()), {}))
    frames = log(*parts)
    run = make_run(people.team)
    tell(run, frames, cuts=sorted(draw.choice(np.arange(1, len(frames)), 25, replace=False).tolist()))
    expected = {frame["body"]["round"]: frame["body"] for frame in frames if frame["kind"] == "cohort"}
    for number in (1, 2, 17, 39, 40, *draw.integers(1, 41, 5).tolist()):
        found = round_events(run, number)
        assert found["cohort"] == expected[number]
        assert {found[kind]["round"] for kind in ("cohort", "metrics", "clients")} == {number}
    assert round_events(run, 41) == {}


@pytest.mark.parametrize(
    ("network", "nodes", "edges"),
    [
        # boards and phones around a hub, and the server behind it
        ("", 2, {("0", "2"), ("1", "2"), ("2", "-1")}),
        ("network: {topology: {kind: hierarchical, gateways: 3}, backhaul: eth1g}\n", None, None),
        (
            "network: {topology: {kind: hierarchical, gateways: 90}, backhaul: eth1g}\n",
            2,
            {("0", "2"), ("1", "2"), ("2", "-1")},
        ),
        ("network: {topology: {kind: hierarchical, gateways: 4, levels: [{count: 2, link: eth1g}]}}\n", None, None),
        (
            "network: {topology: {kind: hierarchical, gateways: 40, levels: [{count: 20, link: eth1g}]}}\n",
            2,
            {("0", "3"), ("1", "3"), ("3", "2"), ("2", "-1")},
        ),
        ("network: {topology: {kind: star}, backhaul: null}\n", 2, {("0", "-1"), ("1", "-1")}),
        ("network: {topology: {kind: ring}}\n", None, None),
        ("network: {topology: {kind: tree}}\n", None, None),
    ],
)
def test_many_devices_stand_together(
    people: People, network: str, nodes: int | None, edges: set[tuple[str, str]] | None
) -> None:
    run = make_run(people.team, RunState.RUNNING, text=LARGE + network)
    away = {"absent": {"markov": [[0, 29], [390, 399]]}, "num_absent": 40}
    tell(run, log((1, [30, 31, 299, 300, 301], away)))
    found = round_of(run, 1)
    assert found is not None
    assert found["gathered"]
    assert found["counts"] == {"took part": 5, "dropped": 0, "away": 40, "not sampled": 355}
    for name, total in (("count", 400), ("took_part", 5), ("away", 40), ("not_sampled", 355)):
        assert sum(node[name] for node in found["nodes"]) == total
    of_boards = [node for node in found["nodes"] if node["title"].startswith("boards")]
    assert (sum(node["took_part"] for node in of_boards), sum(node["away"] for node in of_boards)) == (3, 30)
    drawn = {(str(low), str(high)) for low, high in place_of(run).gathering.edges}  # type: ignore[union-attr]
    there = {(edge["lower"], edge["upper"]) for edge in found["edges"]}
    assert all((low, high) in drawn or (high, low) in drawn for low, high in there), (there, drawn)
    into_server = sum(edge["up_bytes"] for edge in found["edges"] if edge["upper"] == "-1")
    assert 5 * 2000 < into_server < 5 * 2600
    if nodes is not None:
        assert len(found["nodes"]) == nodes
        assert there == edges


def test_the_page_draws_it_for_members_and_guests(client_of: SignIn, people: People, told: Run) -> None:
    html = client_of("viewer").get(f"/runs/{told.pk}/").content.decode()
    assert f'"place": "/api/v1/runs/{told.pk}/rounds/"' in html
    assert '"last": 2' in html
    assert html.count('data-node="') == 7  # six devices and the hub
    _, secret = share(told.cell.experiment, people["editor"], "runs")
    guest = Client()
    html = guest.get(f"/shared/{secret}/runs/{told.pk}/").content.decode()
    assert f'"place": "/shared/{secret}/runs/{told.pk}/rounds/"' in html
    assert "what-if" not in html
    found = guest.get(f"/shared/{secret}/runs/{told.pk}/rounds/2").json()
    assert found["counts"]["took part"] == 2
    assert guest.get(f"/shared/{secret}/runs/{told.pk}/rounds/3").status_code == 404
    _, summary = share(told.cell.experiment, people["editor"], "summary")
    assert guest.get(f"/shared/{summary}/runs/{told.pk}/rounds/2").status_code == 404


def test_a_large_fleet_is_drawn_in_circles(client_of: SignIn, people: People) -> None:
    run = make_run(people.team, RunState.RUNNING, text=LARGE)
    html = client_of("viewer").get(f"/runs/{run.pk}/").content.decode()
    assert html.count("data-taking=") == 2
    assert "400 devices (300 boards, 100 phones), gathered" in html


def test_a_run_of_an_older_schema_keeps_its_page(client_of: SignIn, people: People, told: Run) -> None:
    told.cell.document = {"task": {"kind": "gone"}}
    told.cell.digest = "f" * 64
    told.cell.save()
    html = client_of("viewer").get(f"/runs/{told.pk}/").content.decode()
    assert "made under an older schema" in html
    assert client_of("viewer").get(f"/api/v1/runs/{told.pk}/rounds/2").status_code == 422
