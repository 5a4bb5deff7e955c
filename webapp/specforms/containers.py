"""Shapes with other shapes inside: objects, lists of parts, mappings."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from engine.specs.describe import Description, FieldDescription
from webapp.specforms.node import FormState, Node, Place
from webapp.specforms.raw import UNSET, Raw, Value, numbers, set_numbers
from webapp.specforms.shapes import shape_of


def encode_fields(described: Description, tree: Mapping[str, Value], place: Place, raw: Raw) -> None:
    """Put the fields of an object into the form."""
    for field in described.fields:
        if field.name in tree:
            shape_of(field).encode(tree[field.name], place.child(field.name), raw)


def decode_fields(described: Description, place: Place, raw: Raw) -> dict[str, Value]:
    """The fields of an object that were set."""
    values = {field.name: shape_of(field).decode(place.child(field.name), raw) for field in described.fields}
    return {name: value for name, value in values.items() if value is not UNSET}


def field_nodes(described: Description, place: Place, state: FormState) -> list[Node]:
    """A node for each field of an object."""
    return [shape_of(field).node(place.child(field.name), state) for field in described.fields]


@dataclass(frozen=True)
class Fields:
    """A fixed set of fields."""

    field: FieldDescription

    @property
    def described(self) -> Description:
        """The one component."""
        return self.field.options[0]

    def encode(self, value: Value, place: Place, raw: Raw) -> None:
        """Put a value of a document into the form."""
        if isinstance(value, Mapping):
            raw[f"{place.key}@on"] = "1"
            encode_fields(self.described, value, place, raw)

    def decode(self, place: Place, raw: Raw) -> Value:
        """What the form says, for a document."""
        values = decode_fields(self.described, place, raw)
        if self._can_be_absent and raw.get(f"{place.key}@on") != "1":
            return UNSET
        # Nothing typed: the default holds, or the engine names the fields that are missing one by one.
        return values if values or self.field.required or self._can_be_absent else UNSET

    def node(self, place: Place, state: FormState) -> Node:
        """What to draw."""
        is_on = not self._can_be_absent or state.raw.get(f"{place.key}@on") == "1"
        return Node(
            template="optional" if self._can_be_absent else "object",
            place=place,
            title=self.field.title,
            help=self.field.help or self.described.summary,
            source=self.described.source,
            value="1" if is_on else "",
            required=self.field.required,
            problems=state.at(place.path),
            children=field_nodes(self.described, place, state) if is_on else (),
            wide=True,
        )

    @property
    def _can_be_absent(self) -> bool:
        return self.field.optional and self.field.default is None


@dataclass(frozen=True)
class Items:
    """A list whose items have fields of their own."""

    field: FieldDescription

    def encode(self, value: Value, place: Place, raw: Raw) -> None:
        """Put a value of a document into the form."""
        if isinstance(value, list):
            set_numbers(raw, place.key, list(range(len(value))))
            for number, item in enumerate(value):
                shape_of(self._item).encode(item, place.item(number, number), raw)

    def decode(self, place: Place, raw: Raw) -> Value:
        """What the form says, for a document."""
        found = numbers(raw, place.key)
        if not found:
            # Items that were taken away are another thing than a list that was never touched.
            return UNSET if found is None else []
        values = [shape_of(self._item).decode(place.item(number, index), raw) for index, number in enumerate(found)]
        empty: Value = {} if self._item.type in {"object", "union"} else None
        return [empty if value is UNSET else value for value in values]

    def node(self, place: Place, state: FormState) -> Node:
        """What to draw."""
        found = numbers(state.raw, place.key) or []
        children = [
            replace(shape_of(self._item).node(place.item(number, index), state), removable=True)
            for index, number in enumerate(found)
        ]
        return Node(
            template="items",
            place=place,
            title=self.field.title,
            help=self.field.help,
            hidden={name: state.raw[name] for name in (f"{place.key}#",) if name in state.raw},
            required=self.field.required,
            problems=state.at(place.path),
            children=[
                replace(child, title=f"{_singular(self.field.title)} {index + 1}")
                for index, child in enumerate(children)
            ],
            wide=True,
        )

    @property
    def _item(self) -> FieldDescription:
        assert self.field.item is not None
        return self.field.item


@dataclass(frozen=True)
class Pairs:
    """A mapping: keys that the user names, and a value each."""

    field: FieldDescription

    def encode(self, value: Value, place: Place, raw: Raw) -> None:
        """Put a value of a document into the form."""
        if isinstance(value, Mapping):
            set_numbers(raw, place.key, list(range(len(value))))
            for number, (key, item) in enumerate(value.items()):
                raw[f"{place.key}.{number}@key"] = key
                shape_of(self._item).encode(item, place.item(number, key), raw)

    def decode(self, place: Place, raw: Raw) -> Value:
        """What the form says, for a document; a key given twice gets a mark, so that it is refused."""
        found = numbers(raw, place.key)
        if not found:
            return UNSET
        values: dict[str, Value] = {}
        for number in found:
            key = raw.get(f"{place.key}.{number}@key", "").strip()
            value = shape_of(self._item).decode(place.item(number, key), raw)
            if key or value is not UNSET:
                values[key if key not in values else f"{key} (given twice)"] = None if value is UNSET else value
        return values or UNSET

    def node(self, place: Place, state: FormState) -> Node:
        """What to draw."""
        found = numbers(state.raw, place.key) or []
        children = []
        for number in found:
            key = state.raw.get(f"{place.key}.{number}@key", "")
            value = shape_of(self._item).node(place.item(number, key), state)
            children.append(
                Node(
                    template="pair",
                    place=Place(f"{place.key}.{number}@key", place.item(number, key).path),
                    title=f"Key {number + 1} of {self.field.title.lower()}",
                    value=key,
                    suggestions=state.suggest(f"{place.path}@key"),
                    children=[replace(value, title=f"Value {number + 1} of {self.field.title.lower()}")],
                )
            )
        return Node(
            template="pairs",
            place=place,
            title=self.field.title,
            help=self.field.help,
            hidden={name: state.raw[name] for name in (f"{place.key}#",) if name in state.raw},
            required=self.field.required,
            problems=state.at(place.path),
            children=children,
            wide=True,
        )

    @property
    def _item(self) -> FieldDescription:
        assert self.field.item is not None
        return self.field.item


def _singular(title: str) -> str:
    return title.removesuffix("s")
