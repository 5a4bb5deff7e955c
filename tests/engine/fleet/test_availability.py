"""Devices that come and go by chance: shares, spells, and the same answer however often one asks."""

from typing import Any, get_args

import numpy as np
import pytest
from pydantic import ValidationError

from engine.fleet.availabilities.diurnal import Diurnal
from engine.fleet.availabilities.markov import Markov
from engine.fleet.availabilities.trace import Trace
from engine.fleet.availability import Moment, availability
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
        first = [rule.reachable(EVERYONE, Moment(number), 3) for number in (1, 7, 30)]
        again = [rule.reachable(EVERYONE, Moment(number), 3) for number in (30, 1, 7)]
        for one, two in zip(first, (again[1], again[2], again[0]), strict=True):
            np.testing.assert_array_equal(one, two)

    def test_a_device_does_not_care_who_else_is_asked(self, kind: str) -> None:
        rule = availability[kind]()
        some = np.array([5, 17, 3000])
        np.testing.assert_array_equal(rule.reachable(some, Moment(9), 1), rule.reachable(EVERYONE, Moment(9), 1)[some])

    def test_an_empty_group_is_no_trouble(self, kind: str) -> None:
        assert len(availability[kind]().reachable(np.zeros(0, dtype=np.int64), Moment(2), 0)) == 0

    def test_only_round_clocks_may_be_recosted(self, kind: str) -> None:
        member = availability[kind]
        assert not member.reads_costs, "a field may decide"
        clocks = get_args(member.model_fields["clock"].annotation) if "clock" in member.model_fields else ("round",)
        for clock in clocks:
            rule = member.model_validate({"kind": kind} | ({"clock": clock} if "clock" in member.model_fields else {}))
            assert rule.is_timed == rule.depends_on_costs == (clock == "time")

    def test_who_goes_by_rounds_does_not_look_at_the_time_and_the_other_way_round(self, kind: str) -> None:
        rule = availability[kind]()
        times = [rule.reachable(EVERYONE, Moment(3, time_s), 1) for time_s in (0.0, 1e5, 3e5)]
        rounds = [rule.reachable(EVERYONE, Moment(number, 1e5), 1) for number in (3, 9, 14)]
        for one in (rounds if rule.is_timed else times)[1:]:
            np.testing.assert_array_equal(one, (rounds if rule.is_timed else times)[0])


def test_day_and_night() -> None:
    """Expected at noon 0.8, at midnight 0.2 of 4,000; four standard deviations are 0.026."""
    rule = Diurnal(period=24, most=0.8, least=0.2)
    shares = [rule.reachable(EVERYONE, Moment(number), 0).mean() for number in (24, 36, 48, 30)]
    assert shares == pytest.approx([0.8, 0.2, 0.8, 0.5], abs=0.032)


def test_around_the_world_it_is_always_half_day() -> None:
    rule = Diurnal(period=24, most=1, least=0, spread=1)
    for number in (1, 7, 12, 19):
        assert rule.reachable(EVERYONE, Moment(number), 0).mean() == pytest.approx(0.5, abs=0.032)


@pytest.mark.parametrize(("mean_up", "mean_down"), [(20, 5), (1.2, 1.5), (1, 1), (1, 4), (6, 1)])
def test_spells_last_as_long_as_said(mean_up: float, mean_down: float) -> None:
    rule = Markov(mean_up=mean_up, mean_down=mean_down)
    states = np.stack([rule.reachable(EVERYONE, Moment(number), 2) for number in range(1, 41)])
    before, after = states[:-1], states[1:]
    assert states.mean() == pytest.approx(mean_up / (mean_up + mean_down), abs=0.03)
    assert (before & ~after).sum() / before.sum() == pytest.approx(1 / mean_up, abs=0.02)
    assert (~before & after).sum() / (~before).sum() == pytest.approx(1 / mean_down, abs=0.02)
    assert states[0].mean() == pytest.approx(states[-1].mean(), abs=0.04)


def test_day_and_night_by_the_clock() -> None:
    rule = Diurnal(clock="time", most=0.8, least=0.2)
    shares = [rule.reachable(EVERYONE, Moment(1, hour * 3600.0), 0).mean() for hour in (24, 36, 48, 30)]
    assert shares == pytest.approx([0.8, 0.2, 0.8, 0.5], abs=0.032)
    same = [rule.reachable(EVERYONE, Moment(1, 3600.0 + minute), 0) for minute in (0.0, 1.0)]
    assert (same[0] != same[1]).mean() < 0.001, "chance decides anew every hour, not every second"


@pytest.mark.slow
@pytest.mark.parametrize(("mean_up", "mean_down"), [(20.0, 5.0), (2.0, 6.0), (1000.0, 10.0)])
def test_failure_and_repair_last_as_long_as_said(mean_up: float, mean_down: float) -> None:
    rule = Markov(clock="time", mean_up=mean_up, mean_down=mean_down)
    step = min(mean_up, mean_down) / 10
    states = np.stack([rule.reachable(EVERYONE, Moment(1, place * step), 2) for place in range(200)])
    before, after = states[:-1], states[1:]
    rate = 1 / mean_up + 1 / mean_down
    # two-state chain: who is up stays or is up again after a time t with p + (1 - p) exp(-rate t)
    share, forgotten = mean_up / (mean_up + mean_down), 1 - np.exp(-rate * step)
    assert states.mean() == pytest.approx(share, abs=0.03)
    assert (before & ~after).sum() / before.sum() == pytest.approx((1 - share) * forgotten, rel=0.1)
    assert (~before & after).sum() / (~before).sum() == pytest.approx(share * forgotten, rel=0.1)
    assert states[0].mean() == pytest.approx(states[-1].mean(), abs=0.04)


def test_devices_far_apart_are_independent_and_do_not_depend_on_who_is_asked() -> None:
    rule, moment = Markov(clock="time", mean_up=10, mean_down=10), Moment(1, 55.5)
    many = np.arange(40_000)
    found = rule.reachable(many, moment, 0)
    some = np.array([3, 17_000, 39_999])
    np.testing.assert_array_equal(rule.reachable(some, moment, 0), found[some])
    assert (found[:16_384] == found[16_384:32_768]).mean() == pytest.approx(0.5, abs=0.02)


def test_spells_in_rounds_are_short_and_those_in_seconds_may_be_long() -> None:
    with pytest.raises(ValidationError, match="at most 1000 rounds"):
        Markov(mean_up=1001)
    assert Markov(clock="time", mean_up=1e7).means() == (1e7, 21_600)
    assert Markov().means() == (20, 5)


def test_written_spells_of_time() -> None:
    rule = Trace(patterns=("0-10 20-30", "", "5-15"), period_s=100)
    who = np.array([0, 1, 2, 3])
    found = {time_s: rule.reachable(who, Moment(1, time_s), 0).astype(int).tolist() for time_s in (0, 9.9, 10, 25, 105)}
    assert found == {0: [1, 0, 0, 1], 9.9: [1, 0, 1, 1], 10: [0, 0, 1, 0], 25: [1, 0, 0, 1], 105: [1, 0, 1, 1]}
    once = Trace(patterns=("0-10",), period_s=None)
    assert not once.reachable(who, Moment(1, 105), 0).any()


def test_a_table_of_spells_becomes_patterns() -> None:
    rule = Trace.model_validate({"patterns": "device,start_s,end_s\n0,20,30\n0,0,10.5\n2,5,15\n"})
    assert rule.patterns == ("0-10.5 20-30", "", "5-15")
    assert Trace.model_validate_json(rule.model_dump_json()) == rule


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        (["10-5"], "spells_overlap"),
        (["0-10 5-20"], "spells_overlap"),
        (["soon"], "string_pattern_mismatch"),
        ("a,b\n", "no_table"),
        ("", "no_table"),
        ("device,start_s,end_s\n0,1\n", "bad_line"),
        ("device,start_s,end_s\n-1,1,2\n", "bad_line"),
        ("device,start_s,end_s\n99999999,1,2\n", "bad_line"),
        ("device,start_s,end_s\n0,nan,2\n", "string_pattern_mismatch"),
    ],
)
def test_wrong_spells_are_told(patterns: object, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Trace.model_validate({"patterns": patterns})
    assert message in {error["type"] for error in caught.value.errors()}


def test_groups_of_one_rule_come_and_go_apart() -> None:
    rule = {"kind": "markov", "mean_up": 2, "mean_down": 2}
    groups = [{"name": name, "count": 1000, "availability": rule} for name in ("a", "b")]
    found = FleetSpec.model_validate({"groups": groups}).resolve().reachable(Moment(3), seed=0)
    assert not np.array_equal(found[:1000], found[1000:])


def test_speeds_are_lognormal_with_median_one_and_the_same_in_every_run() -> None:
    speeds = fleet_of(speed_spread=0.25).speeds
    assert speeds is not None
    assert np.median(speeds) == pytest.approx(1, abs=0.02)
    assert np.log(speeds).std() == pytest.approx(0.25, abs=0.01)
    assert ((speeds > 0.78) & (speeds < 1.28)).mean() == pytest.approx(0.68, abs=0.03)
    np.testing.assert_array_equal(speeds, fleet_of(speed_spread=0.25).speeds)
    assert fleet_of().speeds is None
