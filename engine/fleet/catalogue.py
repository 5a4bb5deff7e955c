"""The devices of the catalogue, read once from ``devices.csv`` and converted to SI units."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from engine.core.catalogue_file import Row, figure, number, provenance_of, read_rows
from engine.core.figure import Figure, Provenance
from engine.fleet.device import Device, DeviceClass

PATH = Path(__file__).with_name("devices.csv")
"""The catalogue file; its last columns state the provenance of each group of figures."""

GIGA = 1e9
MEBI = 1024.0**2

CLASSES: Mapping[str, DeviceClass] = {
    "sbc": "board",
    "phone": "phone",
    "mcu": "microcontroller",
    "gateway": "gateway",
    "server": "server",
    "server_gpu": "server",
    "accelerator": "accelerator",
}
"""The file's words for a class, and ours."""


@cache
def devices() -> Mapping[str, Device]:
    """All devices of the catalogue by id, in the order of the file."""
    return MappingProxyType({key: _device(row) for key, row in read_rows(PATH, "device_id").items()})


def _device(row: Row) -> Device:
    conv = _conv_rate(row)
    depthwise = _depthwise_rate(row, conv)
    return Device(
        name=row["name"],
        device_class=CLASSES[row["class"]],
        conv_rate=conv,
        depthwise_rate=depthwise,
        int8_conv_rate=_int8_conv_rate(row),
        int8_depthwise_rate=_int8_depthwise_rate(row),
        ram_bytes=_needed(row, "usable_ram_mib", "B", MEBI, "provenance_memory"),
        flash_bytes=figure(row, "flash_mib", unit="B", scale=MEBI, provenance="provenance_memory"),
        active_power_w=_needed(row, "active_power_w", "W", 1.0, "provenance_active_power"),
        idle_power_w=_needed(row, "idle_power_w", "W", 1.0, "provenance_idle_power"),
        note=row["note"],
    )


def _needed(row: Row, column: str, unit: str, scale: float, provenance: str) -> Figure:
    found = figure(row, column, unit=unit, scale=scale, provenance=provenance)
    if found is None:
        raise ValueError(f"{row['device_id']} has no {column}")
    return found


def _rate(value: float | None, provenance: Provenance, source: str) -> Figure | None:
    return None if value is None else Figure(value=value, unit="MAC/s", provenance=provenance, source=source)


def _conv_rate(row: Row) -> Figure | None:
    """Half the sustained fp32 FLOP/s: a multiply-accumulate is two operations; fp16 rates stand halved there."""
    sustained = number(row, "sustained_fp32_gflops")
    if sustained is None:
        return None
    provenance = provenance_of(row, "provenance_fp32")
    return _rate(sustained / 2 * GIGA, provenance, f"{row['benchmark']}; {row['source']}")


def _depthwise_rate(row: Row, conv: Figure | None) -> Figure | None:
    if conv is None:
        return None
    measured = number(row, "measured_float_gmacs_depthwise")
    if measured is not None:
        halved = row["measured_float_precision"] == "fp16"
        provenance: Provenance = "derived" if halved else provenance_of(row, "provenance_compute")
        source = f"{row['benchmark']}; {row['source']}" + ("; half of the fp16 rate" if halved else "")
        return _rate(measured * GIGA / (2 if halved else 1), provenance, source)
    int8_conv, int8_depthwise = number(row, "measured_int8_gmacs_conv"), number(row, "measured_int8_gmacs_depthwise")
    if int8_conv is not None and int8_depthwise is not None:
        provenance = "recalled" if conv.provenance == "recalled" else "derived"
        return _rate(
            conv.value * int8_depthwise / int8_conv, provenance, "dense rate times the int8 depthwise / dense ratio"
        )
    return None


def _int8_conv_rate(row: Row) -> Figure | None:
    """Measured where there is a figure, else half the sustained operations per second."""
    source = f"{row['benchmark']}; {row['source']}"
    measured = number(row, "measured_int8_gmacs_conv")
    if measured is not None:
        return _rate(measured * GIGA, provenance_of(row, "provenance_compute"), source)
    sustained = number(row, "sustained_int8_gops")
    return None if sustained is None else _rate(sustained / 2 * GIGA, "recalled", source)


def _int8_depthwise_rate(row: Row) -> Figure | None:
    measured = number(row, "measured_int8_gmacs_depthwise")
    if measured is not None:
        return _rate(measured * GIGA, provenance_of(row, "provenance_compute"), f"{row['benchmark']}; {row['source']}")
    return None
