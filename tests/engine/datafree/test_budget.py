"""What fits which device, against counts by hand and a published one."""

import subprocess
import sys

import numpy as np
import pytest

from engine.core.sample import SampleSpec
from engine.costs.model import CostModel
from engine.costs.trace import TraceBuilder
from engine.costs.work import Work
from engine.datafree.fleet.budget import LARGE, SMALL, BudgetRow, budget, budgets
from engine.datafree.fleet.footprint import PRECISIONS, footprint
from engine.datafree.rounding.folding import fold_graph
from engine.fleet.fleet import Fleet
from engine.fleet.group import FleetSpec
from engine.models.graph import Graph, chain
from engine.models.layers import BatchNorm2d, Conv2d, GlobalAvgPool, Linear, ReLU
from engine.models.model import models
from engine.models.profile import profile
from engine.network.spec import NetworkSpec

CIFAR = SampleSpec(kind="image", shape=(3, 32, 32), num_classes=10)
TINY = chain(
    SampleSpec(kind="image", shape=(1, 4, 4), num_classes=3),
    [
        ("conv", Conv2d(2, 3, padding=1, bias=False)), ("norm", BatchNorm2d()), ("relu", ReLU()),
        ("pool", GlobalAvgPool()), ("head", Linear(3)),
    ],
)  # fmt: skip


def resnet8() -> Graph:
    return models["resnet8"]().declare(CIFAR)


def fleet(*ids: str | dict[str, object]) -> Fleet:
    groups = [{"name": f"g{place}", "device": device, "count": 3} for place, device in enumerate(ids)]
    return FleetSpec.model_validate({"groups": groups}).resolve()


def microcontroller(ram: int, flash: int | None) -> dict[str, object]:
    sizes = {"ram_bytes": ram, "flash_bytes": flash} if flash is not None else {"ram_bytes": ram}
    return {"name": "mine", "device_class": "microcontroller", "active_power_w": 0.1, "idle_power_w": 0, **sizes}


def test_a_tiny_network_by_hand() -> None:
    """The folded convolution has 2 * 9 weights and 2 biases, the classifier 2 * 3 and 3.

    fp32: 4 * 29 bytes; the convolution's output and the ReLU's are alive together, 2 * 32 floats.
    int8: 18 + 6 weights, 5 biases of 4 bytes, 5 outputs and 3 tensors (input, relu, pool) of 5 bytes each; alive are
    the input and the ReLU's output, 16 + 32 numbers of one byte.
    int4: 9 + 3 bytes of weights.
    """
    found = [footprint(TINY, precision) for precision in PRECISIONS]
    assert [one.weight_bytes for one in found] == [116, 24 + 20 + 25 + 15, 12 + 20 + 25 + 15]
    assert [one.activation_bytes for one in found] == [256, 48, 48]


def test_the_network_of_mlperf_tiny_by_hand() -> None:
    """Weights: 432; 2 * 2,304; 4,608 + 9,216 + 512; 18,432 + 36,864 + 2,048; 640: 77,360 and 346 biases.

    Tensors with a grid: the input; relu1; relu1, conv2, relu2 of block 1; those and the shortcut of blocks 2 and 3; the
    pool: 14. At most three pictures of 16 x 32 x 32 are alive: a block's input and both sides of its last convolution.
    """
    weights = 432 + 2 * 2_304 + 4_608 + 9_216 + 512 + 18_432 + 36_864 + 2_048 + 640
    outputs = 3 * 16 + 3 * 32 + 3 * 64 + 10
    assert (weights, outputs) == (77_360, 346)
    fp32, int8, int4 = (footprint(resnet8(), precision) for precision in PRECISIONS)
    assert fp32.weight_bytes == 4 * (weights + outputs)
    assert int8.weight_bytes == weights + 4 * outputs + 5 * outputs + 5 * 14
    assert int4.weight_bytes == weights // 2 + 4 * outputs + 5 * outputs + 5 * 14
    assert fp32.activation_bytes == 3 * 4 * 16_384
    assert int8.activation_bytes == int4.activation_bytes == 3 * 16_384


def test_a_published_count() -> None:
    """STM32Cube.AI 10.0.0 reports 76.9 KiB of weights for this network in int8, without scales and zero points."""
    own = footprint(resnet8(), "int8").weight_bytes - 5 * 346 - 5 * 14
    assert round(own / 1024, 1) == 76.9


def test_a_budget_of_a_microcontroller_by_hand() -> None:
    """256 KiB of memory and 1 MiB of flash; runtime 57,805 and 7,383 bytes."""
    small = fleet(microcontroller(256 << 10, 1 << 20))
    (row,) = budget(resnet8(), small, "int8")
    assert (row.flash_needed, row.ram_needed) == (80_544 + 57_805, 49_152 + 7_383)
    assert row.fits
    assert row.excess_bytes == 0
    assert row.latency_s is None, "nothing is known of its speed"
    rows = budgets(models["vgg11"]().declare(CIFAR), small)
    # alive are two pictures of 64 x 32 x 32 in fp32; in int8, where ReLU takes no room, one and its pooled form
    assert [row.precision for row in rows] == list(PRECISIONS)
    assert rows[0].ram_needed == 2 * 4 * 65_536 + 7_383
    assert rows[0].excess_ram_bytes == 2 * 4 * 65_536 + 7_383 - 262_144
    assert rows[1].ram_needed == 65_536 + 16_384 + 7_383
    assert rows[1].excess_ram_bytes == 0
    # folded, 9,225,610 numbers: 9,222,848 weights and 2,762 biases
    assert rows[0].flash_needed == 4 * 9_225_610 + 57_805
    assert rows[0].excess_bytes == rows[0].excess_flash_bytes + rows[0].excess_ram_bytes
    assert rows[1].excess_flash_bytes == rows[1].flash_needed - (1 << 20) > 8_000_000


@pytest.mark.parametrize(("missing", "fits"), [(0, True), (1, False)])
def test_a_device_that_is_exactly_full(missing: int, fits: bool) -> None:
    needed = (49_152 + 7_383, 80_544 + 57_805)
    for ram, flash in ((needed[0] - missing, 1 << 20), (1 << 20, needed[1] - missing)):
        (row,) = budget(resnet8(), fleet(microcontroller(ram, flash)), "int8")
        assert (row.fits, row.excess_bytes) == (fits, missing)


def test_where_weights_lie() -> None:
    """In flash; in memory too where an operating system loads them; in memory only where there is no flash."""
    weights = footprint(resnet8(), "fp32").weight_bytes
    board, bare, unknown = budget(
        resnet8(), fleet("rpi_4b_4gb", microcontroller(1 << 20, 0), microcontroller(1 << 20, None)), "fp32"
    )
    assert board.flash_needed == weights + LARGE.flash.value
    assert board.ram_needed == 196_608 + weights + LARGE.ram.value
    assert (bare.flash_needed, bare.flash_available) == (0, 0)
    assert bare.ram_needed == 196_608 + weights + SMALL.ram.value
    assert unknown.flash_available is None
    assert unknown.excess_flash_bytes == 0


@pytest.mark.parametrize(("precision", "arithmetic"), [("fp32", "float"), ("int8", "int8"), ("int4", "int8")])
def test_an_answer_costs_what_the_cost_model_says(precision: str, arithmetic: str) -> None:
    devices = fleet("stm32h7a3", "rpi_4b_4gb")
    network = NetworkSpec().resolve(devices, 0)
    work = Work.from_profile(profile(fold_graph(resnet8())), precision=arithmetic)  # type: ignore[arg-type]
    for place, row in enumerate(budget(resnet8(), devices, precision)):  # type: ignore[arg-type]
        builder = TraceBuilder()
        builder.compute(np.array([3 * place]), work, 1, mode="infer")
        totals = CostModel(devices, network).cost(builder.build(), method="closed_form").ledger.totals()
        assert row.latency_s == pytest.approx(totals["device_time_s"], rel=1e-9)
        assert row.energy_j == pytest.approx(totals["energy_j"], rel=1e-9)


def test_an_answer_against_mlperf_tiny() -> None:
    """ResNet-8 on the STM32H7A3: 24.483 answers a second, 5.09 mJ each, with element-wise work that is folded here."""
    (row,) = budget(resnet8(), fleet("stm32h7a3"), "int8")
    assert row.latency_s == pytest.approx(1 / 24.483, rel=0.1)
    assert row.energy_j == pytest.approx(5.09e-3, rel=0.1)


def test_a_device_without_float_arithmetic_computes_integers_only() -> None:
    rows = {row.precision: row for row in budgets(resnet8(), fleet("stm32g0b1"))}
    assert rows["fp32"].latency_s is None
    assert rows["int8"].latency_s == rows["int4"].latency_s
    assert rows["int8"].latency_s is not None


def test_rows_as_plain_values() -> None:
    (row,) = budget(TINY, fleet("nrf52840"), "int4")
    tree = row.as_json()
    assert tree["fits"] is True
    assert set(BudgetRow.__dataclass_fields__) <= set(tree)


@pytest.mark.slow
def test_the_web_may_ask_without_torch() -> None:
    code = (
        "import sys; import engine.datafree.fleet.budget, engine.specs.budgeting, engine.specs.budget_page; "
        "sys.exit(sum(name in sys.modules for name in ('torch', 'onnx', 'onnxruntime', 'sklearn')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
