"""Every example is checked, estimated and run in its smoke size."""

import json
from pathlib import Path

import pytest

from engine.__main__ import main
from engine.data.dataset import Dataset
from engine.data.store import DataStore
from engine.specs import documents
from engine.specs.checks import components
from engine.specs.text import parse

FOLDER = Path(__file__).parents[3] / "examples"
EXAMPLES = sorted([*FOLDER.glob("*.yaml"), *FOLDER.glob("gallery/*.yaml")])
SMOKE = FOLDER / "smoke"


def smoke_settings(example: Path) -> list[str]:
    """The ``--set`` words of an example's smoke size."""
    overrides = documents.load((SMOKE / example.relative_to(FOLDER)).read_bytes())
    return [word for path, value in overrides.items() for word in ("--set", f"{path}={json.dumps(value)}")]


def test_every_example_has_a_smoke_size_and_no_smoke_size_is_left_over() -> None:
    assert EXAMPLES
    assert {file.relative_to(SMOKE) for file in SMOKE.rglob("*.yaml")} == {
        file.relative_to(FOLDER) for file in EXAMPLES
    }


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_valid_and_can_be_estimated(example: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(example)]) == 0
    assert "valid" in capsys.readouterr().out
    assert main(["estimate", str(example), "--json"]) == 0
    for cell in json.loads(capsys.readouterr().out)["cells"]:
        time_s = cell["totals"]["time_s"]
        assert 0 < time_s["low"] <= time_s["expected"] <= time_s["high"]


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_in_its_smoke_size(example: Path, tmp_path: Path) -> None:
    spec = parse(example.read_bytes())
    missing = [
        path for path, dataset in components(spec, Dataset) if not dataset.is_available(DataStore.from_environment())
    ]
    if missing:
        pytest.skip(
            f"NO DATA: {example.name} needs a data set that is not here ({', '.join(missing)}); set EDGELOOM_DATA"
        )
    assert main(["run", str(example), "--out", str(tmp_path / "out"), *smoke_settings(example)]) == 0
    result = json.loads((tmp_path / "out" / "result.json").read_bytes())
    for cell in result.get("cells", [result]):
        assert cell["state"] == "done"
        assert 0 <= cell["metrics"]["accuracy"]["mean"] <= 1
        assert cell["costs"]["time_s"] > 0
