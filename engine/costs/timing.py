"""When everything happens: three ways to find it, behind one door."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from engine.costs.clock import schedule
from engine.costs.crossing import Crossing, Floats
from engine.costs.events import simulate
from engine.costs.sampling import sample
from engine.costs.spread import Spread
from engine.costs.trace import Trace

Method = Literal["closed_form", "monte_carlo", "events"]
"""``closed_form``: expected times of messages, and lines as vectorized scans. ``events``: the same expected times, one
event after another. ``monte_carlo``: chance is drawn again and again, so that percentiles are known."""

SAMPLES = 200
"""How often a Monte Carlo draws, unless it is told."""


@dataclass(frozen=True)
class Times:
    """When items start and end, from the start of their round, (I,); how long rounds are, (R,); and their spread."""

    start: Floats
    end: Floats
    round_s: Floats
    spread: Spread | None = None


def times_of(crossing: Crossing, method: Method, samples: int, seed: int) -> Times:
    """The times of a trace; of a Monte Carlo, their means."""
    if method == "monte_carlo":
        sampled = sample(crossing, samples, seed)
        return Times(sampled.start, sampled.end, sampled.spread.rounds_s.mean(axis=0), sampled.spread)
    find = schedule if method == "closed_form" else simulate
    start, end = find(crossing.trace, crossing.duration, crossing.legs)
    return Times(start, end, round_lengths(crossing.trace, end))


def round_lengths(trace: Trace, end: Floats) -> Floats:
    """(R,) when the last item of each round ends, from the start of the round."""
    round_s = np.zeros(trace.num_rounds)
    np.maximum.at(round_s, trace["round"], end)
    return round_s
