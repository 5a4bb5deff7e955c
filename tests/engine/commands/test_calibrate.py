"""``calibrate``: this machine as a device of the catalogue. How fast it is, nothing here claims."""

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.__main__ import main
from engine.core.errors import EngineError
from engine.core.operators import OPERATOR_CLASSES
from engine.costs.model import CostModel
from engine.costs.trace import TraceBuilder
from engine.costs.work import Work
from engine.fleet.catalogue import builtin_devices, devices
from engine.fleet.device import Device
from engine.fleet.group import FleetSpec
from engine.fleet.own_devices import FOLDER, host_id, own_devices, save_own_device, this_host
from engine.network.spec import NetworkSpec
from engine.specs.pages import pages
from engine.training import calibration
from tests.engine.commands.test_commands import SPEC

SIMPLE: dict[str, Any] = {"name": "mine", "conv_rate": 1e9, "ram_bytes": 1e9, "active_power_w": 1, "idle_power_w": 0}


@pytest.fixture(autouse=True)
def _own_home(home: Path) -> None:
    """No test sees what another one measured."""


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure next to nothing: one time each, and caches that need not be emptied."""
    monkeypatch.setattr(calibration, "QUICK_BUDGET_S", 0.0)
    monkeypatch.setattr(calibration, "QUICK_LEAST", 1)
    monkeypatch.setattr(calibration, "WARM_UP", 1)
    monkeypatch.setattr(calibration, "_EVICTING", np.zeros(8))


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_this_machine_becomes_a_device(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert this_host() is None
    assert main(["calibrate", "--quick", "--active-power", "65", "--json", str(tmp_path / "out.json")]) == 0
    assert host_id() in capsys.readouterr().out
    tree = json.loads((tmp_path / "out.json").read_bytes())
    assert tree["id"] == host_id()
    assert set(tree["measured"]) == set(OPERATOR_CLASSES)
    for speed in tree["measured"].values():
        for found in speed.values():
            assert 0 < found["low"] <= found["median"] <= found["high"]
            assert found["count"] >= 1
    device = this_host()
    assert device == Device.model_validate(tree["device"])
    assert device is not None
    assert device.cold is not None
    assert device.training is not None
    for operator in OPERATOR_CLASSES:
        for figure in (device.rate(operator), device.cold.of(operator), device.training.of(operator)):
            assert figure is not None
            assert figure.provenance == "calibrated"
            assert "one thread" in figure.source
    assert (device.active_power_w.value, device.active_power_w.provenance) == (65, "user")
    assert device.idle_power_w.provenance == "recalled", "power is not measured"
    assert device.ram_bytes.value > 1e8


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_a_run_can_use_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", "--quick", "--id", "my_laptop", "--name", "My laptop"]) == 0
    (tmp_path / "spec.yaml").write_text(SPEC)
    capsys.readouterr()
    assert main(["list", "devices"]) == 0
    assert "my_laptop" in capsys.readouterr().out.splitlines()
    group = "fleet.groups=[{name: here, count: 4, device: my_laptop}]"
    assert main(["run", str(tmp_path / "spec.yaml"), "--out", str(tmp_path / "out"), "--set", group]) == 0
    kept = (tmp_path / "out" / "spec.yaml").read_text()
    assert "My laptop" in kept, "the run keeps the figures, whatever is calibrated later"
    assert json.loads((tmp_path / "out" / "result.json").read_bytes())["costs"]["time_s"] > 0


def test_what_was_measured_counts_cold_and_in_training() -> None:
    figures = {"cold": {"conv": 5e8}, "training": {"conv": 4}}
    save_own_device("mine", Device.model_validate(SIMPLE | figures))
    fleet = FleetSpec.model_validate({"groups": [{"name": "a", "count": 1, "device": "mine"}]}).resolve()
    builder = TraceBuilder()
    builder.compute([0], Work(macs={"conv": 1_000_000}), 10, mode="train")
    model = CostModel(fleet, NetworkSpec().resolve(fleet))
    # forty passes of a millisecond, and four more milliseconds for the four of the first sample
    assert model.cost(builder.build()).end_s_total == pytest.approx(0.044)


def test_devices_are_read_anew_when_their_files_change() -> None:
    built_in = list(devices())
    save_own_device("mine", Device.model_validate(SIMPLE))
    assert list(devices()) == [*built_in, "mine"]
    save_own_device("mine", Device.model_validate(SIMPLE | {"name": "mine, faster", "conv_rate": 2e9}))
    assert devices()["mine"].name == "mine, faster"
    assert list(builtin_devices()) == built_in


@pytest.mark.slow
def test_documents_tell_of_the_built_in_devices_only() -> None:
    before = pages()
    save_own_device("mine", Device.model_validate(SIMPLE))
    assert pages() == before


def test_a_file_that_holds_no_device_is_told_and_left_out(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    save_own_device("mine", Device.model_validate(SIMPLE))
    (home / FOLDER / "broken.json").write_text("{")
    with caplog.at_level(logging.WARNING):
        assert list(own_devices()) == ["mine"]
    assert "broken.json" in caplog.text


@pytest.mark.parametrize("key", ["", "../elsewhere", "With Capitals", "x" * 61])
def test_an_id_is_a_simple_name(key: str) -> None:
    with pytest.raises(EngineError, match="is no id of a device"):
        save_own_device(key, Device.model_validate(SIMPLE))
