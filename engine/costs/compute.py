"""How long a computation takes: multiply-accumulates of each operator class over the device's rate for that class.

Three things bend that line. What does not fit into a device's fast memory goes at a lower speed; the first pass after a
pause finds cold caches; a training step is worth so many forward passes, by operator class.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import EngineError
from engine.core.memory import remembered
from engine.core.operators import OPERATOR_CLASSES
from engine.costs.accounts import only
from engine.costs.trace import COMPUTE, INFER, TRAIN, Trace
from engine.costs.work import Work
from engine.fleet.device import TRAINING_PASSES
from engine.fleet.fleet import Fleet

PASSES = {TRAIN: TRAINING_PASSES.value, INFER: 1.0}
"""Work of one sample in forward passes where the device has no figure of its own."""

Table = NDArray[np.float64]


@dataclass(frozen=True)
class ComputeTable:
    """Seconds by W kinds of work, mode (train, infer) and G groups; NaN where a device cannot do the work.

    Attributes:
        sample_s: (W, 2, G) each sample with warm caches.
        sample_recalled_s: (W, 2, G) the part of it that rests on recalled figures.
        first_s: (W, 2, G) what the first pass of a computation takes longer, once.
        first_recalled_s: (W, 2, G) the part of it that rests on recalled figures.
        step_s: (W, G) each optimizer step: one element-wise operation per parameter.
        step_recalled_s: (W, G) the part of it that rests on recalled figures.
    """

    sample_s: Table
    sample_recalled_s: Table
    first_s: Table
    first_recalled_s: Table
    step_s: Table
    step_recalled_s: Table

    @classmethod
    def of(cls, works: tuple[Work, ...], fleet: Fleet) -> "ComputeTable":
        """The table of these works on this fleet, kept by the fleet as rounds repeat them."""
        return remembered(fleet, ("compute", *(work.key for work in works)), lambda: cls._made(works, fleet))

    @classmethod
    def _made(cls, works: tuple[Work, ...], fleet: Fleet) -> "ComputeTable":
        shape = (len(works), len(PASSES), fleet.num_groups)
        sample, first = (np.zeros(shape), np.zeros(shape)), (np.zeros(shape), np.zeros(shape))
        step = (np.zeros((len(works), fleet.num_groups)), np.zeros((len(works), fleet.num_groups)))
        for number, work in enumerate(works):
            for mode in PASSES:
                slowing = _slowing(work, mode, fleet)
                for into, (seconds, recalled) in (
                    (sample, _warm(work, mode, fleet)),
                    (first, _cold(work, mode, fleet)),
                ):
                    into[0][number, mode] = seconds * slowing.factor
                    certain = (seconds - recalled) * (slowing.factor - 1) * slowing.recalled
                    into[1][number, mode] = recalled * slowing.factor + certain
            step[0][number], step[1][number] = _step(work, fleet)
        return cls(*sample, *first, *step)


def durations(trace: Trace, fleet: Fleet) -> tuple[Table, Table]:
    """How long each computation takes.

    Args:
        trace: I items, C of which are computations.
        fleet: the devices.

    Returns:
        (I,) seconds, 0 for what is no computation; (C,) the part of each computation that rests on recalled figures.

    Raises:
        EngineError: a device has no speed for what it should do.
    """
    items = np.flatnonzero(trace["kind"] == COMPUTE)
    seconds = np.zeros(trace.num_items)
    if not len(items):
        return seconds, np.zeros(0)
    device = trace["source"][items]
    place = (only(trace["work"][items]), only(trace["mode"][items]), only(fleet.group_of[device]))
    sizes, steps = only(trace["size"][items]), only(trace["steps"][items])
    table = ComputeTable.of(trace.works, fleet)
    found, recalled = (
        np.zeros(len(items))
        + sizes * sample[place]
        + (sizes > 0) * first[place]
        + np.where(steps > 0, steps * step[place[0], place[2]], 0.0)
        for sample, first, step in (
            (table.sample_s, table.first_s, table.step_s),
            (table.sample_recalled_s, table.first_recalled_s, table.step_recalled_s),
        )
    )
    if np.isnan(found).any():
        unable = int(device[np.flatnonzero(np.isnan(found))[0]])
        raise EngineError(f"device {unable} ({fleet.device(unable).name}) has no speed for this work")
    if fleet.speeds is not None:
        found, recalled = found / fleet.speeds[device], recalled / fleet.speeds[device]
    seconds[items] = found
    return seconds, recalled


@dataclass(frozen=True)
class _Slowing:
    """How much slower a working set beyond the fast memory makes a group's devices.

    Attributes:
        factor: (G,) at least 1.
        recalled: (G,) 1 where it rests on a recalled figure.
    """

    factor: Table
    recalled: Table

    def of(self, seconds: Table, recalled: Table) -> tuple[Table, Table]:
        """Slowed seconds, and the part of them that rests on recalled figures."""
        added = (seconds - recalled) * (self.factor - 1) * self.recalled
        return seconds * self.factor, recalled * self.factor + added


def _slowing(work: Work, mode: int, fleet: Fleet) -> _Slowing:
    """Each byte is touched alike: what is outside of the fast memory makes up its share of the time."""
    touched = work.touched_bytes(mode)
    fast, slow = fleet.column("fast_memory_bytes"), fleet.column("slow_share")
    is_known = ~np.isnan(fast) & ~np.isnan(slow) & (touched > 0)
    outside = np.where(is_known, np.maximum(0.0, 1 - fast / max(touched, 1.0)), 0.0)
    factor = 1 + outside * (1 / np.where(is_known, slow, 1.0) - 1)
    return _Slowing(factor, np.maximum(fleet.recalled("fast_memory_bytes"), fleet.recalled("slow_share")))


def _warm(work: Work, mode: int, fleet: Fleet) -> tuple[Table, Table]:
    """(G,) seconds of one sample with warm caches, and the part that rests on recalled rates."""
    macs, done = _macs(work, mode, fleet)
    by_class = macs[:, done] / fleet.rates(work.precision)[:, done]
    marked = fleet.recalled_rates(work.precision)[:, done] > 0
    return by_class.sum(axis=1), (by_class * marked).sum(axis=1)


def _cold(work: Work, mode: int, fleet: Fleet) -> tuple[Table, Table]:
    """(G,) seconds by which the first sample takes longer, and the part that rests on recalled rates."""
    macs, done = _macs(work, mode, fleet)
    if work.precision != "float":  # no cold rate of integer arithmetic is known of any device
        return np.zeros(fleet.num_groups), np.zeros(fleet.num_groups)
    slower = 1 / fleet.cold_rates()[:, done] - 1 / fleet.rates()[:, done]
    by_class = macs[:, done] * np.maximum(0.0, np.nan_to_num(slower))
    return by_class.sum(axis=1), (by_class * fleet.recalled_cold_rates()[:, done]).sum(axis=1)


def _macs(work: Work, mode: int, fleet: Fleet) -> tuple[Table, NDArray[np.bool_]]:
    """(G, 5) multiply-accumulates of one sample, all passes counted, and (5,) which classes occur at all."""
    macs = np.array([float(work.macs.get(op, 0)) for op in OPERATOR_CLASSES])
    passes = fleet.training_passes() if mode == TRAIN else np.ones((fleet.num_groups, len(macs)))
    return passes * macs, macs > 0


def _step(work: Work, fleet: Fleet) -> tuple[Table, Table]:
    """(G,) seconds of an optimizer step, and the part that rests on recalled rates."""
    place = OPERATOR_CLASSES.index("other")
    if not work.parameter_count:
        return np.zeros(fleet.num_groups), np.zeros(fleet.num_groups)
    seconds = work.parameter_count / fleet.rates(work.precision)[:, place]
    return seconds, np.where(fleet.recalled_rates(work.precision)[:, place] > 0, seconds, 0.0)
