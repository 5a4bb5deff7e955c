"""Computing: by operator class, forward and backward, never one FLOP/s figure. Values are worked out by hand."""

from typing import Any, Literal

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


def seconds_of(device: dict[str, Any], work: Work, num_samples: int, mode: Literal["train", "infer"]) -> float:
    """One computation on ``DEVICE`` with other figures."""
    builder = TraceBuilder()
    builder.compute([0], work, num_samples, mode=mode)
    return model_of(FRAMES, device=device).cost(builder.build()).end_s_total


CLIFF = {"fast_memory_bytes": 4000, "slow_share": 0.25}


@pytest.mark.parametrize(
    ("num_bytes", "seconds"),
    [
        (0, 0.001),
        (4000, 0.001),
        (8000, 0.001 * (0.5 + 0.5 * 4)),  # half of it lies outside, where it goes at a quarter of the speed
        (40_000, 0.001 * (0.1 + 0.9 * 4)),
    ],
)
def test_what_lies_outside_of_the_fast_memory_goes_slower(num_bytes: int, seconds: float) -> None:
    work = Work(macs={"conv": 1_000_000}, parameter_bytes=num_bytes // 2, working_set_bytes=num_bytes // 2)
    assert seconds_of(CLIFF, work, 1, "infer") == pytest.approx(seconds, rel=1e-12)


def test_training_touches_more_and_int8_less() -> None:
    work = Work(macs={"conv": 1_000_000}, parameter_bytes=4000, training_set_bytes=8000)
    assert seconds_of(CLIFF, work, 1, "infer") == pytest.approx(0.001)
    assert seconds_of(CLIFF, work, 1, "train") == pytest.approx(0.003 * 2.5)
    packed = Work(macs={"conv": 1_000_000}, parameter_bytes=16_000, precision="int8")
    assert seconds_of(CLIFF | {"int8_conv_rate": 1e9}, packed, 1, "infer") == pytest.approx(0.001)


def test_the_cliff_only_ever_slows_down_and_grows_with_the_data() -> None:
    sizes = np.geomspace(1, 1e9, 50).astype(int).tolist()
    times = [seconds_of(CLIFF, Work(macs={"conv": 1}, parameter_bytes=size), 1, "infer") for size in sizes]
    assert times == sorted(times)
    assert times[0] == pytest.approx(1e-9)
    assert times[-1] == pytest.approx(4e-9, rel=1e-3)


def test_the_first_pass_after_a_pause_is_cold() -> None:
    device = {"cold": {"conv": 5e8, "linear": 5e8}}  # linear layers are no slower cold
    # 10 samples of 5 ms, and 1 ms more for the convolutions of the first
    assert seconds_of(device, WORK, 10, "infer") == pytest.approx(0.051, rel=1e-12)
    assert seconds_of(device, WORK, 10, "train") == pytest.approx(0.153, rel=1e-12)
    assert seconds_of(device, WORK, 0, "infer") == 0
    assert seconds_of({"cold": {"conv": 2e9}}, WORK, 10, "infer") == pytest.approx(0.05), "cold is never faster"


def test_training_takes_as_many_passes_as_the_device_says() -> None:
    device = {"training": {"linear": 2.5}}
    # 1 ms of convolutions three times, 4 ms of linear layers two and a half times
    assert seconds_of(device, WORK, 10, "train") == pytest.approx(0.13, rel=1e-12)
    assert seconds_of(device, WORK, 10, "infer") == pytest.approx(0.05, rel=1e-12)


def test_a_recalled_cliff_is_told_and_widens_the_range() -> None:
    recalled = {"value": 0.25, "unit": "", "provenance": "recalled", "source": "memory"}
    builder = TraceBuilder()
    builder.compute([0], Work(macs={"conv": 1_000_000}, parameter_bytes=8000), 1, mode="infer")
    model = model_of(FRAMES, device=CLIFF | {"slow_share": recalled})
    assert phase_of(model.cost(builder.build()), "compute", "recalled_time_s") == pytest.approx(0.0015)
    found = estimate_trace(builder.build(), model).totals["time_s"]
    # a share of 0.5 at best, 0.125 at worst
    assert (found.low, found.high) == pytest.approx((0.0015, 0.0045))


def test_the_range_covers_cold_rates_and_training_passes() -> None:
    figure = {"provenance": "recalled", "source": "memory"}
    device = {
        "cold": {"conv": figure | {"value": 5e8, "unit": "MAC/s"}},
        "training": {"conv": figure | {"value": 4, "unit": ""}},
    }
    builder = TraceBuilder()
    builder.compute([0], Work(macs={"conv": 1_000_000}), 2, mode="train")
    found = estimate_trace(builder.build(), model_of(FRAMES, device=device)).totals["time_s"]
    assert found.expected == pytest.approx(0.008 + 0.004)
    # two passes instead of four, and no slower when cold; eight passes, and a first one at a quarter of the speed
    assert (found.low, found.high) == pytest.approx((0.004, 0.016 + 0.024))
