"""Points of a metric in compressed chunks: an index derived from the event log, which can be made again at any time.

A chunk holds zstd(byte-shuffled int32 step deltas + byte-shuffled float64 values): 7 to 10 bytes a point. A diverged
value (JSON null) is NaN here.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import zstandard

from webapp.experiments.log import Frame
from webapp.experiments.models import MetricChunk, Run

POINTS_PER_CHUNK = 1000
"""Points in a full chunk."""


@dataclass
class Points:
    """Points of one metric in the order of the log: step, value and the seq of the event that said so."""

    steps: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    seqs: list[int] = field(default_factory=list)

    def add(self, step: int, value: float, seq: int) -> None:
        """Append one point."""
        self.steps.append(step)
        self.values.append(value)
        self.seqs.append(seq)


def step_of(event: Frame) -> int:
    """The place of a metrics event on the x axis: its round, its step, or else its number."""
    body = event["body"]
    return int(body.get("round", body.get("step", event["seq"])))


def collect(events: Iterable[Frame], into: dict[str, Points]) -> None:
    """Add the points of all metrics events, by metric name."""
    for event in events:
        if event["kind"] == "metrics":
            step, seq = step_of(event), event["seq"]
            for name, value in event["body"].get("values", {}).items():
                number = math.nan if value is None else float(value)
                into.setdefault(name, Points()).add(step, number, seq)


def encode(steps: Sequence[int], values: Sequence[float]) -> bytes:
    """The stored form of points."""
    deltas = np.diff(np.asarray(steps, dtype=np.int64), prepend=0).astype("<i4")
    numbers = np.asarray(values, dtype="<f8")
    return zstandard.ZstdCompressor(level=3).compress(_shuffle(deltas) + _shuffle(numbers))


def decode(data: bytes | memoryview, num_points: int) -> tuple[np.ndarray, np.ndarray]:
    """Steps (N,) int64 and values (N,) float64 of :func:`encode`."""
    raw = zstandard.ZstdDecompressor().decompress(bytes(data), max_output_size=12 * num_points)
    deltas = _unshuffle(raw[: 4 * num_points], "<i4")
    steps = np.cumsum(deltas, dtype=np.int32)  # a difference of more than 31 bits wraps, and wraps back here
    return steps.astype(np.int64), _unshuffle(raw[4 * num_points :], "<f8")


def _shuffle(array: np.ndarray) -> bytes:
    # The first bytes of all numbers, then the second bytes, and so on: like bytes stand together and compress well.
    return array.view(np.uint8).reshape(len(array), array.itemsize).T.tobytes()


def _unshuffle(raw: bytes, dtype: str) -> np.ndarray:
    itemsize = np.dtype(dtype).itemsize
    columns = np.frombuffer(raw, dtype=np.uint8).reshape(itemsize, -1)
    return np.ascontiguousarray(columns.T).view(dtype).reshape(-1)


def rows(run: Run, points: Mapping[str, Points]) -> Iterator[MetricChunk]:
    """Unsaved chunks of these points."""
    for name, series in points.items():
        for start in range(0, len(series.steps), POINTS_PER_CHUNK):
            part = slice(start, start + POINTS_PER_CHUNK)
            yield _row(run, name, series.steps[part], series.values[part], series.seqs[part])


def _row(run: Run, name: str, steps: Sequence[int], values: Sequence[float], seqs: Sequence[int]) -> MetricChunk:
    finite = [value for value in values if math.isfinite(value)]
    return MetricChunk(
        run=run,
        name=name,
        seq_first=seqs[0],
        seq_last=seqs[-1],
        step_first=steps[0],
        step_last=steps[-1],
        num_points=len(steps),
        minimum=min(finite, default=None),
        maximum=max(finite, default=None),
        last=values[-1] if math.isfinite(values[-1]) else None,
        data=encode(steps, values),
    )
