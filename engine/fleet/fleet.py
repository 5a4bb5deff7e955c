"""A fleet as NumPy columns over its groups; an object per device exists only on request."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from engine.core.figure import Figure
from engine.core.operators import OPERATOR_CLASSES, OperatorClass
from engine.core.streams import seed_of, stream
from engine.fleet.availability import Availability, Moment
from engine.fleet.battery import Batteries, Battery, batteries_of
from engine.fleet.device import Device, Precision

FloatColumn = NDArray[np.float64]


class Fleet:
    """The devices of an experiment. Device i belongs to the group whose range holds i; groups follow each other.

    Args:
        names: (G,) names of the groups.
        kinds: (G,) the device of each group.
        counts: (G,) number of devices of each group.
        rules: (G,) availability of each group.
        spreads: (G,) standard deviation of the logarithm of each group's speeds; empty if all devices are as fast as
            their kind.
        cells: (G,) the battery of each group's devices; empty if all are on mains.
    """

    def __init__(
        self,
        names: Sequence[str],
        kinds: Sequence[Device],
        counts: Sequence[int],
        rules: Sequence[Availability],
        *,
        spreads: Sequence[float] = (),
        cells: Sequence[Battery | None] = (),
    ) -> None:
        self.names = tuple(names)
        self.kinds = tuple(kinds)
        self.counts = np.asarray(counts, dtype=np.int64)
        self.rules = tuple(rules)
        self.spreads = tuple(spreads)
        self.cells = tuple(cells)
        self.starts = np.concatenate([[0], np.cumsum(self.counts)])

    def with_kinds(self, kinds: Sequence[Device]) -> "Fleet":
        """The same groups, whose devices have other figures.

        Args:
            kinds: (G,) the device of each group.
        """
        return Fleet(self.names, kinds, self.counts.tolist(), self.rules, spreads=self.spreads, cells=self.cells)

    @property
    def num_devices(self) -> int:
        """Number of devices."""
        return int(self.starts[-1])

    @property
    def num_groups(self) -> int:
        """Number of groups."""
        return len(self.names)

    @cached_property
    def group_of(self) -> NDArray[np.int32]:
        """(N,) the group of each device."""
        return np.repeat(np.arange(self.num_groups, dtype=np.int32), self.counts)

    @cached_property
    def speeds(self) -> FloatColumn | None:
        """(N,) how many times as fast as its kind each device is, with median 1; None if all are just as fast.

        Log-normal, as the run times of equal devices are skewed to the slow side. Drawn by the group's name: the same
        in every run.
        """
        if not any(self.spreads):
            return None
        parts = [
            np.exp(spread * stream(0, "fleet", "speed", name).standard_normal(int(count)))
            for name, count, spread in zip(self.names, self.counts, self.spreads, strict=True)
        ]
        return np.concatenate(parts)

    @cached_property
    def batteries(self) -> Batteries | None:
        """The batteries of the devices; None if all are on mains."""
        return batteries_of(list(self.cells), self.counts, self.idle_power_w)

    def group_counts(self) -> dict[str, int]:
        """Number of devices by group name, in order."""
        return {name: int(count) for name, count in zip(self.names, self.counts, strict=True)}

    def device(self, number: int) -> Device:
        """The kind of device number ``number``.

        Raises:
            IndexError: the fleet has no such device.
        """
        if not 0 <= number < self.num_devices:
            raise IndexError(f"the fleet has devices 0 to {self.num_devices - 1}, not {number}")
        return self.kinds[int(np.searchsorted(self.starts, number, side="right")) - 1]

    def rates(self, precision: Precision = "float") -> FloatColumn:
        """(G, 5) multiply-accumulates per second, in the order of ``OPERATOR_CLASSES``; NaN if unknown."""
        return np.array([[_value(kind.rate(op, precision)) for op in OPERATOR_CLASSES] for kind in self.kinds])

    def recalled_rates(self, precision: Precision = "float") -> FloatColumn:
        """(G, 5) 1 where that rate is recalled, else 0."""
        return np.array([[_recalled(kind.rate(op, precision)) for op in OPERATOR_CLASSES] for kind in self.kinds])

    def cold_rates(self) -> FloatColumn:
        """(G, 5) multiply-accumulates per second of the first pass after a pause, in float; NaN if unknown."""
        return np.array([[_value(kind.cold_rate(op)) for op in OPERATOR_CLASSES] for kind in self.kinds])

    def recalled_cold_rates(self) -> FloatColumn:
        """(G, 5) 1 where that rate is recalled, else 0."""
        return np.array([[_recalled(kind.cold_rate(op)) for op in OPERATOR_CLASSES] for kind in self.kinds])

    def training_passes(self) -> FloatColumn:
        """(G, 5) work of a training step on one sample in forward passes, by operator class."""
        return np.array([[kind.training_passes(op).value for op in OPERATOR_CLASSES] for kind in self.kinds])

    def column(self, name: str) -> FloatColumn:
        """(G,) the value of a figure of each group's device, by field name (``active_power_w``); NaN if unknown."""
        return np.array([_value(getattr(kind, name)) for kind in self.kinds])

    def recalled(self, name: str) -> FloatColumn:
        """(G,) 1 where that figure is recalled, else 0."""
        return np.array([_recalled(getattr(kind, name)) for kind in self.kinds])

    @property
    def ram_bytes(self) -> FloatColumn:
        """(G,) memory that a task can use, in bytes."""
        return self.column("ram_bytes")

    @property
    def active_power_w(self) -> FloatColumn:
        """(G,) power while computing, in watts."""
        return self.column("active_power_w")

    @property
    def idle_power_w(self) -> FloatColumn:
        """(G,) power while waiting, in watts."""
        return self.column("idle_power_w")

    def rate(self, operator: OperatorClass, precision: Precision = "float") -> FloatColumn:
        """(G,) multiply-accumulates per second of one operator class; NaN if unknown."""
        column: FloatColumn = self.rates(precision)[:, OPERATOR_CLASSES.index(operator)]
        return column

    def reachable(self, moment: Moment, seed: int) -> NDArray[np.bool_]:
        """(N,) which devices can take part."""
        parts = [
            rule.reachable(np.arange(count, dtype=np.int64), moment, seed_of(seed, "availability", name))
            for name, rule, count in zip(self.names, self.rules, self.counts, strict=True)
        ]
        return np.concatenate(parts)

    def reachable_then(self, devices: NDArray[np.int64], when: tuple[int, FloatColumn], seed: int) -> NDArray[np.bool_]:
        """(m,) which of some devices can take part, each at a moment of its own.

        Args:
            devices: (m,) ids.
            when: the round, and (m,) the simulated time for each.
            seed: seed of the run.
        """
        number, times_s = when
        places = devices - self.starts[self.group_of[devices]]
        found = np.ones(len(devices), dtype=np.bool_)
        for row, (group, place) in enumerate(zip(self.group_of[devices].tolist(), places, strict=True)):
            moment = Moment(number, float(times_s[row]))
            group_seed = seed_of(seed, "availability", self.names[group])
            found[row] = self.rules[group].reachable(place.reshape(1), moment, group_seed)[0]
        return found

    @property
    def is_always_reachable(self) -> bool:
        """Whether every group is always available, so that nobody needs to ask."""
        return all(getattr(rule, "kind", "") == "always" for rule in self.rules)

    @property
    def is_timed(self) -> bool:
        """Whether simulated time decides who can be reached."""
        return any(rule.is_timed for rule in self.rules)


def _value(figure: Figure | None) -> float:
    return float("nan") if figure is None else figure.value


def _recalled(figure: Figure | None) -> float:
    return float(figure is not None and figure.provenance == "recalled")
