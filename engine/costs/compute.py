"""How long a computation takes: multiply-accumulates of each operator class over the device's rate for that class."""

import numpy as np
from numpy.typing import NDArray

from engine.core.operators import OPERATOR_CLASSES
from engine.costs.trace import INFER, TRAIN
from engine.costs.work import Work
from engine.fleet.fleet import Fleet

PASSES = {TRAIN: 3.0, INFER: 1.0}
"""Work of one sample in forward passes. Training adds a backward pass of twice the forward work: one product for the
gradient of the input and one for that of the weights. Source: Kaplan et al., Scaling Laws for Neural Language Models,
arXiv 2001.08361, section 2.1 (C = 6 N D against 2 N D for inference)."""

Table = NDArray[np.float64]


def seconds_per_sample(works: tuple[Work, ...], fleet: Fleet) -> tuple[Table, Table]:
    """Seconds that one sample takes, and the part that rests on recalled rates.

    Args:
        works: (W) kinds of work.
        fleet: G groups of devices.

    Returns:
        Two (W, 2, G) tables by work, mode (train, infer) and group; NaN where a device cannot do the work.
    """
    seconds = np.zeros((len(works), 2, fleet.num_groups))
    recalled = np.zeros_like(seconds)
    for number, work in enumerate(works):
        macs = np.array([float(work.macs.get(op, 0)) for op in OPERATOR_CLASSES])
        done = macs > 0
        by_class = macs[done] / fleet.rates(work.precision)[:, done]
        marked = fleet.recalled_rates(work.precision)[:, done] > 0
        for mode, passes in PASSES.items():
            seconds[number, mode] = passes * by_class.sum(axis=1)
            recalled[number, mode] = passes * (by_class * marked).sum(axis=1)
    return seconds, recalled


def seconds_per_step(works: tuple[Work, ...], fleet: Fleet) -> tuple[Table, Table]:
    """Seconds that one optimizer step takes: one element-wise operation per parameter.

    Returns:
        Two (W, G) tables: all, and the part that rests on recalled rates.
    """
    place = OPERATOR_CLASSES.index("other")
    counts = np.array([float(work.parameter_count) for work in works])[:, None]
    rates = np.array([fleet.rates(work.precision)[:, place] for work in works]).reshape(len(works), -1)
    marked = np.array([fleet.recalled_rates(work.precision)[:, place] for work in works]).reshape(len(works), -1)
    seconds = np.where(counts > 0, counts / rates, 0.0)
    return seconds, np.where(marked > 0, seconds, 0.0)
