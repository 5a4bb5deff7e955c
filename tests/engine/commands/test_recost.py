"""``recost``: what a finished run would have cost elsewhere, and when that cannot be said."""

import json
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pytest

from engine.__main__ import main
from engine.core.errors import SpecError
from engine.fleet.availabilities.always import Always
from engine.fleet.availability import Moment
from engine.specs.recosting import elsewhere, obstacles
from engine.specs.text import parse
from engine.specs.what_if import WhatIf
from tests.engine.commands.test_commands import SPEC

FAST = """
groups:
  - name: fast
    count: 4
    device: {name: twice, conv_rate: 1e12, ram_bytes: 1e9, active_power_w: 1, idle_power_w: 0}
"""


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    place = tmp_path_factory.mktemp("recost")
    (place / "spec.yaml").write_text(SPEC)
    assert main(["run", str(place / "spec.yaml"), "--out", str(place / "out")]) == 0
    return place / "out"


def recosted(folder: Path, tmp_path: Path, **parts: str) -> dict[str, Any]:
    """The JSON of the only run, with other parts of the spec."""
    words = ["recost", str(folder), "--json", str(tmp_path / "out.json")]
    for name, text in parts.items():
        (tmp_path / f"{name}.yaml").write_text(text)
        words += [f"--{name}", str(tmp_path / f"{name}.yaml")]
    assert main(words) == 0
    tree = json.loads((tmp_path / "out.json").read_bytes())
    assert len(tree["runs"]) == 1
    return dict(tree["runs"][0])


def test_the_run_s_own_network_gives_the_run_s_own_cost(run_folder: Path, tmp_path: Path) -> None:
    found = recosted(run_folder, tmp_path, network="{}")
    assert found["before"] == found["after"]
    costs = json.loads((run_folder / "result.json").read_bytes())["costs"]
    assert found["before"]["time_s"] == pytest.approx(costs["time_s"])
    assert found["before"]["energy_j"] == pytest.approx(costs["energy_j"])


def test_another_fleet_and_network_change_the_cost_and_not_the_bytes(run_folder: Path, tmp_path: Path) -> None:
    whole = SPEC + "network: {links: {default: ble5_1m}}\n"
    found = recosted(run_folder, tmp_path, fleet=FAST, network=whole)
    assert found["after"]["bytes_up"] == found["before"]["bytes_up"]
    assert found["after"]["time_s"] != found["before"]["time_s"]
    assert found["after"]["energy_j"] < found["before"]["energy_j"]


def test_the_table_shows_both(run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "fleet.yaml").write_text(FAST)
    assert main(["recost", str(run_folder), "--fleet", str(tmp_path / "fleet.yaml")]) == 0
    said = capsys.readouterr().out
    assert "simulated time" in said
    assert " ->  " in said


@pytest.mark.parametrize(
    ("fleet", "message"),
    [
        ("{groups: [{name: few, count: 1}]}", "task.sampler.num_clients"),
        ("{groups: [{name: x, count: 4, device: stm32g0b1}]}", "no speed"),
        ("{groups: 3}", "fleet.groups"),
    ],
)
def test_a_fleet_that_does_not_fit_is_refused(
    run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], fleet: str, message: str
) -> None:
    (tmp_path / "fleet.yaml").write_text(fleet)
    assert main(["recost", str(run_folder), "--fleet", str(tmp_path / "fleet.yaml")]) == 2
    said = capsys.readouterr().err
    assert any(part in said for part in message.split("|"))


def test_what_is_no_finished_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "fleet.yaml").write_text(FAST)
    assert main(["recost", str(tmp_path), "--fleet", str(tmp_path / "fleet.yaml")]) == 2
    assert "no finished run" in capsys.readouterr().err
    assert main(["recost", str(tmp_path)]) == 2
    assert main(["recost", str(tmp_path), "--network", str(tmp_path / "absent.yaml")]) == 2


class Tired(Always):
    """Stands for a rule that follows simulated time."""

    reads_costs: ClassVar[bool] = True
    kind: Literal["always"] = "always"

    def reachable(self, members: np.ndarray, moment: Moment, seed: int) -> np.ndarray:
        """All of them."""
        return np.ones(len(members), dtype=np.bool_)


def test_learning_that_followed_time_is_refused_by_name() -> None:
    spec = parse(SPEC)
    group = spec.fleet.groups[0].model_copy(update={"availability": Tired()})
    spec = spec.model_copy(update={"fleet": spec.fleet.model_copy(update={"groups": (group,)})})
    assert [problem.path for problem in obstacles(spec)] == ["fleet.groups.0.availability"]
    with pytest.raises(SpecError, match="Tired depends on simulated time"):
        elsewhere(spec, WhatIf(network={}))


def test_a_monte_carlo_tells_percentiles_of_both(
    run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "network.yaml").write_text("{links: {default: ble5_1m}}")
    words = ["recost", str(run_folder), "--network", str(tmp_path / "network.yaml"), "--method", "monte_carlo"]
    assert main([*words, "--samples", "20", "--json", str(tmp_path / "out.json")]) == 0
    found = json.loads((tmp_path / "out.json").read_bytes())["runs"][0]["sheets"]
    for sheet in found.values():
        assert sheet["spread"]["round_s"]["p50"] <= sheet["spread"]["round_s"]["p95"]
    assert found["after"]["spread"]["round_s"] != found["before"]["spread"]["round_s"]
    assert capsys.readouterr().out.count("a message, upload") == 2
