"""Shapes of which one is chosen: members of a registry told apart by kind, and values that may take several forms."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from engine.specs.describe import Description, FieldDescription
from webapp.specforms.containers import decode_fields, encode_fields, field_nodes
from webapp.specforms.node import Choice, FormState, Node, Place
from webapp.specforms.raw import UNSET, Raw, Value
from webapp.specforms.shapes import shape_of


@dataclass(frozen=True)
class Kinds:
    """One component of several: a select of kinds, and the fields of the chosen one."""

    field: FieldDescription

    def encode(self, value: Value, place: Place, raw: Raw) -> None:
        """Put a value of a document into the form."""
        if not isinstance(value, Mapping):
            return
        kind = str(value.get("kind", ""))
        raw[f"{place.key}@kind"] = kind
        member = self._member(kind)
        if member is not None:
            encode_fields(member, value, place.member(kind), raw)

    def decode(self, place: Place, raw: Raw) -> Value:
        """What the form says, for a document."""
        kind = raw.get(f"{place.key}@kind", "")
        if not kind:
            return UNSET
        member = self._member(kind)
        values = decode_fields(member, place.member(kind), raw) if member is not None else {}
        return {"kind": kind, **values}

    def node(self, place: Place, state: FormState) -> Node:
        """What to draw."""
        kind = state.raw.get(f"{place.key}@kind", "")
        shown = kind or self._default_kind
        member = self._member(shown)
        own = f"{place.key}:{kind}."
        return Node(
            template="union",
            place=Place(f"{place.key}@kind", place.path),
            title=self.field.title,
            help=self.field.help,
            required=self.field.required,
            value=kind,
            choices=self._choices(kind),
            problems=state.at(place.path),
            children=field_nodes(member, place.member(kind), state) if member is not None and kind else (),
            hidden={
                n: t for n, t in state.raw.items() if n.startswith(f"{place.key}:") and not n.startswith(own) and t
            },
            about=member.summary if member is not None else "",
            source=member.source if member is not None else "",
            equation=member.equation if member is not None else "",
            help_url=(self.field.family, shown) if member is not None and self.field.family else None,
            wide=True,
        )

    @property
    def _default_kind(self) -> str:
        default = self.field.default
        return str(default.get("kind", "")) if isinstance(default, Mapping) else ""

    def _member(self, kind: str) -> Description | None:
        return next((option for option in self.field.options if option.kind == kind), None)

    def _choices(self, kind: str) -> list[Choice]:
        default = self._default_kind
        nothing = "none" if self.field.optional or not self.field.required else "Choose"
        first = Choice("", f"Default: {default}" if default else nothing)
        known = [Choice(option.kind, option.kind) for option in self.field.options]
        unknown = [] if not kind or self._member(kind) else [Choice(kind, f"{kind} (unknown)")]
        return [first, *known, *unknown]


@dataclass(frozen=True)
class Forms:
    """A value of several shapes: a name from a catalogue, or everything written out."""

    field: FieldDescription

    def encode(self, value: Value, place: Place, raw: Raw) -> None:
        """Put a value of a document into the form."""
        if value is None:
            return
        index = next((i for i, variant in enumerate(self.field.variants) if _fits(variant, value)), 0)
        raw[f"{place.key}@form"] = str(index)
        shape_of(self.field.variants[index]).encode(value, place.variant(index), raw)

    def decode(self, place: Place, raw: Raw) -> Value:
        """What the form says, for a document."""
        index = self._chosen(place, raw)
        value = shape_of(self.field.variants[index]).decode(place.variant(index), raw)
        return {} if value is UNSET and self.field.variants[index].type == "object" else value

    def node(self, place: Place, state: FormState) -> Node:
        """What to draw."""
        index = self._chosen(place, state.raw)
        variant = replace(
            self.field.variants[index], title=self.field.title, help=self.field.help, required=self.field.required
        )
        inner = shape_of(variant).node(place.variant(index), state)
        own = f"{place.key}~{index}"
        choices = [Choice(str(i), _shape_title(variant)) for i, variant in enumerate(self.field.variants)]
        return Node(
            template="forms",
            place=Place(f"{place.key}@form", place.path),
            title=self.field.title,
            value=str(index),
            choices=choices,
            required=self.field.required,
            problems=() if inner.problems else state.at(place.path),
            children=[inner],
            hidden={
                n: t for n, t in state.raw.items() if n.startswith(f"{place.key}~") and not n.startswith(own) and t
            },
            wide=inner.wide,
        )

    def _chosen(self, place: Place, raw: Raw) -> int:
        text = raw.get(f"{place.key}@form", "0")
        return int(text) if text.isdigit() and int(text) < len(self.field.variants) else 0


def _fits(variant: FieldDescription, value: Value) -> bool:
    if isinstance(value, Mapping):
        return variant.type in {"object", "union", "mapping", "any"}
    if isinstance(value, list):
        return variant.type in {"list", "any"}
    return (
        variant.type in {"text", "choice"}
        if isinstance(value, str)
        else variant.type in {"number", "integer", "boolean"}
    )


def _shape_title(variant: FieldDescription) -> str:
    if variant.type == "text":
        return "From the catalogue"
    if variant.type == "object" and variant.options:
        return f"Own {variant.options[0].title.lower()}"
    return {"union": "Own", "number": "Number", "integer": "Number", "list": "List"}.get(
        variant.type, variant.type.capitalize()
    )
