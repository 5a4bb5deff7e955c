"""Whether a network fits the devices of a fleet, and what one answer costs there: known before anything is trained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.core.figure import Figure
from engine.core.json import JsonValue
from engine.core.operators import OPERATOR_CLASSES
from engine.costs import work
from engine.costs.compute import ComputeTable
from engine.costs.trace import INFER
from engine.datafree.fleet.footprint import PRECISIONS, Footprint, Precision, footprint
from engine.datafree.rounding.folding import fold_graph
from engine.fleet import device
from engine.fleet.device import Device
from engine.fleet.fleet import Fleet
from engine.models.graph import Graph
from engine.models.profile import profile

KIBI = 1024

SMALL_MEMORY_BYTES = 16 << 20
"""Memory below which no operating system with processes runs."""

CUBE_AI = (
    "repository STMicroelectronics/stm32ai-modelzoo, image_classification/resnetv1: ResNet v1 8 on CIFAR-10, int8, "
    "STM32H7, STM32Cube.AI 10.0.0 (56.45 KiB of code, 7.21 KiB of memory beside the activations)"
)
ONNX_RUNTIME = "onnxruntime 1.32.0 for x86-64, libonnxruntime.so"


@dataclass(frozen=True)
class Runtime:
    """The program that runs a network.

    Attributes:
        flash: bytes of its code.
        ram: bytes that it needs beside the activations.
        is_in_place: whether weights are read where they lie in flash; else they are in memory as well.
    """

    flash: Figure
    ram: Figure
    is_in_place: bool


SMALL = Runtime(
    flash=Figure(value=round(56.45 * KIBI), unit="B", provenance="read", source=CUBE_AI),
    ram=Figure(value=round(7.21 * KIBI), unit="B", provenance="read", source=CUBE_AI),
    is_in_place=True,
)
"""What a microcontroller runs networks with. Runtimes differ: TensorFlow Lite Micro names 22 KB of code for a keyword
model, and for other networks this one needs 50 to 80 KiB, or 30 in its newest version."""

LARGE = Runtime(
    flash=Figure(value=34_824_680, unit="B", provenance="read", source=f"{ONNX_RUNTIME}: size of the file"),
    ram=Figure(
        value=27_900_000, unit="B", provenance="calibrated",
        source=f"{ONNX_RUNTIME}: resident memory of the library and a session of one layer, measured on a host",
    ),
    is_in_place=False,
)  # fmt: skip
"""What a computer with an operating system runs networks with."""


def runtime_of(kind: Device) -> Runtime:
    """The runtime of a kind of device: the small one where memory is counted in kilobytes."""
    return SMALL if kind.ram_bytes.value < SMALL_MEMORY_BYTES else LARGE


@dataclass(frozen=True)
class BudgetRow:
    """One group of devices, one precision.

    Attributes:
        group: name of the group.
        device: name of its device.
        precision: of the network's numbers.
        flash_needed: bytes of weights and runtime.
        flash_available: bytes there are; None if that is not known.
        ram_needed: bytes of activations and runtime, and of the weights where they are not read in place.
        ram_available: bytes there are.
        latency_s: time of one answer after a pause; None where no speed is known.
        energy_j: energy of one answer; None likewise.
    """

    group: str
    device: str
    precision: Precision
    flash_needed: int
    flash_available: int | None
    ram_needed: int
    ram_available: int
    latency_s: float | None
    energy_j: float | None

    @property
    def excess_flash_bytes(self) -> int:
        """Bytes of flash that are missing; 0 if it fits, or if the flash is not known."""
        return 0 if self.flash_available is None else max(0, self.flash_needed - self.flash_available)

    @property
    def excess_ram_bytes(self) -> int:
        """Bytes of memory that are missing; 0 if it fits."""
        return max(0, self.ram_needed - self.ram_available)

    @property
    def excess_bytes(self) -> int:
        """Bytes that are missing in flash and in memory together."""
        return self.excess_flash_bytes + self.excess_ram_bytes

    @property
    def fits(self) -> bool:
        """Whether nothing is missing."""
        return self.excess_bytes == 0

    def as_json(self) -> dict[str, JsonValue]:
        """The row as plain values."""
        return {
            "group": self.group, "device": self.device, "precision": self.precision, "fits": self.fits,
            "excess_bytes": self.excess_bytes, "excess_flash_bytes": self.excess_flash_bytes,
            "excess_ram_bytes": self.excess_ram_bytes, "flash_needed": self.flash_needed,
            "flash_available": self.flash_available, "ram_needed": self.ram_needed,
            "ram_available": self.ram_available, "latency_s": self.latency_s, "energy_j": self.energy_j,
        }  # fmt: skip


def budget(graph: Graph, fleet: Fleet, precision: Precision) -> list[BudgetRow]:
    """Whether each group's devices can hold and run the network, one row per group.

    Args:
        graph: the network, as it is declared.
        fleet: the devices.
        precision: of its numbers.
    """
    needs = footprint(graph, precision)
    return [_row(fleet, number, needs, answer) for number, answer in enumerate(_answers(graph, fleet, precision))]


def budgets(graph: Graph, fleet: Fleet, precisions: Sequence[Precision] = PRECISIONS) -> list[BudgetRow]:
    """All precisions, group by group."""
    columns = [budget(graph, fleet, precision) for precision in precisions]
    return [row for rows in zip(*columns, strict=True) for row in rows]


def _row(fleet: Fleet, number: int, needs: Footprint, answer: tuple[float | None, float | None]) -> BudgetRow:
    kind = fleet.kinds[number]
    runtime = runtime_of(kind)
    flash = None if kind.flash_bytes is None else int(kind.flash_bytes.value)
    is_in_place = runtime.is_in_place and flash != 0
    in_flash = 0 if flash == 0 else needs.weight_bytes + int(runtime.flash.value)
    in_ram = needs.activation_bytes + int(runtime.ram.value)
    return BudgetRow(
        group=fleet.names[number],
        device=kind.name,
        precision=needs.precision,
        flash_needed=in_flash,
        flash_available=flash,
        ram_needed=in_ram if is_in_place else in_ram + needs.weight_bytes,
        ram_available=int(kind.ram_bytes.value),
        latency_s=answer[0],
        energy_j=answer[1],
    )


ARITHMETIC: Mapping[Precision, tuple[device.Precision, ...]] = {
    "fp32": ("float",), "int8": ("int8", "float"), "int4": ("int8", "float"),
}  # fmt: skip
"""In what a device computes each precision, first choice first: weights of 4 bits are unpacked on the way."""


def _answers(graph: Graph, fleet: Fleet, precision: Precision) -> list[tuple[float | None, float | None]]:
    """Seconds and joules of one answer on each group's devices, by the cost model's rates."""
    costs = profile(fold_graph(graph))
    asked = [operator for operator in OPERATOR_CLASSES if costs.macs[operator]]
    found: list[tuple[float | None, float | None]] = []
    tables = {
        arithmetic: ComputeTable.of((work.Work.from_profile(costs, precision=arithmetic),), fleet)
        for arithmetic in ARITHMETIC[precision]
    }
    for number, kind in enumerate(fleet.kinds):
        able = [arithmetic for arithmetic in tables if all(kind.rate(op, arithmetic) is not None for op in asked)]
        if not able:
            found.append((None, None))
            continue
        table = tables[able[0]]
        seconds = float(table.sample_s[0, INFER, number] + np.nan_to_num(table.first_s[0, INFER, number]))
        found.append((seconds, seconds * kind.active_power_w.value))
    return found
