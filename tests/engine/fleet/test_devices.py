"""The device catalogue: every figure says where it comes from, and derived ones follow from read ones."""

import csv
import math
from statistics import fmean

import pytest

from engine.core.figure import Figure
from engine.core.operators import OPERATOR_CLASSES
from engine.fleet.catalogue import PATH, devices
from engine.fleet.device import DEPTHWISE_SHARE, Device

with PATH.open(encoding="utf-8") as file:
    ROWS = {row["device_id"]: row for row in csv.DictReader(file)}


def number(device: str, column: str) -> float:
    """A number of the file."""
    return float(ROWS[device][column])


def figures(device: Device) -> dict[str, Figure]:
    """All figures of a device by field."""
    found = {name: getattr(device, name) for name in type(device).model_fields}
    return {name: figure for name, figure in found.items() if isinstance(figure, Figure)}


def test_the_whole_file_is_there() -> None:
    assert len(devices()) == len(ROWS) == 41
    assert list(devices()) == list(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_every_figure_has_provenance_and_source(name: str) -> None:
    device = devices()[name]
    assert {"ram_bytes", "active_power_w", "idle_power_w", "int8_conv_rate"} & set(figures(device))
    for figure in figures(device).values():
        assert figure.provenance in {"read", "derived", "recalled"}
        assert figure.source
    for operator in OPERATOR_CLASSES:
        rate = device.rate(operator)
        assert rate is None or (rate.source and rate.unit == "MAC/s")


@pytest.mark.parametrize("name", ROWS)
def test_figures_carry_the_files_provenance(name: str) -> None:
    device, row = devices()[name], ROWS[name]
    assert device.ram_bytes.provenance == row["provenance_memory"]
    assert device.active_power_w.provenance == row["provenance_active_power"]
    assert device.idle_power_w.provenance == row["provenance_idle_power"]
    assert device.ram_bytes.value == pytest.approx(float(row["usable_ram_mib"]) * 2**20)


@pytest.mark.parametrize("name", ROWS)
def test_speeds_say_whether_they_were_derived(name: str) -> None:
    device, row = devices()[name], ROWS[name]
    for figure, rule in ((device.conv_rate, row["float_from"]), (device.int8_conv_rate, row["int8_from"])):
        assert (figure is None) == (rule == "")
        if figure is not None and rule.split()[0] in ("ncnn", "system", "scaled"):
            assert figure.provenance == "derived"
    if row["float_from"] == "sustained":
        assert device.conv_rate is not None
        assert device.conv_rate.provenance == row["provenance_fp32"]
        assert device.conv_rate.value == pytest.approx(number(name, "sustained_fp32_gflops") * 1e9 / 2)


# name, column, formula (what the note of the row says), factor
SCALED = [
    ("stm32l4r5", "sustained_fp32_gflops", 2 * 26.1e-3 * 120 / 150),
    ("stm32u575", "sustained_fp32_gflops", 2 * 26.1e-3 * 160 / 150),
    ("nrf52840", "sustained_fp32_gflops", 2 * 26.1e-3 * 64 / 150),
    ("stm32h7a3", "sustained_fp32_gflops", 2 * 8.05 * 12.5e-3),
    ("stm32h743", "sustained_fp32_gflops", 0.2012 * 480 / 280),
    ("stm32f746", "sustained_fp32_gflops", 0.2012 * 216 / 280),
    ("stm32h743", "measured_int8_gmacs_conv", 0.3061 * 480 / 280),
    ("nrf52840", "measured_int8_gmacs_conv", 0.0757 * 64 / 120),
    ("gateway_n100", "sustained_fp32_gflops", 2 * 62.851),
    # MLPerf Tiny: inferences per second times the MACs of ResNet-8 and of MobileNetV1-0.25
    ("stm32l4r5", "measured_int8_gmacs_conv", 6.056 * 12.5e-3),
    ("stm32u575", "measured_int8_gmacs_conv", 9.003 * 12.5e-3),
    ("stm32h7a3", "measured_int8_gmacs_depthwise", 42.009 * 7.49e-3),
    ("silabs_xg24", "measured_int8_gmacs_conv", 8.269 * 12.5e-3),
    ("renesas_ra8d1", "measured_int8_gmacs_depthwise", 74.665 * 7.49e-3),
    # energy per inference times inferences per second
    ("stm32l4r5", "active_power_w", 6919e-6 * 6.056),
    ("stm32u575", "active_power_w", 2579e-6 * 9.003),
    ("stm32h7a3", "active_power_w", 5090e-6 * 24.483),
    ("syntiant_ndp9120", "active_power_w", 139e-6 * 195.238),
]


@pytest.mark.parametrize(("name", "column", "expected"), SCALED)
def test_scaled_figures_follow_their_note(name: str, column: str, expected: float) -> None:
    assert number(name, column) == pytest.approx(expected, rel=0.01)


def test_a_class_without_a_figure_takes_over_that_of_the_nearest_one_and_says_so() -> None:
    pi = devices()["rpi_4b_4gb"]
    linear, other = pi.rate("linear"), pi.rate("other")
    assert pi.conv_rate is not None
    assert pi.depthwise_rate is not None
    assert linear is not None
    assert (linear.value, linear.provenance) == (pi.conv_rate.value, "recalled")
    assert other is not None
    assert (other.value, other.provenance) == (pi.depthwise_rate.value, "recalled")
    odroid = devices()["odroid_xu4"].rate("depthwise")
    assert odroid is not None
    assert odroid.value == pytest.approx(11e9 / 18)


def test_the_stand_in_for_depthwise_speed_is_that_of_the_processors() -> None:
    """A Vulkan GPU with a batch of one waits for its own launches."""
    both = [
        number(name, "depthwise_gmacs") / number(name, "conv_gmacs")
        for name, row in ROWS.items()
        if row["float_from"] == "ncnn" and "Vulkan" not in row["benchmark"]
    ]
    assert len(both) == 15
    assert math.exp(fmean(map(math.log, both))) == pytest.approx(DEPTHWISE_SHARE, rel=0.03)


def test_devices_without_float_arithmetic_have_no_float_rate() -> None:
    for name in ("stm32g0b1", "nrf5340", "esp32_c3"):
        assert devices()[name].rate("conv") is None
        assert devices()[name].rate("conv", "int8") is not None
