"""What an exported file is worth: loaded again, run, compared with the model in memory, and timed on this host."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count

import numpy as np

from engine.datafree.export.files import Exported
from engine.datafree.export.liveness import peak_activation_bytes
from engine.datafree.export.runner import Runner, load

BATCH = 250
"""Samples that run at once."""

WARM_UP, MOST_RUNS, MOST_SECONDS = 3, 101, 0.5
"""Untimed runs of one sample, timed ones at most, and after how many seconds no further one begins."""


@dataclass(frozen=True)
class Tally:
    """How a file compares with the model in memory on some samples; tallies add up.

    Attributes:
        num_samples: answers that were compared.
        num_right: of these, how many of the file are right.
        num_agreeing: how many are the same as the model's.
        max_abs_difference: largest difference of a logit.
    """

    num_samples: int = 0
    num_right: int = 0
    num_agreeing: int = 0
    max_abs_difference: float = 0.0

    def __add__(self, other: "Tally") -> "Tally":
        """Both together."""
        return Tally(
            self.num_samples + other.num_samples,
            self.num_right + other.num_right,
            self.num_agreeing + other.num_agreeing,
            max(self.max_abs_difference, other.max_abs_difference),
        )

    def to_arrays(self) -> dict[str, np.ndarray]:
        """The tally as a state keeps it."""
        counts = np.array([self.num_samples, self.num_right, self.num_agreeing])
        return {"counts": counts, "difference": np.array([self.max_abs_difference])}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Tally":
        """What :meth:`to_arrays` wrote."""
        samples, right, agreeing = map(int, arrays["counts"])
        return cls(samples, right, agreeing, float(arrays["difference"][0]))

    @property
    def accuracy(self) -> float:
        """Share of right answers of the file."""
        return self.num_right / max(self.num_samples, 1)

    @property
    def agreement(self) -> float:
        """Share of answers that are the model's."""
        return self.num_agreeing / max(self.num_samples, 1)


@dataclass(frozen=True)
class Latency:
    """Time of one sample on this host, one thread; a measurement, so it differs from run to run.

    Attributes:
        median_s: median of the runs, in seconds.
        low_s: a tenth of the runs was faster.
        high_s: a tenth was slower.
        num_runs: timed runs.
    """

    median_s: float
    low_s: float
    high_s: float
    num_runs: int


@dataclass(frozen=True)
class ExportCheck:
    """What was found about a file.

    Attributes:
        name: name of the file.
        format: what it is.
        precision: ``fp32``, ``int8`` or ``int4``.
        num_bytes: its size.
        tally: comparison with the model in memory on the test samples; its accuracy is the file's.
        latency: time of one sample.
        peak_activation_bytes: by liveness over the file's nodes; None for other formats than ONNX.
    """

    name: str
    format: str
    precision: str
    num_bytes: int
    tally: Tally
    latency: Latency
    peak_activation_bytes: int | None


def compare(run: Runner, model: Runner, x: np.ndarray, y: np.ndarray) -> Tally:
    """Run some samples through the file and the model.

    Args:
        run: the file, see :func:`load`.
        model: the model in memory.
        x: (N, *sample.shape).
        y: (N,) or (N, T) labels.
    """
    said, meant = run(x), model(x)
    answers, wanted = said.argmax(-1), meant.argmax(-1)
    difference = np.abs(said - meant).max() if len(x) else 0.0
    return Tally(answers.size, int((answers == y).sum()), int((answers == wanted).sum()), float(difference))


def latency(run: Runner, sample: np.ndarray) -> Latency:
    """Time one sample, (1, *sample.shape), again and again."""
    for _ in range(WARM_UP):
        run(sample)
    times: list[float] = []
    end = time.perf_counter() + MOST_SECONDS
    for number in count(1):
        before = time.perf_counter()
        run(sample)
        times.append(time.perf_counter() - before)
        if number >= MOST_RUNS or time.perf_counter() > end:
            break
    low, median, high = np.quantile(times, (0.1, 0.5, 0.9))
    return Latency(float(median), float(low), float(high), len(times))


def verify(exported: Exported, model: Runner, x: np.ndarray, y: np.ndarray) -> ExportCheck:
    """Load a file again, and compare and time it.

    Args:
        exported: the file.
        model: the model in memory that it was made from.
        x: (N, *sample.shape), test samples, one or more.
        y: (N,) or (N, T), their labels.
    """
    run = load(exported)
    batches = (slice(first, first + BATCH) for first in range(0, len(x), BATCH))
    tally = sum((compare(run, model, x[rows], y[rows]) for rows in batches), Tally())
    return ExportCheck(
        name=exported.name,
        format=exported.format,
        precision=exported.precision,
        num_bytes=len(exported.content),
        tally=tally,
        latency=latency(run, x[:1]),
        peak_activation_bytes=peak_activation_bytes(exported.content) if exported.format == "onnx" else None,
    )
