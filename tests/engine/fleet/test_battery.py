"""Batteries: conservation of energy, running empty, coming back. Worked out by hand."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from engine.fleet.battery import Batteries
from engine.fleet.fleet import Fleet
from engine.fleet.group import FleetSpec
from engine.specs.recosting import obstacles
from engine.specs.text import parse

DEVICE: dict[str, Any] = {"name": "mine", "conv_rate": 1e9, "ram_bytes": 1e6, "active_power_w": 5, "idle_power_w": 2}
BATTERY = {"capacity_j": 100, "initial_charge": 0.5, "harvest_w": 3, "restart_charge": 0.4}


def fleet_of(**battery: float) -> Fleet:
    """One device on mains and two with a battery."""
    groups = [
        {"name": "mains", "device": DEVICE, "count": 1},
        {"name": "field", "device": DEVICE, "count": 2, "battery": BATTERY | battery},
    ]
    return FleetSpec.model_validate({"groups": groups}).resolve()


def batteries_of(**battery: float) -> Batteries:
    """Its batteries."""
    found = fleet_of(**battery).batteries
    assert found is not None
    return found


def test_energy_is_kept() -> None:
    batteries = batteries_of()
    used, busy = np.array([70.0, 20.0, 0.0]), np.array([4.0, 4.0, 0.0])
    charges, standby = batteries.after(batteries.start(), 10.0, used, busy)
    # 50 + 30 harvested - 20 used - 12 for six seconds of waiting; 50 + 30 - 20 for ten seconds
    assert charges.charge_j.tolist() == [np.inf, 48.0, 60.0]
    assert standby.tolist() == [0.0, 12.0, 20.0]
    assert not charges.is_empty.any()


def test_a_battery_is_never_more_than_full() -> None:
    batteries = batteries_of(initial_charge=1.0, harvest_w=50)
    charges, standby = batteries.after(batteries.start(), 10.0, np.zeros(3), np.zeros(3))
    assert charges.charge_j[1:].tolist() == [100.0, 100.0]
    assert standby[1:].tolist() == [20.0, 20.0]


def test_who_runs_empty_comes_back_when_enough_was_harvested() -> None:
    batteries = batteries_of()
    charges, standby = batteries.after(batteries.start(), 1.0, np.array([0.0, 60.0, 0.0]), np.ones(3))
    assert charges.charge_j[1] == 0.0
    assert charges.is_empty.tolist() == [False, True, False]
    seconds = 0
    while charges.is_empty[1]:
        charges, standby = batteries.after(charges, 1.0, np.zeros(3), np.zeros(3))
        assert standby[1] == 2.0
        seconds += 1
    assert seconds == 40, "one joule a second is left over; 40 of them bring it back"


def test_an_empty_device_spends_no_more_than_it_harvests() -> None:
    batteries = batteries_of(harvest_w=0.5, initial_charge=0.0)
    assert batteries.start().is_empty.tolist() == [False, True, True]
    charges, standby = batteries.after(batteries.start(), 10.0, np.zeros(3), np.zeros(3))
    assert standby.tolist() == [0.0, 5.0, 5.0]
    assert charges.charge_j[1:].tolist() == [0.0, 0.0]


def test_a_fleet_on_mains_has_no_batteries() -> None:
    assert FleetSpec().resolve().batteries is None
    fleet = fleet_of()
    changed = fleet.with_kinds(fleet.kinds).batteries
    assert changed is not None, "other figures, the same batteries"
    assert changed.capacity_j.tolist() == [np.inf, 100.0, 100.0]


def test_what_depends_on_batteries_is_not_recosted() -> None:
    text = """
    fleet: {groups: [{name: field, device: stm32h7a3, count: 10, battery: {capacity_j: 100}}]}
    task: {kind: federated, dataset: {kind: synthetic, num_clients: 10}, model: {kind: mlp, hidden: []}}
    """
    (problem,) = obstacles(parse(text))
    assert problem.path == "fleet.groups.0.battery"
    assert "Battery depends on simulated time or energy" in problem.message


@pytest.mark.parametrize(
    "wrong", [{"capacity_j": 0}, {"initial_charge": 1.1}, {"harvest_w": -1}, {"restart_charge": 2}]
)
def test_impossible_batteries_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        fleet_of(**wrong)
