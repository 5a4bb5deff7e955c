"""How a TCP sender opens and closes its window: Reno, CUBIC as Linux has it, and of BBR what random loss shows.

Windows are in segments, times in seconds. Sources: RFC 5681 (Reno), RFC 9438 (CUBIC), RFC 9406 and Ha, Rhee, Hybrid
Slow Start for High-Bandwidth and Long-Distance Networks, 2008 (HyStart); Cardwell et al., BBR, ACM Queue 14(5), 2016.
"""

import math
from dataclasses import dataclass, field

from engine.network.link import Congestion

LEAST_WINDOW = 2.0
"""Segments that a window keeps after a loss."""


@dataclass(slots=True)
class Reno:
    """One segment more per round trip; half of the window after a loss."""

    kept: float = 0.5
    """Share of the window that is kept after a loss."""

    def reduced(self, window: float) -> float:
        """The window after a loss."""
        return max(LEAST_WINDOW, window * self.kept)

    def timed_out(self) -> None:
        """All that was known of the path is forgotten."""

    def grown(self, window: float, news: int, now: float) -> float:
        """The window when so many segments have been acknowledged, out of slow start."""
        return window + news / window

    def leaves_slow_start(self, window: float, trip: float, now: float, *, is_new_round: bool) -> bool:
        """Whether the path is full before anything is lost."""
        return False


@dataclass(slots=True)
class Bbr(Reno):
    """Does not read random loss as congestion."""

    kept: float = 1.0
    """All of it."""


@dataclass(slots=True)
class Train:
    """HyStart's view of a round trip: when it began, its last acknowledgment, and its least delay."""

    begun: float = 0.0
    last: float = 0.0
    least: float = math.inf
    samples: int = 0


LEAST_EXIT, LEAST_SAMPLES, TRAIN_GAP_S, DELAY_STEPS_S = 16, 8, 0.002, (0.004, 0.016)
"""HyStart looks from this window on; takes the least delay of so many samples of a round; follows acknowledgments that
are at most so far apart; and leaves slow start when delay grew by an eighth, within these bounds."""

SCALE, FRIENDLY, PATIENCE_S = 0.4, 15 / 8, 1 / 32
"""CUBIC's C in segments per cubic second; windows acknowledged for each segment of a Reno-like sender, 1 / 0.53; and
how long a step may stand before it is worked out anew."""


@dataclass(slots=True)
class Cubic(Reno):
    """A cubic curve through the window at which the last loss happened, but never slower than a Reno-like sender.

    Attributes:
        peak: the window before the last loss; 0 if nothing is known.
        epoch: when the curve began; None before the first acknowledgment after a loss.
    """

    kept: float = 0.7
    peak: float = 0.0
    epoch: float | None = None
    least_trip: float = math.inf
    _origin: float = 0.0
    _climb_s: float = 0.0
    _friendly: float = 0.0
    _acknowledged: float = 0.0
    _step: float = math.inf
    _credit: float = 0.0
    _looked: tuple[float, float] = (-1.0, -1.0)
    _train: Train = field(default_factory=Train)
    _has_left: bool = False

    def reduced(self, window: float) -> float:
        """The window after a loss; a peak below the last one makes room for others (fast convergence)."""
        self.epoch = None
        self.peak = window * (1 + self.kept) / 2 if window < self.peak else window
        return max(LEAST_WINDOW, math.floor(window * self.kept))

    def timed_out(self) -> None:
        """All that was known of the path is forgotten."""
        self.epoch, self.peak, self.least_trip = None, 0.0, math.inf
        self._train, self._has_left, self._credit = Train(), False, 0.0

    def grown(self, window: float, news: int, now: float) -> float:
        """The window when so many segments have been acknowledged, out of slow start."""
        self._look(window, news, now)
        if self._credit >= self._step:
            self._credit = 0.0
            window += 1
        self._credit += news
        if self._credit >= self._step:
            more = self._credit // self._step
            self._credit -= more * self._step
            window += more
        return window

    def _look(self, window: float, news: int, now: float) -> None:
        """After how many acknowledged segments the window grows by one."""
        self._acknowledged += news
        if self._looked[0] == window and now - self._looked[1] <= PATIENCE_S and self.epoch is not None:
            return
        self._looked = (window, now)
        if self.epoch is None:
            self._begin(window, news, now)
        after = now - (self.epoch or 0.0) + (self.least_trip if self.least_trip < math.inf else 0.0)
        target = self._origin + SCALE * (after - self._climb_s) ** 3
        step = window / (target - window) if target > window else 100 * window
        if not self.peak:
            step = min(step, 20.0)
        while self._acknowledged > window * FRIENDLY:
            self._acknowledged -= window * FRIENDLY
            self._friendly += 1
        if self._friendly > window:
            step = min(step, window / (self._friendly - window))
        self._step = max(step, 2.0)

    def _begin(self, window: float, news: int, now: float) -> None:
        self.epoch, self._acknowledged, self._friendly = now, float(news), window
        self._origin = max(self.peak, window)
        self._climb_s = math.cbrt((self._origin - window) / SCALE)

    def leaves_slow_start(self, window: float, trip: float, now: float, *, is_new_round: bool) -> bool:
        """HyStart: acknowledgments have come for half a round trip without a gap, or delay has grown."""
        if self.epoch is not None and now - self.epoch < 1.0:
            return False  # samples right after a recovery tell nothing
        self.least_trip = min(self.least_trip, trip)
        if self._has_left or window < LEAST_EXIT:
            return False
        if is_new_round or not self._train.begun:
            self._train = Train(now, now)
        train = self._train
        if now - train.last <= TRAIN_GAP_S:
            train.last = now
            self._has_left = now - train.begun > self.least_trip / 2
        train.least = min(train.least, trip)
        train.samples += 1
        step = min(DELAY_STEPS_S[1], max(DELAY_STEPS_S[0], self.least_trip / 8))
        if train.samples > LEAST_SAMPLES and train.least > self.least_trip + step:
            self._has_left = True
        return self._has_left


def control(name: Congestion) -> Reno:
    """The congestion control of that name."""
    return {"reno": Reno, "cubic": Cubic, "bbr": Bbr}[name]()
