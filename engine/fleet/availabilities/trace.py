"""Devices that come and go by a list of times."""

import csv
import io
from bisect import bisect_right
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, StringConstraints, field_validator
from pydantic_core import PydanticCustomError
from typing_extensions import override

from engine.core.units import Unit
from engine.fleet.availability import Availability, Moment, availability

NUMBER = r"\d{1,12}(?:\.\d{1,6})?"
SPELL = rf"{NUMBER}-{NUMBER}"

HEADER = ["device", "start_s", "end_s"]
"""First line of a table of spells."""

MOST_DEVICES = 10_000
"""Number of patterns, at most."""

Spells = Annotated[str, StringConstraints(pattern=rf"^(?:{SPELL}(?: {SPELL})*)?$", max_length=100_000)]


@availability.register
class Trace(Availability):
    """Devices follow written spells of simulated time during which they can be reached.

    Device k of the group follows pattern k modulo the number of patterns. In place of the patterns a table in CSV may
    be given, with the header ``device,start_s,end_s`` and a line for each spell. Who is up when a round starts stays
    until it ends.
    """

    source: ClassVar[str] = "Trace-driven availability as in Lai et al., FedScale, ICML 2022, section 3"
    kind: Literal["trace"] = "trace"

    clock: Literal["time"] = "time"
    """Spells are of simulated time, so that runs cannot be re-costed."""

    patterns: tuple[Spells, ...] = Field(default=("0-43200",), min_length=1, max_length=MOST_DEVICES)
    """One text per pattern with the spells in which the device can be reached, in seconds of simulated time, ascending:
    ``0-3600 7200-10800``. Each holds from its start until just before its end; an empty text is never."""

    period_s: Annotated[float, Field(gt=0, le=1e9), Unit("s")] | None = 86_400.0
    """After this time all patterns start again; null never."""

    @field_validator("patterns", mode="before")
    @classmethod
    def _from_table(cls, given: Any) -> Any:
        return _patterns_of(given) if isinstance(given, str) else given

    @field_validator("patterns")
    @classmethod
    def _check(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for number, text in enumerate(patterns):
            edges = _edges(text)
            if any(first >= second for first, second in pairwise(edges)):
                raise PydanticCustomError(
                    "spells_overlap",
                    "Spells should follow each other, each with its end after its start; pattern {number} does not",
                    {"number": number},
                )
        return patterns

    @property
    @override
    def is_timed(self) -> bool:
        return True

    @override
    def reachable(self, members: NDArray[np.int64], moment: Moment, seed: int) -> NDArray[np.bool_]:
        """Those within one of their spells."""
        now = moment.time_s if self.period_s is None else moment.time_s % self.period_s
        # An odd number of edges lies behind whoever is within a spell.
        present = np.array([bisect_right(_edges(text), now) % 2 == 1 for text in self.patterns])
        return np.asarray(present[members % len(self.patterns)], dtype=np.bool_)


@lru_cache(maxsize=20_000)
def _edges(text: str) -> tuple[float, ...]:
    """Starts and ends of the spells, in order."""
    return tuple(float(edge) for spell in text.split() for edge in spell.split("-"))


def _patterns_of(table: str) -> tuple[str, ...]:
    """The patterns of a table; devices that it leaves out are never there."""
    lines = [line for line in csv.reader(io.StringIO(table.strip())) if line]
    if not lines or [name.strip() for name in lines[0]] != HEADER:
        wanted = ",".join(HEADER)
        raise PydanticCustomError("no_table", "A table should begin with the line {header}", {"header": wanted})
    spells: dict[int, list[tuple[float, float]]] = {}
    for number, line in enumerate(lines[1:], start=2):
        device, spell = _spell(line, number)
        spells.setdefault(device, []).append(spell)
    return tuple(
        " ".join(f"{_plain(start)}-{_plain(end)}" for start, end in sorted(spells.get(device, [])))
        for device in range(max(spells, default=0) + 1)
    )


def _spell(line: list[str], number: int) -> tuple[int, tuple[float, float]]:
    """The device and the spell of a line."""
    try:
        device, start, end = line
        found = int(device), (float(start), float(end))
    except ValueError:
        found = -1, (0.0, 0.0)
    if not 0 <= found[0] < MOST_DEVICES:
        raise PydanticCustomError(
            "bad_line",
            "Line {number} should hold the number of a device below {most} and two times in seconds",
            {"number": number, "most": MOST_DEVICES},
        )
    return found


def _plain(seconds: float) -> str:
    return f"{seconds:.6f}".rstrip("0").rstrip(".")
