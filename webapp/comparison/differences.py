"""In what the settings differ: the fields of their specs that are not the same everywhere, and no others."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from engine.specs.documents import load
from webapp.comparison.selection import Entry
from webapp.specforms.sweep import one_line

NAMES: Final = ("kind", "id", "name")
"""Fields that say what a mapping is: where they differ, the mappings are shown whole and not field by field."""

LEFT_OUT = {"name", "seeds", "sweep", "execution"}
"""What decides nothing about the outcome of a seed, but for ``execution.costs``."""

PAIRING = ("task.dataset", "task.partition", "task.model", "task.sampler", "fleet")
"""Where these differ, equal seeds stand for less: other data, other weights or another cohort."""


class _Absent:
    """Stands for a field that a spec does not have."""


ABSENT: Final = _Absent()


@dataclass(frozen=True)
class Difference:
    """A field in which settings differ.

    Attributes:
        path: dotted place in the spec.
        values: one line for each setting; None where it has no such field.
    """

    path: str
    values: tuple[str | None, ...]


def differences(entries: Sequence[Entry]) -> list[Difference]:
    """The fields in which the specs of these settings differ, in the order of the spec."""
    trees = [_tree(entry.cell.text) for entry in entries]
    found: list[Difference] = []
    _collect("", trees, found)
    return found


@lru_cache(maxsize=512)
def _tree(text: str) -> dict[str, Any]:
    """The part of a cell's spec that counts; kept, since a cell never changes and YAML takes its time."""
    whole = load(text)
    tree = {name: part for name, part in whole.items() if name not in LEFT_OUT}
    return tree | {"execution": {"costs": whole.get("execution", {}).get("costs", "closed_form")}}


def is_same_everywhere(found: Sequence[Difference], part: str) -> bool:
    """Whether no field at or below that path differs."""
    return not any(one.path == part or one.path.startswith((f"{part}.", f"{part}[")) for one in found)


def _collect(path: str, values: Sequence[Any], found: list[Difference]) -> None:
    if all(value == values[0] for value in values[1:]):
        return
    if all(isinstance(value, dict) for value in values) and _is_one_thing(values):
        for name in dict.fromkeys(name for value in values for name in value):
            _collect(f"{path}.{name}" if path else name, [value.get(name, ABSENT) for value in values], found)
        return
    if all(isinstance(value, list) for value in values) and _has_parts(values):
        for place in range(max(map(len, values))):
            parts = [value[place] if place < len(value) else ABSENT for value in values]
            _collect(f"{path}[{place}]", parts, found)
        return
    found.append(Difference(path, tuple(None if value is ABSENT else one_line(value) for value in values)))


def _is_one_thing(values: Sequence[Any]) -> bool:
    """Whether mappings are of one kind, so that their fields can be told apart one by one."""
    return all(value.get(name, ABSENT) == values[0].get(name, ABSENT) for value in values for name in NAMES)


def _has_parts(values: Sequence[Any]) -> bool:
    """Whether lists hold mappings; lists of plain values read better whole."""
    return all(isinstance(part, dict) for value in values for part in value)
