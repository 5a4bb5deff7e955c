"""The top of a form: a field of the spec, asked for in full or as a choice of a saved part."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.specs.describe import FieldDescription
from webapp.specforms.node import Choice, FormState, Node, Place
from webapp.specforms.raw import UNSET, Raw, Value
from webapp.specforms.scalars import Anything
from webapp.specforms.shapes import Shape, shape_of


@dataclass(frozen=True)
class Root:
    """One field of the spec at the top of a form.

    Attributes:
        field: its declaration.
        saved: parts of the team that may stand here instead; None where only the field itself is asked for.
        own_shape: a shape of its own, for a field that the general ones do not show well.
    """

    field: FieldDescription
    saved: Sequence[Choice] | None = None
    own_shape: Shape | None = None

    @property
    def place(self) -> Place:
        """Where it stands: the top of form and document."""
        return Place(self.field.name, self.field.name)

    @property
    def shape(self) -> Shape:
        """How it is asked for."""
        if self.own_shape is not None:
            return self.own_shape
        return shape_of(self.field) if self.saved is None else SavedOr(self.field, self.saved)


@dataclass(frozen=True)
class SavedOr:
    """A saved part, with changes on top if any; or the part itself."""

    field: FieldDescription
    saved: Sequence[Choice]

    def encode(self, value: Value, place: Place, raw: Raw) -> None:
        """Put a value of a document into the form."""
        if isinstance(value, dict) and "saved" in value:
            raw[f"{place.key}@saved"] = str(value["saved"])
            changes = {name: entry for name, entry in value.items() if name != "saved"}
            self._changes.encode(changes or None, self._changes_place(place), raw)
        else:
            shape_of(self.field).encode(value, place, raw)

    def decode(self, place: Place, raw: Raw) -> Value:
        """What the form says, for a document."""
        saved = raw.get(f"{place.key}@saved", "")
        if not saved:
            return shape_of(self.field).decode(place, raw)
        changes = self._changes.decode(self._changes_place(place), raw)
        if changes is UNSET:
            return {"saved": saved}
        return {"saved": saved, **changes} if isinstance(changes, dict) else {"saved": saved, "changes": changes}

    def node(self, place: Place, state: FormState) -> Node:
        """What to draw."""
        saved = state.raw.get(f"{place.key}@saved", "")
        known = [Choice("", "Described here"), *self.saved]
        if saved and saved not in {choice.value for choice in self.saved}:
            known.append(Choice(saved, f"{saved} (not found)"))
        # The head of the section has said the name and help of the field already.
        own_field = replace(self.field, title=f"Kind of {self.field.title.lower()}", help="")
        own = shape_of(own_field).node(place, state)
        changes = self._changes.node(self._changes_place(place), state)
        return Node(
            template="saved_or",
            place=Place(f"{place.key}@saved", place.path),
            title=f"Which {self.field.title.lower()}",
            help=self.field.help,
            value=saved,
            choices=known,
            problems=state.at(place.path) if saved else (),
            children=[changes] if saved else [own],
            hidden={n: t for n, t in state.raw.items() if _is_below(n, place.key) and t} if saved else {},
            wide=True,
        )

    @property
    def _changes(self) -> Anything:
        help_text = "Laid over the saved one: mappings merge, lists and changed kinds replace."
        return Anything(replace(self.field, title="Changes", help=help_text, required=False))

    def _changes_place(self, place: Place) -> Place:
        return Place(f"{place.key}@changes", place.path)


def _is_below(name: str, key: str) -> bool:
    return name.startswith(tuple(f"{key}{mark}" for mark in ".:#~")) or name in {
        f"{key}@kind",
        f"{key}@on",
        f"{key}@form",
    }
