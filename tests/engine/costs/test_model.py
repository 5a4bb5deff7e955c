"""The cost function as a whole: laws that hold for any link, re-costing, estimates, memory, and many devices."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.errors import EngineError
from engine.core.operators import OperatorClass
from engine.costs.estimate import estimate, estimate_trace, host_seconds
from engine.costs.memory import memory_problems, rooms
from engine.costs.model import CostModel
from engine.costs.recost import recost
from engine.costs.trace import Trace, TraceBuilder
from engine.fleet.group import FleetSpec
from engine.network.spec import NetworkSpec
from tests.engine.costs.worlds import FRAMES, HOST_S, STREAM, WORK, fleet_of, model_of, network_of, round_trace, upload

LINKS = st.fixed_dictionaries(
    {
        "name": st.just("any"),
        "transport": st.sampled_from(["tcp", "datagram"]),
        "up_rate": st.floats(1e3, 1e9),
        "down_rate": st.floats(1e3, 1e9),
        "rtt": st.floats(0, 5),
        "loss": st.floats(0, 0.2),
        "frame_payload": st.floats(40, 1500),
        "frame_header": st.floats(0, 60),
        "duty_cycle": st.floats(0.01, 1),
    }
)
BACKHAULS = st.one_of(st.none(), LINKS.map(lambda link: link | {"name": "beyond"}))
PAYLOADS = st.integers(0, 3_000_000)


def seconds(link: dict[str, Any], backhaul: dict[str, Any] | None, payload: int, kind: str = "star") -> float:
    """How long one device's upload takes over a new connection."""
    topology = {"kind": kind} if kind == "star" else {"kind": kind, "gateways": 1}
    return upload(model_of(link, backhaul=backhaul, topology=topology), payload, new_connection=True).end_s_total


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(LINKS, BACKHAULS, st.sampled_from(["star", "hierarchical"]), PAYLOADS, PAYLOADS)
def test_more_bytes_never_take_less_time(link: Any, backhaul: Any, kind: str, one: int, two: int) -> None:
    low, high = sorted((one, two))
    assert seconds(link, backhaul, low, kind) <= seconds(link, backhaul, high, kind) * (1 + 1e-12)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(LINKS, BACKHAULS, PAYLOADS, st.floats(0, 0.2))
def test_more_loss_never_takes_less_time(link: Any, backhaul: Any, payload: int, other: float) -> None:
    low, high = sorted((link["loss"], other))
    better, worse = link | {"loss": low}, link | {"loss": high}
    assert seconds(better, backhaul, payload) <= seconds(worse, backhaul, payload) * (1 + 1e-12)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(LINKS, BACKHAULS, PAYLOADS, st.floats(0, 5))
def test_more_distance_never_takes_less_time(link: Any, backhaul: Any, payload: int, other: float) -> None:
    low, high = sorted((link["rtt"], other))
    nearer, farther = link | {"rtt": low}, link | {"rtt": high}
    assert seconds(nearer, backhaul, payload) <= seconds(farther, backhaul, payload) * (1 + 1e-12)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 500), min_size=1, max_size=30), st.integers(1, 7))
def test_lines_at_gateways_agree_with_the_closed_form(samples: list[int], gateways: int) -> None:
    """Uploads of ready devices over shared radios: each gateway serves its own in order of readiness."""
    gateways = min(gateways, len(samples))
    link = FRAMES | {"shared_medium": True}
    model = model_of(link, count=len(samples), topology={"kind": "hierarchical", "gateways": gateways})
    builder = TraceBuilder()
    trained = builder.compute(np.arange(len(samples)), WORK, samples, mode="infer")
    builder.send(np.arange(len(samples)), -1, 1000, new_connection=False, after=trained)
    cost = model.cost(builder.build())
    for gateway in range(gateways):
        free = 0.0
        for ready, device in sorted((samples[i] * 0.005, i) for i in range(gateway, len(samples), gateways)):
            free = max(free, ready) + 1.0
            assert cost.end_s[len(samples) + device] == pytest.approx(free + 0.1 + HOST_S, abs=1e-9)


def test_recosting_a_finished_run_is_costing_it_elsewhere() -> None:
    trace = round_trace([0, 1], rounds=3)
    here, there = fleet_of(2).resolve(), fleet_of(5, linear_rate=1e9).resolve()
    slow = CostModel(here, network_of(FRAMES).resolve(here)).cost(trace)
    fast = recost(trace, there, network_of(STREAM).resolve(there))
    assert fast.end_s_total < slow.end_s_total
    assert fast.ledger.totals()["bytes_up"] == slow.ledger.totals()["bytes_up"]
    again = recost(trace, here, network_of(FRAMES).resolve(here))
    np.testing.assert_array_equal(again.end_s, slow.end_s)


def test_a_fleet_that_is_too_small_is_refused() -> None:
    with pytest.raises(EngineError, match="the trace has device 3, the fleet only devices 0 to 1"):
        model_of(FRAMES, count=2).cost(round_trace([0, 3]))


def test_a_network_of_another_fleet_is_refused() -> None:
    with pytest.raises(EngineError, match="the network connects"):
        CostModel(fleet_of(2).resolve(), network_of(FRAMES).resolve(fleet_of(3).resolve()))


def test_an_empty_trace_costs_nothing() -> None:
    cost = model_of(FRAMES).cost(TraceBuilder().build())
    assert cost.end_s_total == 0
    assert cost.straggler is None
    assert set(cost.ledger.totals().values()) == {0.0}


@dataclass
class Expected:
    """A task that expects a trace, and its context."""

    trace: Trace
    cost_model: CostModel

    def expected_trace(self, context: "Expected") -> Trace:
        """The trace."""
        return context.trace

    def expected_host_trace(self, context: "Expected") -> None:
        return None

    def expected_metrics(self, context: "Expected") -> dict[str, float]:
        """One that is known."""
        return {"epsilon": 2.5}


def test_an_estimate_is_the_cost_of_the_expected_trace_with_a_range() -> None:
    fleet = FleetSpec.model_validate({"groups": [{"device": "rpi_4b_4gb", "count": 3}]}).resolve()
    model = CostModel(fleet, NetworkSpec().resolve(fleet))
    builder = TraceBuilder()
    builder.next_round(repeats=20)
    received = builder.send(-1, [0, 1], 100_000, new_connection=True, phase="download")
    builder.compute([0, 1], WORK, [100, 300], mode="train", after=received)
    trace = builder.build()
    found = estimate(Expected(trace, model), Expected(trace, model))
    totals = model.cost(trace).ledger.totals()
    for name, value in found.totals.items():
        assert value.expected == pytest.approx(totals[name])
        assert value.low <= value.expected <= value.high
        assert found.per_round[name].expected == pytest.approx(totals[name] / 20)
    assert found.totals["bytes_down"].low == found.totals["bytes_down"].high == 20 * 200_000
    assert found.as_json()["metrics"] == {"epsilon": 2.5}
    assert found.totals["time_s"].low < found.totals["time_s"].high
    assert (found.num_rounds, found.straggler) == (20, "device:1")
    assert found.share_recalled == totals["share_recalled"]
    assert found.as_json()["totals"]["time_s"]["expected"] == found.totals["time_s"].expected


def test_figures_of_the_user_have_no_range() -> None:
    found = estimate_trace(round_trace([0]), model_of(FRAMES | {"rtt": 0.2, "loss": 0.0}))
    # the only figures that the test did not give are defaults, which cost nothing
    assert found.totals["time_s"].low == pytest.approx(found.totals["time_s"].high)


def test_the_host_guess_counts_passes_and_repeats() -> None:
    builder = TraceBuilder()
    builder.next_round(repeats=2)
    builder.compute([0], WORK, 10, mode="train")
    assert host_seconds(builder.build()) == pytest.approx(2 * (3 * 10 * 3e6 / 5e9 + 0.01))


def test_a_calibrated_host_is_asked_by_operator_class() -> None:
    """Ten samples of 5 ms forward, three times that to train, and two steps of a million parameters at 1e8 a second;
    beside them 10 ms a round and 0.08 ms a step.
    """
    host = fleet_of().groups[0].resolved_device()
    builder = TraceBuilder()
    builder.next_round(repeats=2)
    builder.compute([0], WORK, 10, mode="train", num_steps=2)
    expected = 2 * (3 * 10 * 0.005 + 2 * 0.01 + 0.01 + 2 * 8e-5)
    assert host_seconds(builder.build(), host) == pytest.approx(expected)
    # what it has no speed for is guessed
    lame = host.model_copy(update={"linear_rate": None, "conv_rate": None})
    assert host_seconds(builder.build(), lame) == host_seconds(builder.build())


@dataclass
class Profile:
    """A model's profile with round numbers."""

    macs: dict[OperatorClass, int]
    num_parameters: int = 250_000
    parameter_bytes: int = 1_000_000
    peak_activation_bytes: int = 0

    def training_bytes(self, batch: int, optimizer_copies: int = 0) -> int:
        """Parameters, gradients, optimizer copies, activations of 1,000 bytes a sample."""
        return self.parameter_bytes * (2 + optimizer_copies) + 1000 * batch


def test_a_model_that_does_not_fit_is_named_with_both_numbers() -> None:
    fleet = fleet_of(ram_bytes=3_050_000.0).resolve()
    profile = Profile({"conv": 1})
    assert memory_problems(fleet, profile, 50, "model", optimizer_copies=1) == []
    (problem,) = memory_problems(fleet, profile, 51, "model", optimizer_copies=1)
    assert (problem.path, problem.code) == ("model", "out_of_memory")
    for part in ("3,051,000", "3,050,000", "1,000 too few", "'a'", "(round)", "batch of 51"):
        assert part in problem.message


def test_a_device_without_float_arithmetic_cannot_train() -> None:
    fleet = FleetSpec.model_validate({"groups": [{"name": "m", "device": "stm32g0b1"}]}).resolve()
    codes = {problem.code for problem in memory_problems(fleet, Profile({"conv": 1}), 1, "model")}
    assert codes == {"out_of_memory", "out_of_flash", "no_speed"}


def test_flash_holds_weights_and_memory_what_is_computed_with() -> None:
    fleet = fleet_of(ram_bytes=500_000.0, flash_bytes=400_000.0).resolve()
    profile = Profile({"conv": 1}, peak_activation_bytes=600_000)
    found = {(room.use, room.precision, room.place): room for room in rooms(fleet, profile, 2, optimizer_copies=1)}
    spare = {
        ("training", "float", "flash"): 400_000 - 1_000_000,
        ("training", "float", "ram"): 500_000 - 3_002_000,
        ("inference", "float", "flash"): 400_000 - 1_000_000,
        ("inference", "float", "ram"): 500_000 - 600_000,
        ("inference", "int8", "flash"): 400_000 - 250_000,
        ("inference", "int8", "ram"): 500_000 - 150_000,
    }
    assert {key: room.spare_bytes for key, room in found.items()} == spare
    assert {key for key, room in found.items() if room.fits} == {key for key in spare if key[1] == "int8"}
    flash, memory = memory_problems(fleet, profile, 2, "model", optimizer_copies=1)
    assert (flash.code, memory.code) == ("out_of_flash", "out_of_memory")
    assert "600,000 too few" in flash.message


def test_flash_of_unknown_size_holds_everything() -> None:
    fleet = fleet_of(ram_bytes=1e9).resolve()
    assert memory_problems(fleet, Profile({"conv": 1}), 1, "model") == []
    flash = next(room for room in rooms(fleet, Profile({"conv": 1}), 1) if room.place == "flash")
    assert (flash.spare_bytes, flash.missing_bytes, flash.fits) == (None, 0, True)


def test_thirty_thousand_devices_cost_as_one() -> None:
    """Grouping does not change what a device pays: the scale test's correctness, at a tenth of a second."""
    count = 30_000
    fleet = FleetSpec.model_validate({"groups": [{"count": count}]}).resolve()
    model = CostModel(fleet, NetworkSpec().resolve(fleet))
    many, one = model.cost(round_trace(np.arange(count))), model.cost(round_trace([0]))
    assert many.end_s_total == pytest.approx(one.end_s_total, rel=1e-12)
    assert many.ledger.totals()["energy_j"] == pytest.approx(count * one.ledger.totals()["energy_j"], rel=1e-9)
