"""The devices of the catalogue: ``devices.csv`` in SI units, and those that were measured on this installation."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from engine.core.catalogue_file import Row, figure, number, provenance_of, read_rows
from engine.core.figure import Figure, Provenance
from engine.fleet.device import Device, DeviceClass
from engine.fleet.own_devices import own_devices

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


def devices() -> Mapping[str, Device]:
    """All devices of the catalogue by id: the built-in ones, then those of the platform's folder."""
    own = own_devices()
    return MappingProxyType({**builtin_devices(), **own}) if own else builtin_devices()


@cache
def builtin_devices() -> Mapping[str, Device]:
    """The devices of the file by id, in its order."""
    return MappingProxyType({key: _device(row) for key, row in read_rows(PATH, "device_id").items()})


def _device(row: Row) -> Device:
    rates = _rates(row)
    return Device(
        name=row["name"],
        device_class=CLASSES[row["class"]],
        conv_rate=rates.get("conv_rate"),
        depthwise_rate=rates.get("depthwise_rate"),
        linear_rate=rates.get("linear_rate"),
        int8_conv_rate=rates.get("int8_conv_rate"),
        int8_depthwise_rate=rates.get("int8_depthwise_rate"),
        int8_linear_rate=rates.get("int8_linear_rate"),
        fast_memory_bytes=_cliff(row, "fast_memory_mib", "B", MEBI),
        slow_share=_cliff(row, "slow_share", "", 1.0),
        ram_bytes=_needed(row, "usable_ram_mib", "B", MEBI, "provenance_memory"),
        flash_bytes=figure(row, "flash_mib", unit="B", scale=MEBI, provenance="provenance_memory"),
        active_power_w=_needed(row, "active_power_w", "W", 1.0, "provenance_active_power"),
        idle_power_w=_needed(row, "idle_power_w", "W", 1.0, "provenance_idle_power"),
        note=row["note"],
    )


def _cliff(row: Row, column: str, unit: str, scale: float) -> Figure | None:
    if not row[column]:
        return None
    return figure(row, column, unit=unit, scale=scale, provenance="provenance_working_set")


def _needed(row: Row, column: str, unit: str, scale: float, provenance: str) -> Figure:
    found = figure(row, column, unit=unit, scale=scale, provenance=provenance)
    if found is None:
        raise ValueError(f"{row['device_id']} has no {column}")
    return found


_RATES = (
    ("conv_rate", "conv_gmacs", "float_from"),
    ("depthwise_rate", "depthwise_gmacs", "float_from"),
    ("linear_rate", "linear_gmacs", "float_from"),
    ("int8_conv_rate", "int8_conv_gmacs", "int8_from"),
    ("int8_depthwise_rate", "int8_depthwise_gmacs", "int8_from"),
    ("int8_linear_rate", "int8_linear_gmacs", "int8_from"),
)
"""Fields of a device, the columns of their values and of the rules that gave them (``engine.costs.derivation``)."""

_RULES = {
    "ncnn": "solved from the latencies of two networks",
    "system": "fit on published latencies",
    "scaled": "fit on published latencies of another device, scaled by the clock",
    "measured": "rate of whole networks",
    "sustained": "half of the sustained operations per second",
}
"""What the rules do, in words."""


def _rates(row: Row) -> dict[str, Figure]:
    """The speeds that are known of a device, by field."""
    found = {}
    for field, column, origin in _RATES:
        value, rule = number(row, column), row[origin].partition(" ")[0]
        if value is not None:
            source = f"{_RULES[rule]}: {row['benchmark']}; {row['source']}"
            provenance = _provenance(row, rule, field)
            found[field] = Figure(value=value * GIGA, unit="MAC/s", provenance=provenance, source=source)
    return found


def _provenance(row: Row, rule: str, field: str) -> Provenance:
    match rule:
        case "measured":
            return provenance_of(row, "provenance_compute")
        case "sustained" if field == "conv_rate":
            return provenance_of(row, "provenance_fp32")
        case "sustained":
            return "recalled"
        case _:
            return "derived"
