"""The link catalogue: every figure says where it comes from, and derived ones follow from read ones."""

import csv
import math

import pytest

from engine.core.figure import Figure
from engine.network.catalogue import PATH, links
from engine.network.link import Link

with PATH.open(encoding="utf-8") as file:
    ROWS = {row["link_id"]: row for row in csv.DictReader(file)}

MARGINAL = {"lte4g", "lte4g_modern", "nr5g_sub6", "nr5g_mmwave", "wan_fibre"}
"""Links whose energy per bit is the marginal term of a power model, or the operator's, not radio power over
throughput."""


def test_the_whole_file_is_there() -> None:
    assert list(links()) == list(ROWS)
    assert len(links()) == 25


@pytest.mark.parametrize("name", ROWS)
def test_every_figure_has_provenance_and_source(name: str) -> None:
    link, row = links()[name], ROWS[name]
    stated = [getattr(link, field) for field in Link.model_fields]
    for figure in stated:
        if isinstance(figure, Figure):
            assert figure.source
            is_default = figure.source in {"assumed nothing", "no limit", "no fragments"}
            assert is_default or figure.provenance in {"read", "derived", "recalled"}
    assert link.up_rate.provenance == link.down_rate.provenance == row["provenance_throughput"]
    assert link.rtt.provenance == row["provenance_latency"]
    if link.tx_power is not None:
        assert link.tx_power.provenance == row["provenance_energy"]


@pytest.mark.parametrize("name", ROWS)
def test_units_are_si(name: str) -> None:
    link, row = links()[name], ROWS[name]
    assert link.up_rate.value == pytest.approx(1e3 * float(row["throughput_up_kbps"]))
    assert link.rtt.value == pytest.approx(1e-3 * float(row["rtt_ms_typ"]))
    assert link.loss.value == pytest.approx(1e-2 * float(row["packet_loss_pct"]))


@pytest.mark.parametrize("name", sorted(set(ROWS) - MARGINAL))
def test_energy_per_bit_is_radio_power_over_throughput(name: str) -> None:
    row = ROWS[name]
    for power, rate, energy in (
        ("tx_power_mw", "throughput_up_kbps", "tx_nj_per_bit"),
        ("rx_power_mw", "throughput_down_kbps", "rx_nj_per_bit"),
    ):
        # mW / (kbit/s) = uJ/bit
        assert float(row[energy]) == pytest.approx(1e3 * float(row[power]) / float(row[rate]), rel=0.01)


def test_lte_radio_power_is_base_plus_marginal_terms() -> None:
    """Huang et al., MobiSys 2012: P = 438.39 up + 51.97 down + 1288.04 mW, rates in Mbit/s."""
    lte = links()["lte4g"]
    assert lte.tx_power is not None
    assert lte.rx_power is not None
    assert lte.tx_power.value == pytest.approx(1e-3 * (438.39 * 6 + 1288.04), rel=0.001)
    assert lte.rx_power.value == pytest.approx(1e-3 * (51.97 * 13 + 1288.04), rel=0.001)


@pytest.mark.parametrize("factor", range(7, 13))
def test_lora_rates_follow_from_the_spreading_factor(factor: int) -> None:
    """Semtech AN1200.13: symbols of 2^SF / BW, coding rate 4/5, preamble 8 + 4.25, header, CRC, 13 MAC bytes."""
    link = links()[f"lorawan_eu868_sf{factor}"]
    symbol_s = 2**factor / 125e3
    slow = factor >= 11
    bytes_on_air = link.frame_payload.value + link.frame_header.value
    symbols = 8 + 5 * max(0, math.ceil((8 * bytes_on_air - 4 * factor + 28 + 16) / (4 * (factor - 2 * slow))))
    airtime_s = (8 + 4.25 + symbols) * symbol_s
    assert link.up_rate.value == pytest.approx(8 * link.frame_payload.value / airtime_s, rel=0.005)
    assert float(ROWS[f"lorawan_eu868_sf{factor}"]["phy_rate_up_kbps"]) == pytest.approx(
        factor / symbol_s * 4 / 5 / 1e3, rel=0.001
    )
    assert link.duty_cycle.value == 0.01


def test_the_operators_network_pays_per_bit() -> None:
    fibre = links()["wan_fibre"]
    assert fibre.tx_power is None
    assert fibre.up_bit_energy is not None
    assert fibre.up_bit_energy.value == pytest.approx(6658e-9)
    assert links()["wifi5"].up_bit_energy is None


def test_media_are_shared_where_devices_take_turns() -> None:
    assert {row["family"] for name, row in ROWS.items() if links()[name].shared_medium} == {
        "wifi",
        "ble",
        "802.15.4",
        "lorawan",
    }
