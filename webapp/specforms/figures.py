"""Shapes for catalogue entries and for figures with a provenance."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from engine.specs.describe import FieldDescription
from webapp.specforms.catalogues import recalled_count
from webapp.specforms.containers import decode_fields, encode_fields, field_nodes
from webapp.specforms.node import Choice, FormState, Node, Place, limits_of
from webapp.specforms.raw import UNSET, Raw, Value
from webapp.specforms.scalars import number_or_text, plain_text

OWN = "own"
NOTHING = "(none)"
"""Null as an explicit choice, where leaving the field out would mean its default."""


@dataclass(frozen=True)
class Reference:
    """An entry of a catalogue by its id, or one with figures of one's own."""

    field: FieldDescription

    def encode(self, value: Value, place: Place, raw: Raw) -> None:
        """Put a value of a document into the form."""
        if isinstance(value, Mapping):
            raw[place.key] = OWN
            encode_fields(self.field.options[0], value, place.member(OWN), raw)
        elif value is None and self._null_differs:
            raw[place.key] = NOTHING
        else:
            raw[place.key] = plain_text(value)

    def decode(self, place: Place, raw: Raw) -> Value:
        """What the form says, for a document."""
        chosen = raw.get(place.key, "").strip()
        if chosen == OWN:
            return decode_fields(self.field.options[0], place.member(OWN), raw)
        return None if chosen == NOTHING else chosen or UNSET

    def node(self, place: Place, state: FormState) -> Node:
        """What to draw."""
        chosen = state.raw.get(place.key, "")
        is_own = chosen == OWN
        meant = chosen or plain_text(self.field.default)
        known = [str(choice) for choice in self.field.choices]
        unknown = [Choice(chosen, f"{chosen} (unknown)")] if chosen not in {"", OWN, NOTHING, *known} else []
        labels = [state.label(self.field.family, name) for name in known]
        below = {n: t for n, t in state.raw.items() if n.startswith(f"{place.key}:{OWN}.") and t}
        return Node(
            template="reference",
            place=place,
            title=self.field.title,
            help=self.field.help,
            required=self.field.required,
            value=chosen,
            choices=[*self._first(state), *unknown, *labels, Choice(OWN, "Own figures")],
            problems=state.at(place.path),
            children=field_nodes(self.field.options[0], place.member(OWN), state) if is_own else (),
            hidden={} if is_own else below,
            help_url=(self.field.family, meant) if meant in known else None,
            wide=is_own,
            about=recalled_count(self.field.family, meant) if meant in known else "",
        )

    @property
    def _null_differs(self) -> bool:
        return self.field.optional and self.field.default is not None

    def _first(self, state: FormState) -> list[Choice]:
        default = plain_text(self.field.default)
        if default:
            named = state.label(self.field.family, default).label
            return [Choice("", f"Default: {named}"), *([Choice(NOTHING, "none")] if self.field.optional else [])]
        return [Choice("", "none" if self.field.optional else "Choose")]


@dataclass(frozen=True)
class QuantityInput:
    """A number in its unit; a figure's provenance travels along until the number is changed."""

    field: FieldDescription

    def encode(self, value: Value, place: Place, raw: Raw) -> None:
        """Put a value of a document into the form."""
        if isinstance(value, Mapping):
            raw[place.key] = plain_text(value.get("value"))
            raw[f"{place.key}@figure"] = json.dumps(value)
        else:
            raw[place.key] = plain_text(value)

    def decode(self, place: Place, raw: Raw) -> Value:
        """What the form says, for a document; a changed number is the user's own."""
        text = raw.get(place.key, "")
        if not text.strip():
            return UNSET
        value = number_or_text(text)
        figure = self._figure(place, raw)
        return figure if figure.get("value") == value else value

    def node(self, place: Place, state: FormState) -> Node:
        """What to draw."""
        figure = self._figure(place, state.raw)
        is_unchanged = bool(figure) and figure.get("value") == number_or_text(state.raw.get(place.key, ""))
        default = self.field.default
        shown = default.get("value") if isinstance(default, Mapping) else default
        below = [m for path in sorted(state.problems) if path.startswith(f"{place.path}.") for m in state.at(path)]
        return replace(
            Node(
                template="input",
                place=place,
                title=self.field.title,
                help=self.field.help,
                limits=limits_of(self.field),
                default=plain_text(shown),
                unit=self.field.unit,
                required=self.field.required,
                value=state.raw.get(place.key, ""),
                problems=[*state.at(place.path), *below],
            ),
            about=str(figure.get("provenance", "")) if is_unchanged else "",
            source=str(figure.get("source", "")) if is_unchanged else "",
            hidden={f"{place.key}@figure": state.raw[f"{place.key}@figure"]} if figure else {},
        )

    def _figure(self, place: Place, raw: Raw) -> dict[str, Value]:
        text = raw.get(f"{place.key}@figure", "")
        try:
            figure = json.loads(text) if text else {}
        except ValueError:
            return {}
        return figure if isinstance(figure, dict) else {}
