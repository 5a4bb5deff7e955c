"""Tables of comma-separated values as arrays."""

import csv
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import numpy as np

from engine.core.errors import Problem, SpecError
from engine.data.archive import Limits
from engine.data.malformed import refused

LABELS = ("label", "class", "target", "y")
"""What the column of labels may be called; else it is the last one."""

LINE_CHARACTERS = 1 << 20
MOST_PROBLEMS = 20
"""Bad lines that are told one by one; reading stops there."""


def read_csv(path: Path, limits: Limits) -> dict[str, np.ndarray]:
    """The columns of a table: ``x`` (N, F) float64, ``y`` (N,) texts, and ``users`` and ``split`` where it has them.

    The first line names the columns, separated by comma, semicolon or tab. The label is in the column called
    ``label``, ``class``, ``target`` or ``y``, else in the last; a column ``user`` tells whose sample it is, a column
    ``split`` says ``train`` or ``test``; all others are numbers.

    Raises:
        SpecError: it is no such table; all reasons at once, up to a limit.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _Table(file, limits).arrays()
    except UnicodeDecodeError as error:
        raise refused("encoding", f"The table is not text in UTF-8: {error.reason} at byte {error.start}.") from error
    except csv.Error as error:
        raise refused("bad_csv", f"The table cannot be read: {error}.") from error


class _Table:
    """A table while it is read."""

    def __init__(self, file: TextIO, limits: Limits) -> None:
        lines = _lines(file)
        head = next(lines, "")
        delimiter = max(",;\t", key=head.count)
        self._rows = csv.reader(_chained(head, lines), delimiter=delimiter, strict=True)
        self._names = [name.strip().lower() for name in next(self._rows, [])]
        self._limits = limits
        self._special = self._roles()
        self._features = [place for place in range(len(self._names)) if place not in self._special.values()]
        if not self._features:
            raise refused("no_features", "The table has no column of numbers beside the label.")
        self._values = array("d")
        self._texts: dict[str, list[str]] = {role: [] for role in self._special}
        self._problems: list[Problem] = []

    def arrays(self) -> dict[str, np.ndarray]:
        for row in self._rows:
            if row:
                self._take(row)
            if len(self._problems) >= MOST_PROBLEMS:
                break
        if not self._texts["y"] and not self._problems:
            self._problems.append(Problem("", "empty", "The table has no line below its head."))
        if self._problems:
            raise SpecError(self._problems)
        x = np.frombuffer(self._values, dtype=np.float64).reshape(-1, len(self._features))
        return {"x": x, **{role: np.array(texts) for role, texts in self._texts.items()}}

    def _roles(self) -> dict[str, int]:
        """The columns that are no numbers, by what they are for."""
        if len(set(self._names)) != len(self._names) or len(self._names) > self._limits.values:
            raise refused("bad_head", "The first line must name the columns, each by another name.")
        found = {"users": "user", "split": "split"}
        roles = {role: self._names.index(name) for role, name in found.items() if name in self._names}
        called = next((name for name in LABELS if name in self._names), None)
        rest = [place for place in range(len(self._names)) if place not in roles.values()]
        if not rest:
            raise refused("no_label", "The table has no column of labels.")
        return {"y": rest[-1] if called is None else self._names.index(called), **roles}

    def _take(self, row: list[str]) -> None:
        line = self._rows.line_num
        if len(row) != len(self._names):
            self._add(line, f"it has {len(row)} values, the first line names {len(self._names)} columns")
            return
        try:
            self._values.extend([float(row[place]) for place in self._features])
        except ValueError as error:
            self._add(line, f"a value is no number ({str(error)[:100]})")
        for role, place in self._special.items():
            self._texts[role].append(row[place].strip()[:200])
        if "split" in self._special and self._texts["split"][-1] not in ("train", "test"):
            self._add(line, f"split is train or test, given is {self._texts['split'][-1]!r}")
        if len(self._values) > self._limits.values:
            raise refused("too_large", f"The table has more than {self._limits.values} numbers.")
        if len(self._texts["y"]) > self._limits.rows:
            raise refused("too_large", f"The table has more than {self._limits.rows} lines.")

    def _add(self, line: int, words: str) -> None:
        self._problems.append(Problem(f"line {line}", "bad_line", f"In line {line} {words}."))


def _lines(file: TextIO) -> Iterator[str]:
    while line := file.readline(LINE_CHARACTERS + 1):
        if len(line) > LINE_CHARACTERS:
            raise refused("long_line", f"A line has more than {LINE_CHARACTERS} characters.")
        yield line


def _chained(head: str, lines: Iterator[str]) -> Iterator[str]:
    yield head
    yield from lines
