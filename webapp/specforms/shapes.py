"""Which shape a field takes in a form."""

from typing import Protocol

from engine.specs.describe import FieldDescription
from webapp.specforms.node import FormState, Node, Place
from webapp.specforms.raw import Raw, Value

_PLAIN = {"number", "integer", "text", "choice", "boolean"}


class Shape(Protocol):
    """A way to ask for a value: document to form, form to document, form to what is drawn."""

    def encode(self, value: Value, place: Place, raw: Raw) -> None:
        """Put a value of a document into the form."""

    def decode(self, place: Place, raw: Raw) -> Value:
        """What the form says, for a document; :data:`UNSET` if nothing was said."""

    def node(self, place: Place, state: FormState) -> Node:
        """What to draw."""


def shape_of(field: FieldDescription) -> Shape:
    """The shape for a declared field; YAML for what has no better one."""
    # The shapes nest, so their modules import this one.
    from webapp.specforms import choices, containers, figures, scalars

    match field.type:
        case "union" if field.options:
            return choices.Kinds(field)
        case "alternatives" if field.variants:
            return choices.Forms(field)
        case "reference" if field.options:
            return figures.Reference(field)
        case "quantity":
            return figures.QuantityInput(field)
        case "object" if field.options:
            return containers.Fields(field)
        case "list" if field.item is not None:
            return scalars.PlainList(field) if field.item.type in _PLAIN else containers.Items(field)
        case "mapping" if field.item is not None:
            return containers.Pairs(field)
        case "number" | "integer" | "text" | "choice" | "boolean":
            return scalars.Scalar(field)
        case _:
            return scalars.Anything(field)
