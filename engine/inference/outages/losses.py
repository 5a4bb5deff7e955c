"""Which devices may be lost together, how probable that is, and what it comes to."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from engine.core.json import JsonValue
from engine.inference.plans.plan import DeviceShare

Outcome = Literal["unharmed", "standby", "replanned", "degraded", "lost"]
"""What a loss does: nothing; others that hold the same weights take over; a new plan is made; parts are missing and the
answer is worse; or there is no answer."""

DRAWS = 20
"""Tries per wanted set of devices when sets are drawn by chance: drawn ones may repeat."""


@dataclass(frozen=True)
class Loss:
    """What comes of losing some devices.

    Attributes:
        devices: their numbers, ascending; none for the plan as it is.
        outcome: what it does.
        accuracy: share of right answers; no answer is a wrong one.
        latency_s: time of one inference afterwards; None without an answer.
        first_s: time of the inference that meets the loss: the timeout, moving weights, and the answer.
        moved_bytes: weights that go to devices which did not hold them.
        device_of: number of the device of each piece afterwards; -1 for pieces that are missing.
        stage_j: joules of computing each piece afterwards; None for those that are missing.
        shares: memory and energy of the devices that take part afterwards.
    """

    devices: tuple[int, ...]
    outcome: Outcome
    accuracy: float
    latency_s: float | None
    first_s: float | None
    moved_bytes: int = 0
    device_of: tuple[int, ...] = ()
    stage_j: tuple[float | None, ...] = ()
    shares: tuple[DeviceShare, ...] = ()

    def as_json(self) -> dict[str, JsonValue]:
        """The loss as plain values."""
        rows: dict[str, JsonValue] = {name: list(getattr(self, name)) for name in ("devices", "device_of", "stage_j")}
        return {**vars(self), **rows, "shares": [dict(vars(share)) for share in self.shares]}


@dataclass(frozen=True)
class LossSets:
    """Sets of devices that are lost together.

    Attributes:
        sets: each ascending; the empty one first, then by size.
        num_sets: how many there are in all.
    """

    sets: tuple[tuple[int, ...], ...]
    num_sets: int

    @property
    def is_sample(self) -> bool:
        """Whether some are left out."""
        return len(self.sets) < self.num_sets


def loss_sets(devices: Sequence[int], most_lost: int, most_sets: int, draw: np.random.Generator) -> LossSets:
    """All sets of up to so many of the devices; beyond a bound all small ones, and of the first size that has too many
    and of all larger ones equally many by chance.

    Args:
        devices: that may be lost.
        most_lost: largest size of a set.
        most_sets: bound of the number of sets.
        draw: where chance comes from.
    """
    devices = sorted(devices)
    sizes = range(min(most_lost, len(devices)) + 1)
    counts = [math.comb(len(devices), size) for size in sizes]
    found: list[tuple[int, ...]] = []
    for size in sizes:
        share = (most_sets - len(found)) // (len(sizes) - size)
        if sum(counts[size:]) <= most_sets - len(found) or counts[size] <= share:
            found.extend(combinations(devices, size))
        else:
            found.extend(_drawn(devices, size, share, draw))
    return LossSets(tuple(found), sum(counts))


def _drawn(devices: Sequence[int], size: int, count: int, draw: np.random.Generator) -> list[tuple[int, ...]]:
    chosen: set[tuple[int, ...]] = set()
    for _ in range(DRAWS * count):
        if len(chosen) == count:
            break
        places = draw.choice(len(devices), size, replace=False)
        chosen.add(tuple(sorted(devices[place] for place in places)))
    return sorted(chosen)


@dataclass(frozen=True)
class Expectation:
    """Something averaged over losses by their probability; sets that were not looked at may be anything.

    Attributes:
        low: if these came to nothing.
        high: if they came to the best that was seen.
        covered: probability of all sets that were looked at.
    """

    low: float
    high: float
    covered: float


@dataclass(frozen=True)
class FailureTable:
    """What comes of losses of a plan.

    Attributes:
        losses: the plan as it is, then every set that was looked at.
        num_sets: sets that there are in all.
        devices: numbers of those that may be lost.
    """

    losses: tuple[Loss, ...]
    num_sets: int
    devices: tuple[int, ...]

    @property
    def is_sample(self) -> bool:
        """Whether some sets were left out."""
        return len(self.losses) < self.num_sets

    @property
    def critical(self) -> tuple[int, ...]:
        """Devices each of which alone takes the answer away."""
        return tuple(loss.devices[0] for loss in self.losses if len(loss.devices) == 1 and loss.outcome == "lost")

    @property
    def worst(self) -> Loss:
        """The loss that hurts most: the least accuracy, then the longest time."""
        return min(
            self.losses, key=lambda loss: (loss.accuracy, -(math.inf if loss.latency_s is None else loss.latency_s))
        )

    def curve(self) -> list[dict[str, JsonValue]]:
        """By number of lost devices: mean and least accuracy, mean and longest time, share of sets with an answer."""
        rows: list[dict[str, JsonValue]] = []
        for size in sorted({len(loss.devices) for loss in self.losses}):
            mine = [loss for loss in self.losses if len(loss.devices) == size]
            times = [loss.latency_s for loss in mine if loss.latency_s is not None]
            rows.append(
                {
                    "num_lost": size,
                    "num_sets": len(mine),
                    "mean_accuracy": sum(loss.accuracy for loss in mine) / len(mine),
                    "least_accuracy": min(loss.accuracy for loss in mine),
                    "share_answered": len(times) / len(mine),
                    "mean_latency_s": sum(times) / len(times) if times else None,
                    "longest_latency_s": max(times, default=None),
                }
            )
        return rows

    def expected_accuracy(self, availability: Mapping[int, float]) -> Expectation:
        """Accuracy over all losses.

        Args:
            availability: probability that a device is there, by number; those not named always are.
        """
        return self._expected(availability, [loss.accuracy for loss in self.losses])

    def answer_probability(self, availability: Mapping[int, float]) -> Expectation:
        """The probability of an answer, likewise."""
        return self._expected(availability, [float(loss.latency_s is not None) for loss in self.losses])

    def _expected(self, availability: Mapping[int, float], values: Iterable[float]) -> Expectation:
        low, covered, best = 0.0, 0.0, 0.0
        for loss, value in zip(self.losses, values, strict=True):
            chance = math.prod(
                1 - availability.get(device, 1.0) if device in loss.devices else availability.get(device, 1.0)
                for device in self.devices
            )
            low, covered, best = low + chance * value, covered + chance, max(best, value)
        return Expectation(low, low + max(0.0, 1 - covered) * best, covered)
