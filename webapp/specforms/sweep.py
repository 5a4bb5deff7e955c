"""The sweep builder: which fields vary, and over which values."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from engine.core.errors import SpecError
from engine.specs.describe import Description, FieldDescription
from engine.specs.documents import load
from engine.specs.writer import write
from webapp.specforms.node import Choice, FormState, Node, Place
from webapp.specforms.raw import UNSET, Raw, Value, numbers, set_numbers

_SKIPPED = ("version", "name", "seeds", "sweep", "execution")


@dataclass(frozen=True)
class Sweep:
    """A mapping from a place in the spec to the values that it takes, one value a line."""

    field: FieldDescription
    spec: Description

    def encode(self, value: Value, place: Place, raw: Raw) -> None:
        """Put a sweep into the form."""
        if not isinstance(value, dict):
            return
        set_numbers(raw, place.key, list(range(len(value))))
        for number, (path, values) in enumerate(value.items()):
            raw[f"{place.key}.{number}@path"] = path
            lines = [one_line(entry) for entry in values] if isinstance(values, list) else [one_line(values)]
            raw[f"{place.key}.{number}@values"] = "\n".join(lines)

    def decode(self, place: Place, raw: Raw) -> Value:
        """The sweep that the form says; rows without a place and values are left out."""
        sweep: dict[str, Value] = {}
        for number in numbers(raw, place.key) or []:
            path = raw.get(f"{place.key}.{number}@path", "").strip()
            lines = [line for line in raw.get(f"{place.key}.{number}@values", "").splitlines() if line.strip()]
            if path or lines:
                sweep[path if path not in sweep else f"{path} (given twice)"] = [_value(line) for line in lines]
        return sweep or UNSET

    def node(self, place: Place, state: FormState) -> Node:
        """What to draw: a row for each place that varies."""
        rows = [self._row(place, number, state) for number in numbers(state.raw, place.key) or []]
        return Node(
            template="sweep",
            place=place,
            title="Vary",
            help=self.field.help,
            value=state.raw.get(f"{place.key}#", ""),
            problems=state.at(place.path),
            children=rows,
            suggestions=self.places,
            wide=True,
        )

    @property
    def places(self) -> Sequence[Choice]:
        """Every single place in the spec that may vary."""
        found: dict[str, Choice] = {}
        for field in self.spec.walk():
            if "*" not in field.path and field.path.split(".")[0] not in _SKIPPED and "." in field.path:
                found.setdefault(field.path, Choice(field.path, field.title))
        return list(found.values())

    def _row(self, place: Place, number: int, state: FormState) -> Node:
        path = state.raw.get(f"{place.key}.{number}@path", "").strip()
        below = [m for p in sorted(state.problems) if _is_about(p, f"{place.path}.{path}") for m in state.at(p)]
        field = next((field for field in self.spec.walk() if field.path == path), None)
        kinds = [Choice(f"{{kind: {option.kind}}}", option.kind) for option in field.options] if field else []
        return Node(
            template="sweep_row",
            place=Place(f"{place.key}.{number}@path", f"{place.path}.{path}"),
            title=f"Place {number + 1} that varies",
            help=field.help if field else "",
            value=path,
            unit=field.unit if field else "",
            suggestions=kinds if field and field.type == "union" else (),
            problems=below if path else (),
            hidden={"values": state.raw.get(f"{place.key}.{number}@values", "")},
        )


def one_line(value: Value) -> str:
    """A value as one line, in YAML's short form where that fits and as JSON otherwise."""
    lines = write([value]).splitlines()
    return lines[0].removeprefix("- ") if len(lines) == 1 else json.dumps(value, ensure_ascii=False)


def _value(line: str) -> Value:
    try:
        return load(line)
    except SpecError:
        return line.strip()


def _is_about(problem: str, path: str) -> bool:
    return problem == path or problem.startswith(f"{path}.")
