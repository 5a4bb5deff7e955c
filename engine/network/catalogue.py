"""The links of the catalogue, read once from ``links.csv`` and converted to SI units."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from engine.core.catalogue_file import Row, figure, read_rows
from engine.core.figure import Figure, Provenance
from engine.network.link import Link

PATH = Path(__file__).with_name("links.csv")
"""The catalogue file; its last columns state the provenance of throughput, latency and energy."""

SHARED = frozenset({"wifi", "ble", "802.15.4", "lorawan"})
"""Families whose devices take turns on one channel near a gateway (recalled: unlicensed bands, half duplex)."""

FRAME_HEADERS: Mapping[str, tuple[float, Provenance, str]] = {
    "ble": (7.0, "read", "ATT_MTU 247 for 244 bytes of payload: 3 bytes ATT, and 4 bytes L2CAP"),
    "802.15.4": (25.0, "derived", "127-byte frame less the payload of one hop (102 bytes)"),
    "lorawan": (13.0, "recalled", "LoRaWAN 1.0: MHDR 1, FHDR 7, FPort 1, MIC 4 bytes"),
}
"""Header bytes of a frame by family; all others carry IPv4 and TCP."""

TCP_HEADER: tuple[float, Provenance, str] = (
    40.0,
    "recalled",
    "IPv4 (RFC 791) and TCP (RFC 9293) headers without options, 20 bytes each",
)

# field, column, unit, factor to SI, provenance column
COLUMNS: tuple[tuple[str, str, str, float, str], ...] = (
    ("up_rate", "throughput_up_kbps", "bit/s", 1e3, "provenance_throughput"),
    ("down_rate", "throughput_down_kbps", "bit/s", 1e3, "provenance_throughput"),
    ("rtt", "rtt_ms_typ", "s", 1e-3, "provenance_latency"),
    ("jitter", "jitter_ms", "s", 1e-3, "provenance_latency"),
    ("loss", "packet_loss_pct", "", 1e-2, "provenance_latency"),
    ("frame_payload", "max_payload_bytes", "B", 1.0, "provenance_throughput"),
    ("duty_cycle", "duty_cycle_pct", "", 1e-2, "provenance_throughput"),
    ("tx_power", "tx_power_mw", "W", 1e-3, "provenance_energy"),
    ("rx_power", "rx_power_mw", "W", 1e-3, "provenance_energy"),
    ("connected_power", "idle_connected_power_mw", "W", 1e-3, "provenance_energy"),
    ("connect_time", "wakeup_or_connect_ms", "s", 1e-3, "provenance_energy"),
    ("connect_energy", "wakeup_or_connect_mj", "J", 1e-3, "provenance_energy"),
    ("tail_time", "tail_ms", "s", 1e-3, "provenance_energy"),
)


@cache
def links() -> Mapping[str, Link]:
    """All links of the catalogue by id, in the order of the file."""
    return MappingProxyType({key: _link(row) for key, row in read_rows(PATH, "link_id").items()})


def _link(row: Row) -> Link:
    fields: dict[str, Any] = {}
    for name, column, unit, scale, provenance in COLUMNS:
        found = figure(row, column, unit=unit, scale=scale, provenance=provenance)
        if found is not None:
            fields[name] = found
    if "tx_power" not in fields:
        fields["up_bit_energy"] = figure(row, "tx_nj_per_bit", unit="J/bit", scale=1e-9, provenance="provenance_energy")
        fields["down_bit_energy"] = figure(
            row, "rx_nj_per_bit", unit="J/bit", scale=1e-9, provenance="provenance_energy"
        )
    family = row["family"]
    value, provenance_word, source = FRAME_HEADERS.get(family, TCP_HEADER)
    fields["frame_header"] = Figure(value=value, unit="B", provenance=provenance_word, source=source)
    fields |= {
        "id": row["link_id"],
        "name": row["name"],
        "family": family,
        "transport": "datagram" if family in FRAME_HEADERS else "tcp",
        "shared_medium": family in SHARED,
        "note": row["note"],
    }
    return Link.model_validate(fields)
