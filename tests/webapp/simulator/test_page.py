"""The page "How good is the simulator?"."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from engine.emulation.results import FORMAT, local_file, write
from engine.emulation.scores import errors, measured, summary
from webapp.simulator import validations
from webapp.simulator.chart import SIZE, chart_of

SignIn = Callable[[str], Client]


def row(name: str, *, seconds: float, predicted: float, loss: str = "none", **more: Any) -> dict[str, Any]:
    """A scenario that took so long."""
    found = measured([seconds] * 10)
    told = {
        "closed_s": 2 * predicted,
        "monte_carlo_s": predicted,
        "naive_s": predicted / 2,
        "monte_carlo_p95_s": predicted,
    }
    return {
        "id": name,
        "title": f"Link {name}",
        "held_out": False,
        "transport": "tcp",
        "workload": {"kind": "bulk", "size": 128_000, "devices": 1},
        "loss": 0.0,
        "loss_class": loss,
        "unstable": False,
        "invalid": [],
        "predicted": told,
        "measured": found,
        "errors": errors(found, told),
        **more,
    }


def result(rows: list[dict[str, Any]]) -> dict[str, Any]:
    host = {"processors": 2, "system": "Linux", "kernel": "6.1"}
    facts = {"format": FORMAT, "at": "2030-01-02T03:04:05+00:00", "seconds": 60.0, "fabric": "tun", "host": host}
    return {**facts, "rows": rows, "summary": summary(rows)}


ROWS = [
    row("a", seconds=0.1, predicted=0.104),
    row("b", seconds=0.2, predicted=0.2, loss="low", held_out=True),
    row("c", seconds=0.2, predicted=0.5, loss="high", unstable=True),
    row("d", seconds=0.2, predicted=0.5, invalid=["packets were late"], measured=None),
]


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the published result is looked for, and an empty folder of the platform."""
    monkeypatch.setenv("EDGELOOM_HOME", str(tmp_path / "home"))
    place = tmp_path / "published.json"
    monkeypatch.setattr(validations, "committed_file", lambda: place)
    return place


def test_figures_scenarios_and_what_is_not_covered(client_of: SignIn, published: Path) -> None:
    write(result(ROWS), published)
    html = client_of("viewer").get("/simulator/").content.decode()
    text = re.sub(r"<[^>]+>", " ", html).replace("\u202f", " ").replace("\u2009", " ")
    assert "Published with the platform" in text
    assert "Measured on this machine" not in text
    assert "2 of 4 scenarios counted" in text
    assert re.search(r"No loss|no loss", text)
    assert re.search(r"4\.0+\s*%", text), "the error of the one counted scenario without loss"
    assert "not counted: unstable: several lossy hops" in text
    assert "not counted: packets were late" in text
    assert "nothing was measured in time" in text
    assert "Energy" in text
    assert html.count('<path class="mark monte_carlo"') >= 3


def test_a_validation_of_this_machine_stands_beside_it(client_of: SignIn, published: Path, tmp_path: Path) -> None:
    write(result(ROWS), published)
    write(result(ROWS[:1]) | {"quick": True}, local_file(tmp_path / "home"))
    html = client_of("viewer").get("/simulator/").content.decode()
    assert html.index("Published with the platform") < html.index("Measured on this machine")
    assert "the short one" in html


def test_without_any_it_says_how_to_make_one(client_of: SignIn, published: Path) -> None:
    html = client_of("viewer").get("/simulator/").content.decode()
    assert "Nothing measured yet" in html
    assert "./edgeloom emulate validate" in html


@pytest.mark.parametrize("content", ["{", "[]", '{"format": "other"}', json.dumps({"format": FORMAT})])
def test_a_damaged_file_is_told(client_of: SignIn, published: Path, content: str) -> None:
    published.write_text(content)
    answer = client_of("viewer").get("/simulator/")
    assert answer.status_code == 200
    assert "cannot be read" in answer.content.decode()


def test_it_is_in_the_navigation(client_of: SignIn, published: Path) -> None:
    html = client_of("viewer").get("/catalogue/").content.decode()
    assert 'href="/simulator/"' in html


def test_marks_on_the_diagonal_and_a_decade_apart() -> None:
    rows = [row(name, seconds=t, predicted=t, what="bulk, 128 kB") for name, t in (("a", 0.01), ("b", 0.1))]
    chart = chart_of("none", "no loss", rows)
    exact = [mark for mark in chart.marks if mark.model == "monte_carlo"]
    assert [mark.x + mark.y for mark in exact] == [pytest.approx(SIZE, abs=0.2)] * 2
    naive = [mark for mark in chart.marks if mark.model == "naive"]
    assert all(mark.x < SIZE - mark.y + 60 and mark.y > other.y for mark, other in zip(naive, exact, strict=True))
    assert [tick.label for tick in chart.ticks] == ["10 ms", "30 ms", "100 ms"]
    wide = chart_of("none", "no loss", [rows[0], row("c", seconds=2.0, predicted=2.0, what="")])
    assert [tick.label for tick in wide.ticks] == ["10 ms", "30 ms", "100 ms", "300 ms", "1 s", "3 s"]
    assert exact[0].words == "Link a, bulk, 128 kB: measured 10 ms, packet by packet 10 ms (+0.0 %)"
