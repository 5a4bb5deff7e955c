"""Catalogues: CSV files of real devices and links, one row each, with a provenance for each group of figures."""

import csv
import difflib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from engine.core.component import Component
from engine.core.figure import Figure, Provenance

Row = Mapping[str, str]
"""One line of a catalogue file by column name; an empty text means that the figure is not known."""

RECALLED_SOURCE = "general knowledge, not read in a source"
"""What stands as the source of a recalled figure, so that the row's source is not taken for its origin."""


def read_rows(path: Path, key: str) -> dict[str, Row]:
    """The rows of a catalogue file by their id.

    Args:
        path: the CSV file, UTF-8, with a header line.
        key: the column that holds the id.

    Raises:
        ValueError: two rows have the same id.
    """
    rows = read_lines(path)
    by_id: dict[str, Row] = {row[key]: row for row in rows}
    if len(by_id) != len(rows):
        raise ValueError(f"{path.name} has two rows with the same {key}")
    return by_id


def read_lines(path: Path) -> list[Row]:
    """The lines of a CSV file, UTF-8, with a header line."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def number(row: Row, column: str) -> float | None:
    """The number in that column, or None where the catalogue knows none."""
    return float(row[column]) if row[column] else None


def figure(row: Row, column: str, *, unit: str, scale: float, provenance: str) -> Figure | None:
    """The figure in that column, converted to SI units, or None where the catalogue knows none.

    Args:
        row: the catalogue row.
        column: name of the column with the number.
        unit: SI symbol of the result.
        scale: factor from the column's unit to ``unit``.
        provenance: name of the column that says how we know it.
    """
    value = number(row, column)
    if value is None:
        return None
    known = provenance_of(row, provenance)
    source = RECALLED_SOURCE if known == "recalled" else row["source"]
    return Figure(value=value * scale, unit=unit, provenance=known, source=source)


def provenance_of(row: Row, column: str) -> Provenance:
    """The provenance that the column states.

    Raises:
        ValueError: the file holds another word.
    """
    match row[column]:
        case "read" | "derived" | "recalled" as known:
            return known
        case other:
            raise ValueError(f"column {column} holds {other!r}; allowed are read, derived and recalled")


class Reference:
    """Marks a field that takes the id of a catalogue row, or the whole thing written inline.

    Args:
        noun: what one row is, ``device``.
        cls: the component that an inline mapping is read as.
        catalogue: gives the rows by id; called at validation, so that a field costs nothing to declare.
    """

    def __init__(self, noun: str, cls: type[Component], catalogue: Callable[[], Mapping[str, Component]]) -> None:
        self.noun, self.cls, self.catalogue = noun, cls, catalogue

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def read(value: Any, inner: core_schema.ValidatorFunctionWrapHandler) -> Any:
            if isinstance(value, str):
                self._check(value)
                return value
            if not isinstance(value, dict | self.cls):
                raise PydanticCustomError(
                    "catalogue_type",
                    "Input should be the id of a {noun} in the catalogue, or a {noun} of your own as a mapping",
                    {"noun": self.noun},
                )
            return inner(value)

        return core_schema.no_info_wrap_validator_function(
            read,
            handler.generate_schema(self.cls),
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda value: value if isinstance(value, str) else value.model_dump(mode="json", exclude_none=True)
            ),
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"type": "string", "enum": sorted(self.catalogue())}, handler(schema)]}

    def _check(self, name: str) -> None:
        known = self.catalogue()
        if name in known:
            return
        name = name if len(name) <= 60 else f"{name[:57]}..."
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f"; similar: {', '.join(near)}" if near else ""
        raise PydanticCustomError(
            "unknown_id",
            "'{name}' is no {noun} of the catalogue, which has {count} ({first}, ...){hint}",
            {"name": name, "noun": self.noun, "count": len(known), "first": min(known), "hint": hint},
        )
