"""How well the model of compute time predicts: fit on two published benchmarks of a device, asked for the third.

``published.csv`` holds inferences per second as their authors published them (MLPerf Tiny, and person detection with
TensorFlow Lite for microcontrollers). A device is described by two speeds: one of dense work (convolutions, fully
connected layers) and one of work that memory bounds (depthwise convolutions, element-wise work). That is what the
catalogue knows of most devices, as the other classes take over these two (``STAND_INS``).

Two benchmarks determine two speeds only roughly, since visual wake words and keyword spotting are composed almost
alike. So their ratio is held near that of the other chips, a device never counting for itself: a log-normal prior.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import exp, log
from pathlib import Path
from statistics import fmean, median, stdev

import numpy as np

from engine.core.catalogue_file import read_lines
from engine.core.sample import SampleSpec
from engine.costs.compute import ComputeTable
from engine.costs.trace import INFER
from engine.costs.work import Work
from engine.fleet.availabilities.always import Always
from engine.fleet.device import Device, Precision
from engine.fleet.fleet import Fleet
from engine.models.model import models
from engine.models.profile import profile

PATH = Path(__file__).with_name("published.csv")
"""The published figures, one line per system and workload."""

TINY = ("ic", "vww", "kws")
"""The convolutional workloads of MLPerf Tiny: image classification, visual wake words, keyword spotting."""

TITLES: Mapping[str, str] = {
    "ic": "image classification",
    "vww": "visual wake words",
    "kws": "keyword spotting",
    "ad": "anomaly detection",
    "person": "person detection",
}
"""What the workloads are called."""

MODEL_ERROR = 0.1
"""Standard deviation of the logarithm of time that a sum over operator classes is trusted to; weighs measurements
against the prior. That of a figure which was read (``engine.costs.tolerance``)."""

FIRST_RATIO, FIRST_SPREAD = 6.0, 1.0
"""Ratio of dense to memory-bound speed, and the standard deviation of its logarithm, before any chip is known: wide, so
that three workloads decide."""


@dataclass(frozen=True)
class System:
    """A board with its software, as benchmarked.

    Attributes:
        name: its name in the file.
        chip: the chip; several systems may have the same.
        clock_mhz: its clock; None if not stated.
        precision: arithmetic.
        software: what ran the network.
        source: where the figures were published.
        seconds: workload -> seconds of one inference.
    """

    name: str
    chip: str
    clock_mhz: float | None
    precision: Precision
    software: str
    source: str
    seconds: Mapping[str, float]


@dataclass(frozen=True)
class Ratio:
    """What is believed of the ratio of dense to memory-bound speed.

    Attributes:
        typical: its median.
        spread: standard deviation of its logarithm.
    """

    typical: float
    spread: float


@dataclass(frozen=True)
class Speeds:
    """The two speeds of a device, in multiply-accumulates and element-wise operations per second."""

    dense: float
    memory: float

    def seconds(self, work: Work) -> float:
        """One inference by the cost model, on a device that has these two figures and no others."""
        word = "" if work.precision == "float" else "int8_"
        device = Device.model_validate(
            {
                "name": "fitted",
                f"{word}conv_rate": self.dense,
                f"{word}depthwise_rate": self.memory,
                "ram_bytes": 1.0,
                "active_power_w": 0.0,
                "idle_power_w": 0.0,
            }
        )
        return float(ComputeTable.of((work,), Fleet(["one"], [device], [1], [Always()])).sample_s[0, INFER, 0])


@dataclass(frozen=True)
class Prediction:
    """One workload that a device's speeds were not fit on.

    Attributes:
        system: the benchmarked system.
        workload: what was left out.
        measured_s: published time of one inference.
        predicted_s: the cost model's, fit on the other two.
        one_rate_s: what one speed for all operations would say, fit on the same two.
    """

    system: System
    workload: str
    measured_s: float
    predicted_s: float
    one_rate_s: float

    @property
    def error(self) -> float:
        """Predicted over measured, less one."""
        return self.predicted_s / self.measured_s - 1

    @property
    def one_rate_error(self) -> float:
        """The same for one speed."""
        return self.one_rate_s / self.measured_s - 1


@cache
def systems() -> Mapping[str, System]:
    """All published systems by name, in the order of the file."""
    found: dict[str, System] = {}
    for row in read_lines(PATH):
        name = row["system"]
        earlier = dict(found[name].seconds) if name in found else {}
        found[name] = System(
            name=name,
            chip=row["chip"],
            clock_mhz=float(row["clock_mhz"]) if row["clock_mhz"] else None,
            precision="int8" if row["precision"] == "int8" else "float",
            software=row["software"],
            source=row["source"],
            seconds=earlier | {row["workload"]: 1 / float(row["inferences_per_s"])},
        )
    return found


@cache
def workloads(precision: Precision) -> Mapping[str, Work]:
    """What one inference of each workload asks of a device, from the declared networks."""
    image = {"ic": ("resnet8", (3, 32, 32), 10), "vww": ("mobilenet", (3, 96, 96), 2)}
    image |= {"kws": ("ds_cnn", (1, 49, 10), 12), "person": ("mobilenet", (1, 96, 96), 2)}
    graphs = {
        name: models[kind]().declare(SampleSpec(kind="image", shape=shape, num_classes=classes))
        for name, (kind, shape, classes) in image.items()
    }
    coder = models["mlp"].model_validate({"hidden": [128] * 4 + [8] + [128] * 4})
    graphs["ad"] = coder.declare(SampleSpec(kind="features", shape=(640,), num_classes=640))
    return {name: Work.from_profile(profile(graph), precision=precision) for name, graph in graphs.items()}


def split(work: Work) -> tuple[float, float]:
    """Operations of one inference at dense and at memory-bound speed."""
    dense = sum(work.macs.get(name, 0) for name in ("conv", "linear", "recurrent"))
    return float(dense), float(sum(work.macs.values()) - dense)


def fit(seconds: Mapping[str, float], works: Mapping[str, Work], ratio: Ratio) -> Speeds:
    """The speeds that explain some times best.

    Least squares of the logarithms of times, measured in ``MODEL_ERROR``, and of the ratio, measured in its spread.

    Args:
        seconds: workload -> time of one inference.
        works: what the workloads ask.
        ratio: what is believed of the ratio of the speeds.
    """
    from scipy.optimize import least_squares

    amounts = np.array([split(works[name]) for name in seconds])
    times = np.array(list(seconds.values()))

    def residuals(logs: np.ndarray) -> np.ndarray:
        modeled = np.log(amounts @ np.exp(-logs))
        belief = (logs[0] - logs[1] - np.log(ratio.typical)) / ratio.spread
        return np.append((modeled - np.log(times)) / MODEL_ERROR, belief)

    overall = float(np.log(amounts.sum(axis=1) / times).mean())
    found = least_squares(residuals, [overall, overall - np.log(ratio.typical)], xtol=1e-12, ftol=1e-12, gtol=1e-12)
    return Speeds(*np.exp(found.x).tolist())


def ratios(known: Iterable[System]) -> dict[str, float]:
    """Logarithm of the ratio of the speeds of every system that ran all three workloads, each by itself."""
    wide, found = Ratio(FIRST_RATIO, FIRST_SPREAD), {}
    for system in known:
        if set(TINY) <= set(system.seconds):
            speeds = fit({name: system.seconds[name] for name in TINY}, workloads(system.precision), wide)
            found[system.name] = log(speeds.dense / speeds.memory)
    return found


def ratio_of_others(system: System, logs: Mapping[str, float]) -> Ratio:
    """What the other chips with the same arithmetic say about the ratio of the speeds.

    Args:
        system: the system that does not count, nor do others with its chip.
        logs: what :func:`ratios` found.
    """
    others = [systems()[name] for name in logs]
    found = [logs[one.name] for one in others if one.chip != system.chip and one.precision == system.precision]
    return Ratio(exp(fmean(found)), stdev(found)) if len(found) > 2 else Ratio(FIRST_RATIO, FIRST_SPREAD)


@cache
def _published_ratios() -> Mapping[str, float]:
    return ratios(systems().values())


def speeds_of(system: System) -> Speeds:
    """The speeds of a published system from all its convolutional workloads."""
    times = {name: time for name, time in system.seconds.items() if name != "ad"}
    return fit(times, workloads(system.precision), ratio_of_others(system, _published_ratios()))


@cache
def leave_one_out() -> tuple[Prediction, ...]:
    """Every workload of every published system that ran the three, predicted from the other two."""
    found = []
    for system in systems().values():
        if not set(TINY) <= set(system.seconds):
            continue
        ratio, works = ratio_of_others(system, _published_ratios()), workloads(system.precision)
        for left_out in TINY:
            others = {name: system.seconds[name] for name in TINY if name != left_out}
            found.append(
                Prediction(
                    system=system,
                    workload=left_out,
                    measured_s=system.seconds[left_out],
                    predicted_s=fit(others, works, ratio).seconds(works[left_out]),
                    one_rate_s=_one_rate(others, works) * sum(split(works[left_out])),
                )
            )
    return tuple(found)


def _one_rate(seconds: Mapping[str, float], works: Mapping[str, Work]) -> float:
    """Seconds per operation if all were alike: the geometric mean."""
    return float(np.exp(fmean(np.log(time / sum(split(works[name]))) for name, time in seconds.items())))


def median_error(predictions: Sequence[Prediction], *, one_rate: bool = False) -> float:
    """The median of the errors without their signs."""
    return median(abs(found.one_rate_error if one_rate else found.error) for found in predictions)
