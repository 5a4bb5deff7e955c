"""Computing: by operator class, forward and backward, never one FLOP/s figure. Values are worked out by hand."""

import numpy as np
import pytest

from engine.core.errors import EngineError
from engine.costs.estimate import estimate_trace
from engine.costs.model import CostModel
from engine.costs.trace import TraceBuilder
from engine.costs.work import Work
from engine.fleet.group import FleetSpec
from tests.engine.costs.worlds import DEVICE, FRAMES, WORK, model_of, network_of, phase_of


def test_inference_adds_up_the_classes_at_their_own_rates() -> None:
    builder = TraceBuilder()
    builder.compute([0], WORK, 10, mode="infer")
    # 10 samples x (1e6 / 1e9 + 2e6 / 5e8) s
    assert model_of(FRAMES).cost(builder.build()).end_s_total == pytest.approx(0.05, rel=1e-12)


def test_training_is_three_forward_passes_and_the_optimizer() -> None:
    builder = TraceBuilder()
    builder.compute([0], WORK, 10, mode="train", num_steps=2)
    # 3 x 0.05 s, and 2 steps over 1e6 parameters at 1e8 per second
    assert model_of(FRAMES).cost(builder.build()).end_s_total == pytest.approx(0.15 + 0.02, rel=1e-12)


def test_the_same_macs_take_longer_in_a_slower_class() -> None:
    seconds = {}
    for operator in ("conv", "linear", "depthwise"):
        builder = TraceBuilder()
        builder.compute([0], Work(macs={operator: 1_000_000}), 1, mode="infer")
        seconds[operator] = model_of(FRAMES).cost(builder.build()).end_s_total
    assert seconds == pytest.approx({"conv": 0.001, "linear": 0.002, "depthwise": 0.005}, rel=1e-12)


def test_int8_has_rates_of_its_own() -> None:
    builder = TraceBuilder()
    builder.compute([0], Work(macs={"conv": 1_000_000}, precision="int8"), 1, mode="infer")
    model = model_of(FRAMES, device={"int8_conv_rate": 4e9})
    assert model.cost(builder.build()).end_s_total == pytest.approx(0.00025, rel=1e-12)


def test_computing_draws_active_power_and_names_the_item() -> None:
    builder = TraceBuilder()
    builder.compute([0], WORK, 10, mode="train")
    cost = model_of(FRAMES).cost(builder.build())
    assert phase_of(cost, "compute", "energy_j") == pytest.approx(5 * 0.15, rel=1e-12)
    assert cost.item_energy_j == pytest.approx([0.75], rel=1e-12)


def test_a_device_without_a_rate_is_named() -> None:
    fields = dict.fromkeys(
        ("conv_rate", "depthwise_rate", "linear_rate", "recurrent_rate", "other_rate"),
    )
    builder = TraceBuilder()
    builder.compute([0], WORK, 1, mode="train")
    with pytest.raises(EngineError, match=r"device 0 \(round\) has no speed"):
        model_of(FRAMES, device=fields).cost(builder.build())


def test_what_rests_on_recalled_rates_is_counted() -> None:
    recalled = {"value": 5e8, "unit": "MAC/s", "provenance": "recalled", "source": "memory"}
    builder = TraceBuilder()
    builder.compute([0], WORK, 10, mode="infer")
    cost = model_of(FRAMES, device={"linear_rate": recalled}).cost(builder.build())
    # 4 of 5 ms of each sample are linear; energy is time times a power that the user gave
    assert phase_of(cost, "compute", "recalled_time_s") == pytest.approx(0.04, rel=1e-12)
    assert cost.ledger.totals()["share_recalled"] == pytest.approx(0.8, rel=1e-12)


def test_a_slower_device_of_a_group_computes_longer_by_its_factor() -> None:
    fleet = FleetSpec.model_validate({"groups": [{"name": "a", "device": DEVICE, "count": 5, "speed_spread": 0.5}]})
    resolved = fleet.resolve()
    assert resolved.speeds is not None
    model = CostModel(resolved, network_of(FRAMES).resolve(resolved))
    builder = TraceBuilder()
    builder.compute(np.arange(5), WORK, 10, mode="infer")
    cost = model.cost(builder.build())
    assert cost.end_s.tolist() == pytest.approx((0.05 / resolved.speeds).tolist())
    assert cost.straggler is not None
    assert cost.straggler.device == int(np.argmin(resolved.speeds))
    # five watts while computing
    assert cost.item_energy_j.tolist() == pytest.approx((0.25 / resolved.speeds).tolist())
    assert estimate_trace(builder.build(), model).totals["time_s"].expected == pytest.approx(cost.end_s_total)
