"""Compute time against published benchmarks, and the catalogue's speeds recomputed from them."""

import csv

import pytest

from benchmarks.catalogue import PAGE, of_catalogue, page, table
from engine.costs.derivation import (
    COLUMNS,
    MOBILENET_V2,
    MOBILENET_V2_GMACS,
    RESNET_50,
    RESNET_50_GMACS,
    Cliff,
    derived_columns,
    slow_share,
)
from engine.costs.published import (
    TINY,
    Prediction,
    Ratio,
    Speeds,
    fit,
    leave_one_out,
    median_error,
    ratio_of_others,
    ratios,
    speeds_of,
    split,
    systems,
    workloads,
)
from engine.costs.work import Work
from engine.fleet.catalogue import PATH, devices
from engine.models.profile import profile
from tests.engine.costs.networks import mobilenet_v2, resnet_50

with PATH.open(encoding="utf-8", newline="") as file:
    ROWS = {row["device_id"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def predictions() -> tuple[Prediction, ...]:
    return leave_one_out()


def test_workloads_are_those_of_mlperf_tiny() -> None:
    """MACs of the benchmark's models, in millions; element-wise work is not counted by it."""
    found = {
        name: sum(count for operator, count in work.macs.items() if operator != "other") / 1e6
        for name, work in workloads("int8").items()
    }
    assert found == pytest.approx({"ic": 12.50, "vww": 7.49, "kws": 2.66, "ad": 0.264, "person": 7.16}, rel=2e-3)


def test_a_device_with_two_speeds_is_recovered_from_its_times() -> None:
    works = workloads("int8")
    truth = Speeds(dense=2e8, memory=5e7)
    times = {name: truth.seconds(works[name]) for name in TINY}
    dense, memory = split(works["ic"])
    assert times["ic"] == pytest.approx(dense / 2e8 + memory / 5e7), "the cost model itself says so"
    found = fit(times, works, Ratio(typical=4.0, spread=1.0))
    assert (found.dense, found.memory) == pytest.approx((2e8, 5e7), rel=1e-6)
    believing = fit({"kws": times["kws"]}, works, Ratio(typical=4.0, spread=0.5))
    assert (believing.dense, believing.memory) == pytest.approx((2e8, 5e7), rel=1e-6), "one time and the ratio"


def test_no_chip_counts_for_itself() -> None:
    logs = ratios(systems().values())
    mine = systems()["nucleo_l4r5"]
    without = {name: value for name, value in logs.items() if systems()[name].chip != "STM32L4R5"}
    assert len(without) == len(logs) - 2, "the other engine on the same chip does not count either"
    assert ratio_of_others(mine, logs) == ratio_of_others(mine, without)
    assert ratio_of_others(systems()["ek_ra8d1"], logs) != ratio_of_others(mine, logs)


def test_two_workloads_predict_the_third(predictions: tuple[Prediction, ...]) -> None:
    """The aim is a median error of at most 25 %."""
    mine = of_catalogue(predictions)
    assert len({one.system.chip for one in mine}) == 9
    assert len(mine) == 27
    assert median_error(mine) <= 0.25
    assert median_error(predictions) <= 0.25
    assert median_error(mine) < median_error(mine, one_rate=True)


def test_the_page_shows_what_is_predicted_now(predictions: tuple[Prediction, ...]) -> None:
    assert PAGE.read_text(encoding="utf-8") == page(predictions)
    assert len(table(predictions).splitlines()) == 4 + len(predictions)


@pytest.mark.parametrize("name", ROWS)
def test_the_catalogues_speeds_follow_from_published_latencies(name: str) -> None:
    row = ROWS[name]
    derived = derived_columns(row)
    columns = [*COLUMNS["float"], *COLUMNS["int8"], "slow_share"]
    assert {column: float(row[column]) for column in columns if row[column]} == pytest.approx(derived, rel=1e-3)


@pytest.mark.parametrize(
    ("graph", "work", "gmacs"),
    [(mobilenet_v2(), MOBILENET_V2, MOBILENET_V2_GMACS), (resnet_50(), RESNET_50, RESNET_50_GMACS)],
)
def test_the_networks_of_ncnn(graph: object, work: Work, gmacs: float) -> None:
    found = profile(graph)  # type: ignore[arg-type]
    assert {name: count for name, count in found.macs.items() if count} == work.macs
    assert found.total_macs / 1e9 == pytest.approx(gmacs, rel=2e-3)


@pytest.mark.parametrize(
    ("network", "gmacs", "column"), [(RESNET_50, 4.09, "conv"), (MOBILENET_V2, 0.301, "depthwise")]
)
def test_a_raspberry_pi_takes_as_long_as_ncnn_measured(network: Work, gmacs: float, column: str) -> None:
    pi = devices()["rpi_4b_4gb"]
    assert pi.conv_rate is not None
    assert pi.depthwise_rate is not None
    dense, memory = split(network)
    measured = gmacs / float(ROWS["rpi_4b_4gb"][f"measured_float_gmacs_{column}"])
    assert dense / pi.conv_rate.value + memory / pi.depthwise_rate.value == pytest.approx(measured, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "system", "joules"), [("stm32l4r5", "nucleo_l4r5", 6919e-6), ("stm32h7a3", "nucleo_h7a3", 5090e-6)]
)
def test_an_inference_costs_about_what_mlperf_tiny_measured(name: str, system: str, joules: float) -> None:
    """ResNet-8: time by the fitted speeds, energy by the published power, within the error of the fit."""
    seconds = speeds_of(systems()[system]).seconds(workloads("int8")["ic"])
    assert seconds * devices()[name].active_power_w.value == pytest.approx(joules, rel=0.15)


def test_the_slow_share_by_hand() -> None:
    """10 GMAC at 10 GMAC/s would take 1 s; of 40 bytes 30 lie outside, and it takes 4 s: 1 + 0.75 (1/s - 1) = 4."""
    cliff = Cliff("net", seconds=4.0, gmacs=10.0, num_bytes=40.0, rate_column="")
    assert slow_share(cliff, 10.0, 10.0) == pytest.approx(0.2)


def test_every_published_figure_names_its_source() -> None:
    assert all(system.source and system.seconds for system in systems().values())
