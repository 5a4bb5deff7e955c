"""Where the speeds of the device catalogue come from: recomputed from published latencies by stated rules.

Columns ``float_from`` and ``int8_from`` of ``devices.csv`` name the rule, the other columns hold what it gives:

* ``ncnn``: dense and memory-bound speed from two networks, ResNet-50 and MobileNetV2, two equations with two unknowns;
  half of it where the figures were measured in 16-bit floats;
* ``system NAME``: fit on a system of ``published.csv``;
* ``scaled NAME CLOCK``: the same, by the clock of this device over that of the system;
* ``measured``: the measured rates of whole networks as they are;
* ``sustained``: half the sustained operations per second.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engine.core.catalogue_file import Row, number
from engine.costs.published import Speeds, speeds_of, split, systems, workloads
from engine.costs.work import Work
from engine.fleet.device import Precision

RESNET_50 = Work(macs={"conv": 4_087_136_256, "linear": 2_048_000, "other": 28_148_736})
"""One image of 224x224 by K. He et al., CVPR 2016, table 1."""

MOBILENET_V2 = Work(macs={"conv": 278_777_856, "depthwise": 20_716_416, "linear": 1_280_000, "other": 13_063_008})
"""One image of 224x224 by M. Sandler et al., CVPR 2018, table 2."""

RESNET_50_GMACS, MOBILENET_V2_GMACS = 4.09, 0.301
"""Work by which the catalogue's rates of whole networks were computed from latencies."""

GIGA, MEBI = 1e9, 2**20

COLUMNS: Mapping[Precision, tuple[str, str, str]] = {
    "float": ("conv_gmacs", "depthwise_gmacs", "linear_gmacs"),
    "int8": ("int8_conv_gmacs", "int8_depthwise_gmacs", "int8_linear_gmacs"),
}
"""Columns that hold the speeds of dense, memory-bound and fully connected work."""


@dataclass(frozen=True)
class Cliff:
    """A network that does not fit into a device's fast memory, by which its slow share is found.

    Attributes:
        network: what it is.
        seconds: published time of one inference.
        gmacs: its multiply-accumulates, in billions.
        num_bytes: bytes of its weights in 8-bit integers.
        rate_column: column of the speed that the device has on networks of that make which do fit.
    """

    network: str
    seconds: float
    gmacs: float
    num_bytes: float
    rate_column: str


CLIFFS: Mapping[str, Cliff] = {
    "coral_dev_board": Cliff("VGG16", 0.343, 15.47, 138.36e6, "measured_int8_gmacs_conv"),
    "esp32_s3": Cliff("MobileNetV3-Small", 1.434, 0.056, 2.54e6, "measured_int8_gmacs_depthwise"),
}
"""Published times beyond the cliff, see the devices' benchmark and note; sizes of the networks are those of their
papers: K. Simonyan and A. Zisserman, ICLR 2015, and A. Howard et al., Searching for MobileNetV3, ICCV 2019, table 3."""


def derived_columns(row: Row) -> dict[str, float]:
    """The speeds of a device of the catalogue by column, in billions per second, and its slow share.

    Args:
        row: its line of ``devices.csv``.
    """
    found: dict[str, float] = {}
    for precision in ("float", "int8"):
        rates = _rates(row, precision, row[f"{precision}_from"])
        found |= {name: value for name, value in zip(COLUMNS[precision], rates, strict=True) if value is not None}
    cliff = CLIFFS.get(row["device_id"])
    if cliff is not None:
        found["slow_share"] = slow_share(cliff, float(row[cliff.rate_column]), float(row["fast_memory_mib"]) * MEBI)
    return found


def slow_share(cliff: Cliff, gmacs_per_s: float, fast_bytes: float) -> float:
    """The share of speed outside of the fast memory that explains a published time."""
    slowing = cliff.seconds * gmacs_per_s / cliff.gmacs
    outside = 1 - fast_bytes / cliff.num_bytes
    return 1 / (1 + (slowing - 1) / outside)


def _rates(row: Row, precision: Precision, rule: str) -> tuple[float | None, float | None, float | None]:
    """Speeds of dense, memory-bound and fully connected work; None where they are not known."""
    match rule.split():
        case []:
            return None, None, None
        case ["ncnn"]:
            return _two_networks(row)
        case ["system", name]:
            return _of_system(name, 1.0)
        case ["scaled", name, clock]:
            return _of_system(name, float(row["clock_mhz"]) / float(clock))
        case ["measured"]:
            return (
                number(row, f"measured_{precision}_gmacs_conv"),
                number(row, f"measured_{precision}_gmacs_depthwise"),
                None,
            )
        case ["sustained"]:
            return _sustained(row, precision)
        case _:
            raise ValueError(f"{row['device_id']} has an unknown rule {rule!r}")


def _two_networks(row: Row) -> tuple[float, float, None]:
    dense, memory = float(row["measured_float_gmacs_conv"]), float(row["measured_float_gmacs_depthwise"])
    works = np.array([split(RESNET_50), split(MOBILENET_V2)])
    seconds = np.linalg.solve(works / GIGA, [RESNET_50_GMACS / dense, MOBILENET_V2_GMACS / memory])
    halved = 0.5 if row["measured_float_precision"] == "fp16" else 1.0
    return halved / float(seconds[0]), halved / float(seconds[1]), None


def _of_system(name: str, factor: float) -> tuple[float, float, float | None]:
    system = systems()[name]
    speeds = speeds_of(system)
    linear = _linear(system.seconds.get("ad"), speeds, workloads(system.precision)["ad"])
    rates = (speeds.dense, speeds.memory, linear)
    dense, memory, connected = (None if rate is None else factor * rate / GIGA for rate in rates)
    assert dense is not None
    assert memory is not None
    return dense, memory, connected


def _linear(seconds: float | None, speeds: Speeds, work: Work) -> float | None:
    """Speed of fully connected layers from the one workload that has nothing else."""
    if seconds is None:
        return None
    rest = sum(work.macs.values()) - work.macs["linear"]
    return work.macs["linear"] / (seconds - rest / speeds.memory)


def _sustained(row: Row, precision: Precision) -> tuple[float | None, float | None, None]:
    """Half of the operations per second; depthwise in the proportion of the other arithmetic's, if that is known."""
    column = "sustained_fp32_gflops" if precision == "float" else "sustained_int8_gops"
    dense = float(row[column]) / 2
    if precision == "float" and row["int8_from"]:
        other, memory, _ = _rates(row, "int8", row["int8_from"])
        if other is not None and memory is not None:
            return dense, dense * memory / other, None
    return dense, None, None
