"""Fleets: groups and counts, devices of one's own, availability, and what is refused."""

import json
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel, ValidationError

from engine.core.figure import Figure
from engine.fleet.availabilities.round_trace import RoundTrace
from engine.fleet.availability import Moment, availability
from engine.fleet.device import Device
from engine.fleet.group import FleetSpec
from engine.fleet.rates import ColdRates, TrainingPasses

OWN = {"name": "mine", "conv_rate": 1e9, "ram_bytes": 1e6, "active_power_w": 1, "idle_power_w": 0.1}


def fleet(*groups: dict[str, Any]) -> FleetSpec:
    """A fleet as it is read from a document."""
    return FleetSpec.model_validate_json(json.dumps({"groups": groups}), strict=True)


def problems(*groups: dict[str, Any]) -> list[tuple[str, str]]:
    """Place and message of everything that is wrong."""
    with pytest.raises(ValidationError) as caught:
        fleet(*groups)
    return [(".".join(map(str, error["loc"])), error["msg"]) for error in caught.value.errors()]


def test_device_numbers_run_through_the_groups() -> None:
    found = fleet({"name": "a", "count": 2}, {"name": "b", "device": "esp32", "count": 3}).resolve()
    assert found.num_devices == 5
    assert found.group_of.tolist() == [0, 0, 1, 1, 1]
    assert [found.device(i).name for i in (0, 1, 2, 4)] == [
        *["Raspberry Pi 4 Model B (4 GB)"] * 2,
        *["Espressif ESP32"] * 2,
    ]
    assert found.group_counts() == {"a": 2, "b": 3}
    assert found.idle_power_w.tolist() == [2.9, 3e-05]
    with pytest.raises(IndexError, match="devices 0 to 4, not 5"):
        found.device(5)


def test_a_default_fleet_is_ready_to_use() -> None:
    assert FleetSpec().resolve().num_devices == FleetSpec().num_devices == 10


def test_an_own_device_is_the_users_and_survives_its_document() -> None:
    spec = fleet({"device": OWN})
    device = spec.resolve().device(0)
    assert device.conv_rate is not None
    assert (device.conv_rate.value, device.conv_rate.provenance) == (1e9, "user")
    assert FleetSpec.model_validate_json(spec.model_dump_json(), strict=True) == spec


def figures_of(part: BaseModel) -> list[Figure]:
    """All figures of a device, those by operator class included."""
    found = []
    for name in type(part).model_fields:
        value = getattr(part, name)
        if isinstance(value, Figure):
            found.append(value)
        elif isinstance(value, BaseModel):
            found += figures_of(value)
    return found


def test_every_number_of_an_own_device_is_the_users() -> None:
    rates = {name: 1e9 for name in Device.model_fields if name.endswith("_rate")}
    by_operator = {
        "cold": dict.fromkeys(ColdRates.model_fields, 5e8),
        "training": dict.fromkeys(TrainingPasses.model_fields, 4),
    }
    rest = {"fast_memory_bytes": 1e6, "slow_share": 0.5, "flash_bytes": 1e6}
    found = figures_of(fleet({"device": OWN | rates | by_operator | rest}).resolve().device(0))
    assert len(found) == 8 + 10 + 3 + 3
    assert {figure.provenance for figure in found} == {"user"}


def test_a_fleet_with_figures_stands_alone() -> None:
    spec = fleet({"device": "esp32"}).with_figures()
    again = FleetSpec.model_validate_json(spec.model_dump_json(), strict=True)
    assert again.groups[0].resolved_device() == fleet({"device": "esp32"}).groups[0].resolved_device()
    assert "ESP-NN" in again.groups[0].resolved_device().int8_conv_rate.source  # type: ignore[union-attr]


def test_an_unknown_device_gets_suggestions() -> None:
    ((path, message),) = problems({"device": "esp33"})
    assert path == "groups.0.device"
    assert "'esp33' is no device of the catalogue" in message
    assert "esp32" in message


def test_all_that_is_wrong_with_a_device_is_said_at_once() -> None:
    figure = {"value": 1, "unit": "mW", "provenance": "user"}
    wrong = {"ram_bytes": -1, "active_power_w": "much", "idle_power_w": figure, "x": 1}
    assert dict(problems({"device": OWN | wrong})) == {
        "groups.0.device.ram_bytes": "Input should be greater than 0",
        "groups.0.device.active_power_w": (
            "Input should be a number in W, or a figure with value, unit, provenance and source"
        ),
        "groups.0.device.idle_power_w": "The unit should be 'W', not 'mW'",
        "groups.0.device.x": "Extra inputs are not permitted",
    }


@pytest.mark.parametrize(
    ("groups", "part"),
    [
        ([], "at least one group; given: none"),
        ([{}, {}], "given twice: boards"),
        ([{"count": 10_000_000}, {"name": "b"}], "at most 10000000 devices; given: 10000010"),
        ([{"device": 4}], "id of a device in the catalogue"),
    ],
)
def test_impossible_fleets_are_refused(groups: list[dict[str, Any]], part: str) -> None:
    ((_, message),) = problems(*groups)
    assert part in message


def test_always_is_always() -> None:
    found = fleet({"count": 3}).resolve()
    assert found.is_always_reachable
    assert found.reachable(Moment(17), seed=0).all()


def test_a_round_trace_says_who_can_be_reached_when() -> None:
    rule = {"kind": "round_trace", "patterns": ["110", "01"]}
    found = fleet({"name": "a", "count": 3, "availability": rule}, {"name": "b", "count": 1}).resolve()
    assert not found.is_always_reachable
    rounds = [found.reachable(Moment(number), seed=0).astype(int).tolist() for number in (1, 2, 3, 4)]
    # devices 0 and 2 follow 110110..., device 1 follows 0101..., device 3 is always there
    assert rounds == [[1, 0, 1, 1], [1, 1, 1, 1], [0, 0, 0, 1], [1, 1, 1, 1]]


@pytest.mark.parametrize("kind", availability.members())
def test_availability_is_the_same_for_the_same_seed(kind: str) -> None:
    member = availability[kind].model_validate({"kind": kind})
    assert member.source
    who = np.arange(50)
    for number in (1, 2, 9):
        found = member.reachable(who, Moment(number), 3)
        assert found.dtype == np.bool_
        assert found.shape == (50,)
        np.testing.assert_array_equal(found, member.reachable(who, Moment(number), 3))


def test_a_pattern_is_zeros_and_ones() -> None:
    with pytest.raises(ValidationError):
        RoundTrace(patterns=("012",))
