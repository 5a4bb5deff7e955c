"""``calibrate``: how fast this machine computes, as a device of the catalogue."""

import argparse
import os
import platform
import shutil
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.commands.output import DONE, amount, note, say, write_json
from engine.commands.spec_file import add_json
from engine.core.figure import Figure
from engine.core.home import home_folder
from engine.core.operators import OperatorClass
from engine.fleet.device import Device
from engine.fleet.own_devices import host_id, save_own_device
from engine.fleet.rates import ColdRates, TrainingPasses

if TYPE_CHECKING:
    from engine.training.calibration import OperatorSpeed, Spread

SUMMARY = "measure how fast this machine computes, and add it to the catalogue as a device"

ACTIVE_POWER_W, IDLE_POWER_W = 15.0, 6.0
"""Power of a small computer, where nobody says what this one draws: the catalogue's gateway box."""

Speeds = Mapping[OperatorClass, "OperatorSpeed"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--id", default=None, help=f"id of the device; here {host_id()}")
    parser.add_argument("--name", default=None, help="what people call it")
    parser.add_argument(
        "--active-power", metavar="WATT", type=float, help="power while it computes; it is not measured"
    )
    parser.add_argument("--idle-power", metavar="WATT", type=float, help="power while it waits; it is not measured")
    parser.add_argument("--quick", action="store_true", help="measure only a few times")
    add_json(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Measure, keep the device in the platform's folder, and say what was found."""
    from engine.training.calibration import measure

    speeds = measure(quick=arguments.quick, progress=lambda operator: note(f"measuring {operator} ..."))
    key = arguments.id or host_id()
    device = device_of(speeds, arguments)
    path = save_own_device(key, device)
    if arguments.json:
        tree = {"id": key, "device": device.model_dump(mode="json", exclude_none=True), "measured": _tree(speeds)}
        write_json(tree, arguments.json)
    if arguments.json != "-":
        _tell(key, path, speeds)
    return DONE


def device_of(speeds: Speeds, arguments: argparse.Namespace) -> Device:
    """The machine that we are on as a device.

    Args:
        speeds: what was measured.
        arguments: name and powers, where they are known.
    """
    where = f"{_processor()}, one thread, single precision"
    warm = {
        op: _figure(speed.warm, "MAC/s", f"median of batches of 16, {where}; {_quartiles(speed.warm)}")
        for op, speed in speeds.items()
    }
    cold = {
        op: _figure(speed.cold, "MAC/s", f"median of single samples after emptying the caches, {where}")
        for op, speed in speeds.items()
    }
    passes = {
        op: _figure(speed.passes, "", f"forward and backward over forward, {where}") for op, speed in speeds.items()
    }
    return Device(
        name=arguments.name or f"This host ({socket.gethostname()})"[:100],
        device_class="server",
        conv_rate=warm["conv"],
        depthwise_rate=warm["depthwise"],
        linear_rate=warm["linear"],
        recurrent_rate=warm["recurrent"],
        other_rate=warm["other"],
        cold=ColdRates(**cold),
        training=TrainingPasses(**passes),
        ram_bytes=Figure(value=_memory_bytes(), unit="B", provenance="calibrated", source="told by the system"),
        flash_bytes=Figure(value=_disk_bytes(), unit="B", provenance="calibrated", source="told by the system"),
        active_power_w=_power(arguments.active_power, ACTIVE_POWER_W),
        idle_power_w=_power(arguments.idle_power, IDLE_POWER_W),
        note="Measured on one core; a run that uses several at once has more. Power is not measured.",
    )


def _figure(found: "Spread", unit: str, source: str) -> Figure:
    return Figure(value=float(f"{found.median:.4g}"), unit=unit, provenance="calibrated", source=source)


def _power(given: float | None, recalled: float) -> Figure:
    if given is not None:
        return Figure(value=given, unit="W", provenance="user")
    source = "not measured: that of a small x86 computer; --active-power and --idle-power say it better"
    return Figure(value=recalled, unit="W", provenance="recalled", source=source)


def _processor() -> str:
    """The processor's name, as far as the system tells it."""
    told = Path("/proc/cpuinfo")
    if told.is_file():
        for line in told.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory_bytes() -> float:
    """Physical memory, or the limit of the container if that is less."""
    found = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    limit = Path("/sys/fs/cgroup/memory.max")
    told = limit.read_text(encoding="ascii").strip() if limit.is_file() else "max"
    return min(found, float(told)) if told.isdigit() else found


def _disk_bytes() -> float:
    folder = home_folder()
    while not folder.exists():
        folder = folder.parent
    return float(shutil.disk_usage(folder).total)


def _quartiles(found: "Spread") -> str:
    return f"quartiles {found.low / found.median - 1:+.0%} and {found.high / found.median - 1:+.0%} of {found.count}"


def _tree(speeds: Speeds) -> dict[str, Any]:
    return {
        operator: {name: vars(getattr(speed, name)) for name in ("warm", "cold", "passes")}
        for operator, speed in speeds.items()
    }


def _tell(key: str, path: Path, speeds: Speeds) -> None:
    say(f"{'operators':<12} {'warm':>12} {'quartiles':>12} {'cold':>12} {'training':>12}")
    for operator, speed in speeds.items():
        around = f"{speed.warm.low / speed.warm.median - 1:+.0%} {speed.warm.high / speed.warm.median - 1:+.0%}"
        rates = (amount(speed.warm.median, "MAC/s"), around, amount(speed.cold.median, "MAC/s"))
        say(f"{operator:<12} " + " ".join(f"{text:>12}" for text in rates) + f" {speed.passes.median:>5.2g} passes")
    say(f"{key} is in the catalogue now: list devices, or device: {key} in a spec ({path})")
