"""Shapes with one input: numbers, texts, choices, booleans, lists of plain values, anything as YAML."""

import json
import re
from dataclasses import dataclass

from engine.core.errors import SpecError
from engine.core.json import JsonValue
from engine.specs.describe import FieldDescription
from engine.specs.documents import load
from engine.specs.writer import write
from webapp.specforms.node import Choice, FormState, Node, Place, limits_of
from webapp.specforms.raw import UNSET, Raw, Value

PICKED = "Trained model"
"""Title of an input in which a model is picked instead of its hash typed."""

_INTEGER = re.compile(r"[-+]?\d{1,400}")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,4})?")


def number_or_text(text: str) -> JsonValue:
    """The number that a text spells; the text itself if it spells none, so that the engine can say what was given."""
    bare = text.strip().replace("\u2212", "-").replace("\u202f", "").replace("\u00a0", "")
    if _INTEGER.fullmatch(bare):
        return int(bare)
    return float(bare) if _NUMBER.fullmatch(bare) else text.strip()


def plain_text(value: Value) -> str:
    """A plain value as a person types it."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case int() | float():
            return json.dumps(value)
        case list():
            return ", ".join(plain_text(item) for item in value)
        case _:
            return write(value).strip()


@dataclass(frozen=True)
class Scalar:
    """One input for one plain value."""

    field: FieldDescription

    def encode(self, value: Value, place: Place, raw: Raw) -> None:
        """Put a value of a document into the form."""
        raw[place.key] = plain_text(value)

    def decode(self, place: Place, raw: Raw) -> Value:
        """What the form says, for a document."""
        text = raw.get(place.key, "")
        if not text.strip():
            return UNSET
        match self.field.type:
            case "number" | "integer":
                return number_or_text(text)
            case "boolean":
                return {"true": True, "false": False}.get(text, text)
            case "choice":
                return next((choice for choice in self.field.choices if plain_text(choice) == text), text)
            case _:
                return text

    def node(self, place: Place, state: FormState) -> Node:
        """What to draw."""
        field = self.field
        select = {"boolean": _yes_no(field), "choice": _choices(field)}.get(field.type, ())
        suggestions = state.suggest(place.path) if field.type == "text" else ()
        is_picked = any(choice.about for choice in suggestions)
        return Node(
            template="select" if select else "pick" if is_picked else "input",
            place=place,
            title=PICKED if is_picked else field.title,
            help=field.help,
            limits=limits_of(field),
            default=plain_text(field.default),
            unit=field.unit,
            required=field.required,
            value=state.raw.get(place.key, ""),
            choices=select,
            suggestions=suggestions,
            problems=state.at(place.path),
        )


@dataclass(frozen=True)
class PlainList:
    """One input for a list of numbers or texts, apart by commas."""

    field: FieldDescription

    def encode(self, value: Value, place: Place, raw: Raw) -> None:
        """Put a value of a document into the form; an empty list is written out: no text means the default."""
        raw[place.key] = plain_text(value) or "[]"

    def decode(self, place: Place, raw: Raw) -> Value:
        """What the form says, for a document; ``0..9`` spells a row of integers."""
        text = raw.get(place.key, "")
        if not text.strip():
            return UNSET
        item = self.field.item
        is_number = item is not None and item.type in {"number", "integer"}
        values: list[JsonValue] = []
        for word in (word.strip() for word in text.strip().strip("[]").split(",")):
            row = re.fullmatch(r"(\d{1,9})\s*(?:\.\.|-|\u2013)\s*(\d{1,9})", word) if is_number else None
            if row and 0 <= int(row[2]) - int(row[1]) < 10_000:
                values.extend(range(int(row[1]), int(row[2]) + 1))
            elif word:
                values.append(number_or_text(word) if is_number else word)
        return values

    def node(self, place: Place, state: FormState) -> Node:
        """What to draw; the problems of single items stand at the one input."""
        field = self.field
        length = len(field.default) if isinstance(field.default, list) else 0
        below = [m for path in sorted(state.problems) if path.startswith(f"{place.path}.") for m in state.at(path)]
        return Node(
            template="input",
            place=place,
            title=field.title,
            help=field.help,
            limits="apart by commas"
            + (f"; each {limits_of(field.item)}" if field.item and limits_of(field.item) else ""),
            default=plain_text(field.default) if length else "",
            unit=field.item.unit if field.item else "",
            required=field.required,
            value=state.raw.get(place.key, ""),
            problems=[*state.at(place.path), *below],
        )


@dataclass(frozen=True)
class Anything:
    """A text area of YAML, for what has no other shape."""

    field: FieldDescription

    def encode(self, value: Value, place: Place, raw: Raw) -> None:
        """Put a value of a document into the form."""
        raw[place.key] = "" if value is None else write(value).strip()

    def decode(self, place: Place, raw: Raw) -> Value:
        """What the form says, for a document; broken YAML stays text, which the engine then refuses at this place."""
        text = raw.get(place.key, "")
        if not text.strip():
            return UNSET
        try:
            return load(text)
        except SpecError:
            return text

    def node(self, place: Place, state: FormState) -> Node:
        """What to draw."""
        below = [m for path in sorted(state.problems) if path.startswith(f"{place.path}.") for m in state.at(path)]
        return Node(
            template="area",
            place=place,
            title=self.field.title,
            help=self.field.help,
            limits="as YAML",
            required=self.field.required,
            value=state.raw.get(place.key, ""),
            problems=[*state.at(place.path), *below],
            wide=True,
        )


def _yes_no(field: FieldDescription) -> list[Choice]:
    names = {True: "Yes", False: "No"}
    default = names.get(field.default) if isinstance(field.default, bool) else None
    first = Choice("", f"Default: {default.lower()}" if default else "Choose")
    return [first, Choice("true", "Yes"), Choice("false", "No")]


def _choices(field: FieldDescription) -> list[Choice]:
    default = plain_text(field.default)
    first = Choice(
        "", f"Default: {default}" if default else "Not set" if field.optional or not field.required else "Choose"
    )
    return [first, *(Choice(plain_text(choice), plain_text(choice)) for choice in field.choices)]
