"""What the exits of a network come to: who answers how much, how well, and what leaving early saves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.inference.cuts.exits import RULES
from webapp.catalogue.quantities import text
from webapp.inference.board import Board, Json

SPLITTER = "early_exit"
"""The kind of splitter whose networks have exits."""


@dataclass(frozen=True)
class Exit:
    """An exit of the network; the last one is its end.

    Attributes:
        title: for people.
        accuracy: share of right answers if it answers all test samples.
        rate: share of the samples that it answers.
        latency_s: time of an inference that leaves here; None where the run has not told it.
        energy_j: energy of such an inference on all devices, likewise.
    """

    title: str
    accuracy: float
    rate: float
    latency_s: float | None
    energy_j: float | None


@dataclass(frozen=True)
class Exits:
    """All exits of a run.

    Attributes:
        rule: when an exit answers, without the threshold.
        threshold: at which the run answers, in words.
        exits: in the order in which samples come to them.
        accuracy: share of right answers of the network with its exits; None where it is not known.
        saved_latency: share of the way to the end that an inference is spared on average; None where not told.
        saved_energy: likewise of the energy.
        curve: lines over thresholds, for the chart.
    """

    rule: str
    threshold: str
    exits: Sequence[Exit]
    accuracy: float | None
    saved_latency: float | None
    saved_energy: float | None
    curve: Json

    @property
    def savings(self) -> str:
        """How much sooner an answer is, and how much less energy it takes, as far as that is known."""
        found = []
        if self.saved_latency is not None:
            found.append(f"comes {changed(self.saved_latency, 'sooner', 'later')}")
        if self.saved_energy is not None:
            found.append(f"takes {changed(self.saved_energy, 'less energy', 'more energy')}")
        return " and ".join(found)


def changed(share: float, less: str, more: str) -> str:
    """A share that is saved, in words."""
    return f"{text(abs(share), '%')} {less if share >= 0 else more}"


def awaits_exits(board: Board) -> bool:
    """Whether the run has exits that are not measured yet."""
    return board.facts.get("splitter") == SPLITTER and not board.exits


def exits_of(board: Board) -> Exits | None:
    """What a run has told of its exits; None without any."""
    told = board.exits
    if not told.get("exits"):
        return None
    ways: list[Any] = list((board.plan or {}).get("ways") or [{} for _ in told["exits"]])
    last = len(ways) - 1
    exits = [
        Exit(title(number, last), row["accuracy"], rate, way.get("latency_s"), way.get("energy_j"))
        for number, (row, rate, way) in enumerate(zip(told["exits"], told["rates"], ways, strict=True))
    ]
    return Exits(
        rule=RULES[told["policy"]],
        threshold=f"{told['threshold']:g}",
        exits=exits,
        accuracy=board.values.get("accuracy"),
        saved_latency=saved(told["rates"], [one.latency_s for one in exits]),
        saved_energy=saved(told["rates"], [one.energy_j for one in exits]),
        curve=_curve(told["curve"], exits),
    )


def title(number: int, last: int) -> str:
    """What people call an exit, as the metrics count them."""
    return "the end" if number == last else f"exit {number}"


def saved(rates: Sequence[float], each: Sequence[float | None]) -> float | None:
    """The share of what the way to the end takes that is spared on average; below 0 where leaving early takes more.

    Args:
        rates: share of the inferences that leave at each exit, the end last.
        each: what an inference takes that leaves there; None if that is not known.
    """
    known = [value for value in each if value is not None]
    if len(known) < len(each) or not known[-1]:
        return None
    return 1 - sum(rate * value for rate, value in zip(rates, known, strict=True)) / known[-1]


def _curve(rows: Sequence[Json], exits: Sequence[Exit]) -> Json:
    """Lines over thresholds: right answers, the share of each exit, and what is saved."""
    seconds, joules = [one.latency_s for one in exits], [one.energy_j for one in exits]
    return {
        "thresholds": [row["threshold"] for row in rows],
        "accuracy": [row["accuracy"] for row in rows],
        "titles": [one.title for one in exits],
        "rates": [list(shares) for shares in zip(*(row["rates"] for row in rows), strict=True)],
        "saved_latency": [saved(row["rates"], seconds) for row in rows],
        "saved_energy": [saved(row["rates"], joules) for row in rows],
    }
