"""Random spells in continuous time, found at any moment without simulating what came before."""

from math import exp, factorial

import numpy as np
from numpy.typing import NDArray

from engine.core.streams import stream

BLOCK = 2**14
"""Devices that are drawn together: whoever asks for one of them draws them all, so that answers do not depend on who is
asked about."""

POISSON = np.cumsum([exp(-1) / factorial(count) for count in range(20)])
"""Probabilities of at most so many of something that happens once on average."""

Bools = NDArray[np.bool_]


def is_up_at(time_s: float, members: NDArray[np.int64], mean_up_s: float, mean_down_s: float, *, seed: int) -> Bools:
    """Which devices are up at a moment, if they stay up and down for exponential spells.

    A chain with two states that fails at rate a and is repaired at rate b is the same process as one that forgets its
    state at rate a + b and is then up with probability b / (a + b). So the state follows from the last time that it was
    forgotten before the moment: time is cut into cells of the mean length between such times, and one looks back until
    a cell holds one.

    Args:
        time_s: the moment, from 0.
        members: (M,) numbers of devices.
        mean_up_s: mean time until a failure.
        mean_down_s: mean time to repair.
        seed: of the streams that are drawn from.

    Returns:
        (M,) true where the device is up.
    """
    share_up = mean_up_s / (mean_up_s + mean_down_s)
    cell_s = 1 / (1 / mean_up_s + 1 / mean_down_s)
    is_up = np.zeros(len(members), dtype=np.bool_)
    blocks = np.asarray(members // BLOCK, dtype=np.int64)
    for block in np.unique(blocks):
        mine = np.flatnonzero(blocks == block)
        states = _block(time_s / cell_s, share_up, seed, int(block))
        is_up[mine] = states[members[mine] % BLOCK]
    return is_up


def _block(now: float, share_up: float, seed: int, block: int) -> Bools:
    """(BLOCK,) the states of a block of devices, time counted in cells."""
    is_up = np.zeros(BLOCK, dtype=np.bool_)
    open_ = np.arange(BLOCK)
    for cell in range(int(now), -1, -1):
        draw = stream(seed, "spells", block, cell)
        decided, outcomes = _last_of(draw, share_up, min(1.0, now - cell))
        mine = decided[open_]
        is_up[open_[mine]] = outcomes[open_[mine]]
        open_ = open_[~mine]
        if not len(open_):
            return is_up
    is_up[open_] = stream(seed, "spells", block, "start").random(BLOCK)[open_] < share_up
    return is_up


def _last_of(draw: np.random.Generator, share_up: float, until: float) -> tuple[Bools, Bools]:
    """Who forgot its state within a cell before a moment, and what the last such time decided.

    A cell that is over needs only the number of times and the last outcome, so these are drawn first.
    """
    rank, final = draw.random(BLOCK), np.asarray(draw.random(BLOCK) < share_up)
    if until >= 1:
        return np.asarray(rank >= POISSON[0]), final
    counts = np.searchsorted(POISSON, rank, side="right")
    width = max(1, int(counts.max()))
    times = np.where(np.arange(width) < counts[:, None], draw.random((BLOCK, width)), np.inf)
    earlier = draw.random((BLOCK, width)) < share_up
    happened = times <= until
    last = np.where(happened, times, -1.0).argmax(axis=1)
    is_final = happened.sum(axis=1) == counts
    return np.asarray(happened.any(axis=1)), np.where(is_final, final, earlier[np.arange(BLOCK), last])
