"""How fast this machine computes by operator class: forward with warm and with cold caches, and training.

One thread, single precision, CPU time of that thread, so that other work on the machine disturbs little. Warm is a
batch that is computed again and again; cold is one sample after all caches were written over, as after a pause: a hot
loop alone makes small models look twice as fast as they are when called now and then.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
import torch
from torch import Tensor, nn

from engine.core.operators import OPERATOR_CLASSES, OperatorClass

BATCH = 16
"""Samples of a warm batch: about those of local training."""

EVICTING_BYTES = 64 * 2**20
"""Memory that is written over to empty the caches; larger than those of one core's share of most processors."""

BUDGET_S, QUICK_BUDGET_S = 0.6, 0.05
"""CPU time for each way of computing each probe."""

LEAST, QUICK_LEAST = 15, 3
"""Least number of times that each is measured."""

MOST_COLD = 4
"""Cold passes are measured this many times the least: emptying the caches takes far longer than what is measured."""

MOST_WARM = 2000
"""Greatest number of times that a warm batch is measured."""

WARM_UP = 10
"""Times that a layer is computed before it is measured: the first ones plan and allocate."""

ALLOCATED_BYTES = 30 * 2**20
"""Memory that is taken and given back at the start: the C library then keeps freed memory, instead of returning it to
the system and taking it again for each result, page by page, which made the same layer eight times slower at random."""


@dataclass(frozen=True)
class Probe:
    """A layer whose speed stands for its class.

    Attributes:
        operator: the class.
        macs: multiply-accumulates of one sample (of ``other``: elements read).
        shape: shape of one sample.
        make: builds the layer.
    """

    operator: OperatorClass
    macs: int
    shape: tuple[int, ...]
    make: Callable[[], nn.Module]


@dataclass(frozen=True)
class Spread:
    """A measured quantity.

    Attributes:
        median: its median.
        low: its lower quartile.
        high: its upper quartile.
        count: number of measurements.
    """

    median: float
    low: float
    high: float
    count: int


@dataclass(frozen=True)
class OperatorSpeed:
    """What was found out about one operator class.

    Attributes:
        warm: multiply-accumulates per second of a warm batch.
        cold: multiply-accumulates per second of one sample with cold caches.
        passes: how many forward passes forward and backward take together.
    """

    warm: Spread
    cold: Spread
    passes: Spread


class _Last(nn.Module):
    """A recurrent layer of which only the outputs count."""

    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, x: Tensor) -> Tensor:
        """The outputs of all steps."""
        outputs: Tensor = self.cell(x)[0]
        return outputs


def probes() -> tuple[Probe, ...]:
    """Layers of the sizes that occur in small networks, two or three of each class."""
    return (
        Probe("conv", 16 * 16 * 9 * 32 * 32, (32, 16, 16), lambda: nn.Conv2d(32, 32, 3, padding=1)),
        Probe("conv", 8 * 8 * 9 * 64 * 64, (64, 8, 8), lambda: nn.Conv2d(64, 64, 3, padding=1)),
        Probe("conv", 16 * 16 * 64 * 64, (64, 16, 16), lambda: nn.Conv2d(64, 64, 1)),
        Probe("depthwise", 16 * 16 * 9 * 64, (64, 16, 16), lambda: nn.Conv2d(64, 64, 3, padding=1, groups=64)),
        Probe("depthwise", 24 * 24 * 9 * 32, (32, 24, 24), lambda: nn.Conv2d(32, 32, 3, padding=1, groups=32)),
        Probe("linear", 784 * 200, (784,), lambda: nn.Linear(784, 200)),
        Probe("linear", 512 * 512, (512,), lambda: nn.Linear(512, 512)),
        Probe("recurrent", 20 * 4 * 128 * (16 + 128), (20, 16), lambda: _Last(nn.LSTM(16, 128, batch_first=True))),
        Probe("recurrent", 20 * 3 * 128 * (16 + 128), (20, 16), lambda: _Last(nn.GRU(16, 128, batch_first=True))),
        Probe("other", 64 * 16 * 16, (64, 16, 16), nn.ReLU),
        Probe("other", 64 * 16 * 16, (64, 16, 16), lambda: nn.BatchNorm2d(64)),
    )


def measure(
    *, quick: bool = False, progress: Callable[[OperatorClass], None] | None = None
) -> dict[OperatorClass, OperatorSpeed]:
    """The speeds of this machine.

    Args:
        quick: measure only a few times.
        progress: called with each class before it is measured.
    """
    torch.set_num_threads(1)
    torch.ones(ALLOCATED_BYTES // 4)
    found = {}
    for operator in OPERATOR_CLASSES:
        if progress is not None:
            progress(operator)
        found[operator] = _speed([probe for probe in probes() if probe.operator == operator], quick=quick)
    return found


def _speed(chosen: Sequence[Probe], *, quick: bool) -> OperatorSpeed:
    """The speed of a class: all of its probes one after the other, as the layers of one network."""
    stopwatch = Stopwatch(QUICK_BUDGET_S if quick else BUDGET_S, QUICK_LEAST if quick else LEAST)
    warm, cold, passes = [], [], []
    for probe in chosen:
        layer = probe.make().train()
        forward = stopwatch.warm(_forward(layer, _input(probe, BATCH)))
        training = stopwatch.warm(_training(layer, _input(probe, BATCH)))
        first = stopwatch.cold(_forward(layer, _input(probe, 1)))
        warm.append(_rate(probe.macs * BATCH, forward))
        cold.append(_rate(probe.macs, first))
        passes.append(_ratio(training, forward))
    return OperatorSpeed(_together(warm, chosen), _together(cold, chosen), _mean(passes))


@dataclass(frozen=True)
class Stopwatch:
    """Measures again and again.

    Attributes:
        budget_s: CPU time to spend.
        least: least number of measurements.
    """

    budget_s: float
    least: int

    def warm(self, work: Callable[[], object]) -> Spread:
        """CPU seconds of this thread for a piece of work that is done again and again."""
        for _ in range(WARM_UP):
            work()
        count = max(self.least, min(MOST_WARM, int(self.budget_s / _seconds(work))))
        return _spread([_seconds(work) for _ in range(count)])

    def cold(self, work: Callable[[], object]) -> Spread:
        """The same after the caches were emptied each time."""
        work()
        seconds = []
        for _ in range(MOST_COLD * self.least):
            np.add(_EVICTING, 1.0, out=_EVICTING)
            seconds.append(_seconds(work))
        return _spread(seconds)


def _seconds(work: Callable[[], object]) -> float:
    start = time.thread_time()
    work()
    return max(time.thread_time() - start, 1e-9)


def _spread(seconds: Sequence[float]) -> Spread:
    low, high = np.quantile(seconds, [0.25, 0.75])
    return Spread(median(seconds), float(low), float(high), len(seconds))


def _input(probe: Probe, batch: int) -> Tensor:
    return torch.linspace(-1, 1, batch * int(np.prod(probe.shape))).reshape(batch, *probe.shape)


def _forward(layer: nn.Module, x: Tensor) -> Callable[[], object]:
    def run() -> object:
        with torch.inference_mode():
            return layer(x)

    return run


def _training(layer: nn.Module, x: Tensor) -> Callable[[], object]:
    """Forward and backward, with gradients of the input as within a network."""
    x = x.clone().requires_grad_()
    wanted = [x, *layer.parameters()]
    upper = torch.ones_like(layer(x))
    return lambda: torch.autograd.grad(layer(x), wanted, upper)


_EVICTING = np.zeros(EVICTING_BYTES // 8)


def _rate(macs: int, seconds: Spread) -> Spread:
    return Spread(macs / seconds.median, macs / seconds.high, macs / seconds.low, seconds.count)


def _ratio(training: Spread, forward: Spread) -> Spread:
    return Spread(
        max(1.0, training.median / forward.median),
        max(1.0, training.low / forward.median),
        max(1.0, training.high / forward.median),
        training.count,
    )


def _together(rates: Sequence[Spread], chosen: Sequence[Probe]) -> Spread:
    """The rate of all probes one after the other: the harmonic mean weighted by their work."""
    macs = np.array([probe.macs for probe in chosen], dtype=np.float64)
    middle, low, high = (
        float(macs.sum() / (macs / np.array([getattr(rate, name) for rate in rates])).sum())
        for name in ("median", "low", "high")
    )
    return Spread(middle, low, high, sum(rate.count for rate in rates))


def _mean(ratios: Sequence[Spread]) -> Spread:
    middle, low, high = (
        float(np.mean([getattr(ratio, name) for ratio in ratios])) for name in ("median", "low", "high")
    )
    return Spread(middle, low, high, sum(ratio.count for ratio in ratios))
