"""The command that shows plans."""

import json
from pathlib import Path

import pytest

from engine.__main__ import main
from tests.engine.inference.test_proposals import DESIGN


@pytest.fixture
def design(tmp_path: Path) -> str:
    """A small design in a file."""
    place = tmp_path / "design.yaml"
    place.write_text(DESIGN)
    return str(place)


@pytest.mark.slow
def test_plans_in_words_and_as_json(design: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", design, "--assign", "fc2=0"]) == 0
    told = capsys.readouterr().out
    assert all(title in told for title in ("Plan by hand", "All on the best device", "All in the cloud", "0 sensors"))
    assert main(["plan", design, "--sweep", "bandwidth=0.1,1", "--sweep", "devices=1,2"]) == 0
    assert "bandwidth \\ devices  1" in capsys.readouterr().out
    assert main(["plan", design, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["edited"], len(found["plans"])) == (None, 3)


def test_what_cannot_be_assigned(design: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", design, "--assign", "x", "--assign", "y=-1"]) == 2
    assert "2 problems" in capsys.readouterr().err
    assert main(["plan", design, "--assign", "x=1", "--assign", "y=70"]) == 2
    told = capsys.readouterr().err
    assert "assignment.x: the splitter makes no piece 'x'; there are" in told
    assert "assignment.y:" in told
    assert main(["plan", design, "--sweep", "bandwidth=a", "--sweep", "loss=1"]) == 2
    told = capsys.readouterr().err
    assert "sweep.bandwidth.0:" in told
    assert "sweep.loss:" in told
