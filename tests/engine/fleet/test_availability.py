"""Devices that come and go by chance: shares, spells, and the same answer however often one asks."""

from typing import Any

import numpy as np
import pytest

from engine.fleet.availabilities.diurnal import Diurnal
from engine.fleet.availabilities.markov import Markov
from engine.fleet.availability import availability
from engine.fleet.fleet import Fleet
from engine.fleet.group import FleetSpec

EVERYONE = np.arange(4000)


def fleet_of(**group: Any) -> Fleet:
    """One group."""
    return FleetSpec.model_validate({"groups": [{"name": "a", "count": 4000} | group]}).resolve()


@pytest.mark.parametrize("kind", list(availability.members()))
class TestEveryKind:
    """Laws of all kinds."""

    def test_the_same_round_gives_the_same_devices_in_any_order(self, kind: str) -> None:
        rule = availability[kind]()
        first = [rule.reachable(EVERYONE, number, 3) for number in (1, 7, 30)]
        again = [rule.reachable(EVERYONE, number, 3) for number in (30, 1, 7)]
        for one, two in zip(first, (again[1], again[2], again[0]), strict=True):
            np.testing.assert_array_equal(one, two)

    def test_a_device_does_not_care_who_else_is_asked(self, kind: str) -> None:
        rule = availability[kind]()
        some = np.array([5, 17, 3000])
        np.testing.assert_array_equal(rule.reachable(some, 9, 1), rule.reachable(EVERYONE, 9, 1)[some])

    def test_an_empty_group_is_no_trouble(self, kind: str) -> None:
        assert len(availability[kind]().reachable(np.zeros(0, dtype=np.int64), 2, 0)) == 0

    def test_only_round_clocks_may_be_recosted(self, kind: str) -> None:
        member = availability[kind]
        assert member.reads_costs == (member.clock == "time")


def test_day_and_night() -> None:
    """Expected at noon 0.8, at midnight 0.2 of 4,000; four standard deviations are 0.026."""
    rule = Diurnal(period=24, most=0.8, least=0.2)
    shares = [rule.reachable(EVERYONE, number, 0).mean() for number in (24, 36, 48, 30)]
    assert shares == pytest.approx([0.8, 0.2, 0.8, 0.5], abs=0.032)


def test_around_the_world_it_is_always_half_day() -> None:
    rule = Diurnal(period=24, most=1, least=0, spread=1)
    for number in (1, 7, 12, 19):
        assert rule.reachable(EVERYONE, number, 0).mean() == pytest.approx(0.5, abs=0.032)


@pytest.mark.parametrize(("mean_up", "mean_down"), [(20, 5), (1.2, 1.5), (1, 1), (1, 4), (6, 1)])
def test_spells_last_as_long_as_said(mean_up: float, mean_down: float) -> None:
    rule = Markov(mean_up=mean_up, mean_down=mean_down)
    states = np.stack([rule.reachable(EVERYONE, number, 2) for number in range(1, 41)])
    before, after = states[:-1], states[1:]
    assert states.mean() == pytest.approx(mean_up / (mean_up + mean_down), abs=0.03)
    assert (before & ~after).sum() / before.sum() == pytest.approx(1 / mean_up, abs=0.02)
    assert (~before & after).sum() / (~before).sum() == pytest.approx(1 / mean_down, abs=0.02)
    assert states[0].mean() == pytest.approx(states[-1].mean(), abs=0.04)


def test_groups_of_one_rule_come_and_go_apart() -> None:
    rule = {"kind": "markov", "mean_up": 2, "mean_down": 2}
    groups = [{"name": name, "count": 1000, "availability": rule} for name in ("a", "b")]
    found = FleetSpec.model_validate({"groups": groups}).resolve().reachable(3, seed=0)
    assert not np.array_equal(found[:1000], found[1000:])


def test_speeds_are_lognormal_with_median_one_and_the_same_in_every_run() -> None:
    speeds = fleet_of(speed_spread=0.25).speeds
    assert speeds is not None
    assert np.median(speeds) == pytest.approx(1, abs=0.02)
    assert np.log(speeds).std() == pytest.approx(0.25, abs=0.01)
    assert ((speeds > 0.78) & (speeds < 1.28)).mean() == pytest.approx(0.68, abs=0.03)
    np.testing.assert_array_equal(speeds, fleet_of(speed_spread=0.25).speeds)
    assert fleet_of().speeds is None
