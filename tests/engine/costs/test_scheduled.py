"""Links that change over rounds and over time: each round goes by what holds when it starts."""

from typing import Any

import numpy as np
import pytest

from engine.costs.model import Cost, CostModel
from engine.costs.scheduled import round_of
from engine.costs.trace import Trace, TraceBuilder
from engine.fleet.group import FleetSpec
from engine.network.spec import NetworkSpec

OWN = {"name": "own", "up_rate": 1e6, "down_rate": 4e6, "rtt": 0.02, "loss": 0.01, "frame_header": 0.0}
FLEET = FleetSpec.model_validate({"groups": [{"name": "a", "count": 3}]})
HALF = {"clock": "round", "period": 4, "steps": [{"start": 0}, {"start": 2, "rate": 0.5, "latency": 3, "loss": 2}]}
DAY = {"clock": "time", "period": 100, "steps": [{"start": 10, "rate": 0.25}, {"start": 60, "rate": 2}]}


def model_of(schedules: list[dict[str, Any]], link: dict[str, Any] = OWN, kind: str = "star") -> CostModel:
    """Three devices, no backhaul."""
    document = {"topology": {"kind": kind}, "links": {"a": link}, "backhaul": None, "schedules": schedules}
    return CostModel(FLEET.resolve(), NetworkSpec.model_validate(document).resolve(FLEET))


def trace_of(rounds: int, repeats: int = 1, payload: int = 1_000_000) -> Trace:
    """Rounds in which all send and the server waits for them."""
    builder = TraceBuilder()
    for number in range(rounds):
        builder.next_round(repeats=repeats)
        sent = builder.send([0, 1, 2], -1, payload + number, new_connection=True)
        builder.barrier(builder.send(-1, [0, 1, 2], payload, new_connection=False, after=sent))
    return builder.build()


def scaled(**factors: float) -> dict[str, Any]:
    """The link with other figures."""
    return OWN | {name: OWN[name] * factor for name, factor in factors.items()}  # type: ignore[operator]


def same(one: Cost, other: Cost) -> None:
    """Equal costs, up to rounding."""
    for name in ("start_s", "end_s", "round_s", "item_energy_j", "end_s_total"):
        assert np.allclose(getattr(one, name), getattr(other, name), rtol=1e-12)
    assert one.ledger.totals() == pytest.approx(other.ledger.totals(), rel=1e-12)


@pytest.mark.parametrize("kind", ["star", "ring"])
def test_rounds_go_by_the_links_of_their_number(kind: str) -> None:
    trace = trace_of(6)
    found = model_of([HALF], kind=kind).cost(trace)
    plain = model_of([], kind=kind).cost(trace)
    slow = model_of([], scaled(up_rate=0.5, down_rate=0.5, rtt=3, loss=2), kind).cost(trace)
    changed = [False, False, True, True, False, False]
    assert found.round_s == pytest.approx(np.where(changed, slow.round_s, plain.round_s), rel=1e-12)
    assert found.end_s_total == pytest.approx(found.round_s.sum(), rel=1e-12)
    assert found.ledger.link_names == plain.ledger.link_names == ("own",)
    assert found.ledger.totals()["bytes_up"] == plain.ledger.totals()["bytes_up"]


def test_time_of_day_by_hand() -> None:
    """Until 10 s and from 60 s to 100 s twice as fast, between a quarter of the rate; rounds take about 10.4 s."""
    trace, model = trace_of(9), model_of([DAY])
    fast = float(model_of([], scaled(up_rate=2, down_rate=2)).cost(trace).round_s[0])
    slow = float(model_of([], scaled(up_rate=0.25, down_rate=0.25)).cost(trace).round_s[0])
    now, expected = 0.0, []
    for _ in range(9):
        expected.append(slow if 10 <= now % 100 < 60 else fast)
        now += expected[-1]
    assert {round(seconds) for seconds in expected} == {round(fast), round(slow)}
    assert model.cost(trace).round_s == pytest.approx(np.array(expected), rel=1e-4)
    assert model.cost(trace, 10.0).round_s[0] == pytest.approx(slow, rel=1e-9)


@pytest.mark.parametrize("schedule", [HALF, DAY, HALF | {"link": "own"}])
def test_one_by_one_is_all_at_once(schedule: dict[str, Any]) -> None:
    trace, model = trace_of(7), model_of([schedule])
    whole = model.cost(trace, 5.0, first_round=3)
    now, parts = 5.0, []
    for number in range(7):
        parts.append(model.cost(round_of(trace, number), now, first_round=3 + number))
        now = parts[-1].end_s_total
    assert now == pytest.approx(whole.end_s_total, rel=1e-12)
    assert np.concatenate([part.end_s for part in parts]) == pytest.approx(whole.end_s, rel=1e-12)
    assert sum(part.ledger.totals()["energy_j"] for part in parts) == pytest.approx(whole.ledger.totals()["energy_j"])


@pytest.mark.parametrize("schedule", [HALF, DAY])
def test_repeated_rounds_are_the_rounds_written_out(schedule: dict[str, Any]) -> None:
    model = model_of([schedule])
    written, repeated = model.cost(Trace.concat([trace_of(1)] * 7)), model.cost(trace_of(1, repeats=7))
    assert repeated.end_s_total == pytest.approx(written.end_s_total, rel=1e-12)
    assert repeated.ledger.totals() == pytest.approx(written.ledger.totals(), rel=1e-9)


def test_a_schedule_that_changes_nothing_costs_nothing() -> None:
    trace = trace_of(5)
    same(model_of([{"period": 10, "steps": [{}]}]).cost(trace), model_of([]).cost(trace))


def test_schedules_that_meet_multiply_and_loss_stays_in_bounds() -> None:
    network = model_of([HALF, HALF | {"link": "own"}, {"steps": [{"loss": 1000}]}]).network
    assert network.schedules is not None
    link = network.in_state(network.schedules.state(3, 0.0)).links[0]
    assert (link.up_rate.value, link.loss.value) == (0.25e6, 0.25)
    assert link.rtt.value == pytest.approx(0.18)


def test_percentiles_follow_the_links_too() -> None:
    spread = model_of([HALF]).spread(trace_of(4, payload=20_000), samples=40, seed=1)
    assert spread.rounds_s.shape == (40, 4)
    assert spread.rounds_s[:, 2:].mean() > 1.5 * spread.rounds_s[:, :2].mean()


def test_what_is_wrong_with_schedules_is_said_at_once() -> None:
    wrong = [
        HALF | {"link": "other"},
        {"period": 5, "steps": [{"start": 3}, {"start": 2}, {"start": 5}]},
        {"steps": []},
    ]
    spec = NetworkSpec.model_validate({"links": {"a": OWN}, "backhaul": None, "schedules": wrong})
    assert {problem.path: problem.message for problem in spec.check(FLEET)} == {
        "schedules.0.link": "is no link of this network; allowed are own; given: 'other'",
        "schedules.1.steps.1.start": "should be later than the step before, 3; given: 2",
        "schedules.1.steps.2.start": "should be below the period, 5; given: 5",
        "schedules.2.steps": "should hold at least one step",
    }
