"""The page that says where time, energy and bytes of a run went."""

import re
from collections.abc import Callable

import pytest
from django.test import Client

from tests.webapp.finished import finish
from tests.webapp.people import People
from tests.webapp.rows import TEXT, make_run
from webapp.experiments.models import RunState
from webapp.recosting.terms import bars_of, recalled_words, terms_of
from webapp.recosting.utilization import charts_of, table_of

SignIn = Callable[[str], Client]


def row(group: str, phase: str, time_s: float, energy_j: float, recalled: float = 0.0) -> dict[str, object]:
    """A row of a sheet of which a share is recalled."""
    return {
        "group": group, "phase": phase, "time_s": time_s, "energy_j": energy_j, "bytes_up": 0.0, "bytes_down": 0.0,
        "recalled_time_s": recalled * time_s, "recalled_energy_j": recalled * energy_j,
    }  # fmt: skip


SHEET = {
    "groups": [
        row("a", "compute", 6, 30),
        row("a", "queue", 2, 5, 1.0),
        row("b", "upload", 4, 10, 0.5),
        row("b", "idle", 1, 5),
    ]
}


def test_bars_share_one_scale_and_name_every_term() -> None:
    first, second = bars_of(SHEET)
    assert (first.time_s, first.energy_j, second.time_s, second.energy_j) == (8, 35, 5, 15)
    assert [(part.x, part.width) for part in first.time] == [(0, 75), (75, 25)]
    assert [(part.x, part.width) for part in second.time] == [(0, 50), (50, 12.5)]
    assert [part.said.split("\u202f")[0] for part in first.energy] == ["compute 30", "in line 5"]
    assert [(term.group, term.word, term.recalled) for term in terms_of(SHEET)] == [
        ("a", "compute", 0), ("a", "in line", 1), ("b", "upload", 0.5), ("b", "wait", 0),
    ]  # fmt: skip


def test_recalled_figures_in_words() -> None:
    # of 12 busy seconds 2 + 2 are recalled, of 50 joules 5 + 5
    words = recalled_words(SHEET).replace("\u202f", " ")
    assert words.startswith("33.3 % of the busy time and 20.0 % of the energy rest on figures that were recalled")
    assert re.search(r"of that energy 50.0 % is (a: in line|b: upload)", words)
    assert recalled_words({"groups": []}) == "Nothing was spent."


def test_courses_are_drawn_and_told() -> None:
    link = {
        "num_connections": 2, "payload_bytes": [80.0, 0.0], "wire_bytes": [100.0, 0.0], "up_bytes": [0.0, 50.0, 100.0],
        "down_bytes": [0.0, 0.0, 0.0], "busiest": [0.0, 0.2, 0.4],
    }  # fmt: skip
    sheet = {"num_rounds": 5, "first": [1, 2, 4], "links": [link, link | {"num_connections": 0}]}
    (chart,) = charts_of(sheet)
    assert chart.top == 0.5
    assert chart.overhead == pytest.approx(0.25)
    assert chart.up == "M0.0 64.0L300.0 33.0L600.0 2.0"
    assert [part[:2] for part in chart.parts] == [(0, 80), (80, 20), (100, 0), (100, 0)]
    assert [name for name, _ in table_of(sheet)] == ["1", "2–3", "4–5"]
    assert table_of(sheet)[2][1] == [(100.0, 0.0, 0.4)]


@pytest.mark.parametrize("topology", ["star, one_room: true", "hierarchical, gateways: 2", "ring"])
def test_a_finished_run_tells_where_everything_went(client_of: SignIn, people: People, topology: str) -> None:
    run = make_run(people.team, text=f"{TEXT}network: {{topology: {{kind: {topology}}}}}\n")
    finish(run)
    html = client_of("viewer").get(f"/runs/{run.pk}/costs").content.decode()
    assert "Time and energy by term" in html
    assert "rest on figures that were recalled" in html
    assert "Links by round" in html
    assert html.count("link-chart") >= 2
    assert f"/runs/{run.pk}/costs" in client_of("viewer").get(f"/runs/{run.pk}/").content.decode()


def test_before_the_end_it_says_so(client_of: SignIn, people: People) -> None:
    run = make_run(people.team, RunState.RUNNING)
    assert "this one is running" in client_of("viewer").get(f"/runs/{run.pk}/costs").content.decode()
    assert f"/runs/{run.pk}/costs" not in client_of("viewer").get(f"/runs/{run.pk}/").content.decode()
    assert client_of("stranger").get(f"/runs/{run.pk}/costs").status_code == 404
