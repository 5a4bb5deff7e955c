"""Reading annotations: what shape of value a field takes, told from its pydantic declaration alone."""

import types
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from engine.core.catalogue_file import Reference
from engine.core.quantity import Quantity
from engine.core.registry import Member, Registry
from engine.core.units import Unit

FieldType = Literal[
    "number",
    "integer",
    "text",
    "boolean",
    "choice",
    "list",
    "mapping",
    "union",
    "object",
    "quantity",
    "reference",
    "alternatives",
    "any",
]
"""What a field takes: ``union`` is one component of several told apart by ``kind``, ``object`` a fixed set of fields,
``quantity`` a number or a whole figure with its provenance, ``reference`` a catalogue id or the object itself,
``alternatives`` one of several other shapes, ``any`` whatever JSON can say."""

_SCALARS: dict[Any, FieldType] = {float: "number", int: "integer", str: "text", bool: "boolean"}
_BOUNDS = ("ge", "gt", "le", "lt", "multiple_of", "min_length", "max_length", "pattern")


@dataclass(frozen=True)
class Form:
    """The shape of a value."""

    sort: FieldType
    optional: bool = False
    """Whether null is allowed."""
    bounds: tuple[tuple[str, Any], ...] = ()
    """Declared limits by pydantic's names (``ge``, ``max_length``, ...); a limit of 0 is a limit."""
    unit: str = ""
    choices: tuple[Any, ...] = ()
    """Allowed values of a choice; ids of the catalogue of a reference."""
    models: tuple[type[BaseModel], ...] = ()
    """The class of an object or of what a reference stands for, or all classes of a union."""
    registry: Registry[Any] | None = None
    noun: str = ""
    """What the entries of a reference's catalogue are."""
    parts: tuple[Any, ...] = ()
    """Annotations of the item of a list, the value of a mapping or each alternative."""

    def bound(self, name: str) -> Any:
        """The limit of that name; None if there is none."""
        return dict(self.bounds).get(name)

    def model_for(self, value: Any) -> type[BaseModel] | None:
        """The class whose fields the mapping given here has; None if it is none or does not tell."""
        if self.sort in {"object", "reference"} and isinstance(value, dict):
            return self.models[0]
        if self.sort == "union" and isinstance(value, dict):
            return next((model for model in self.models if kind_of_model(model) == value.get("kind")), None)
        return None


def form_of_field(info: FieldInfo) -> Form:
    """The shape of the values of a model's field."""
    return form_of(info.annotation, tuple(info.metadata))


def form_of(annotation: Any, metadata: tuple[Any, ...] = ()) -> Form:
    """The shape of the values of an annotation; ``metadata`` is what stood beside it in ``Annotated``."""
    while get_origin(annotation) is Annotated:
        annotation, *more = get_args(annotation)
        metadata = (*more, *metadata)
    metadata = tuple(_flat(metadata))
    form = _bare_form(annotation, metadata)
    return replace(form, bounds=form.bounds or tuple(_bounds(metadata)), unit=form.unit or _unit(metadata))


def kind_of_model(model: type[BaseModel]) -> str | None:
    """The fixed ``kind`` of a member class; None if it has none."""
    field = model.model_fields.get("kind")
    return field.default if field is not None and isinstance(field.default, str) else None


def _bare_form(annotation: Any, metadata: tuple[Any, ...]) -> Form:
    optional = type(None) in get_args(annotation)
    for entry in metadata:
        match entry:
            case Member():
                models = tuple(entry.registry.members().values())
                return Form("union", optional=optional, models=models, registry=entry.registry)
            case Reference():
                ids = tuple(entry.catalogue())
                return Form("reference", optional=optional, models=(entry.cls,), choices=ids, noun=entry.noun)
            case Quantity():
                bounds = (("ge", entry.ge), ("gt", entry.gt), ("le", entry.le))
                known = tuple((name, bound) for name, bound in bounds if bound is not None)
                return Form("quantity", optional=optional, bounds=known, unit=entry.unit)
    origin, args = get_origin(annotation), get_args(annotation)
    if origin in {Union, types.UnionType}:
        return _union_form(args)
    if origin is Literal:
        return Form("choice", choices=args)
    if origin in {tuple, list, set, frozenset}:
        return Form("list", parts=args[:1])
    if origin is dict or getattr(origin, "__name__", "") == "Mapping":
        return Form("mapping", parts=args[1:])
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return Form("object", models=(annotation,))
    return Form(_SCALARS.get(annotation, "any"))


def _union_form(args: tuple[Any, ...]) -> Form:
    branches = tuple(arg for arg in args if arg is not type(None))
    optional = len(branches) < len(args)
    if len(branches) == 1:
        return replace(form_of(branches[0]), optional=optional)
    forms = [form_of(branch) for branch in branches]
    if all(form.sort == "object" and kind_of_model(form.models[0]) for form in forms):
        return Form("union", optional=optional, models=tuple(form.models[0] for form in forms))
    return Form("alternatives", optional=optional, parts=branches)


def _flat(metadata: tuple[Any, ...]) -> list[Any]:
    flat: list[Any] = []
    for entry in metadata:
        flat.extend(entry.metadata if isinstance(entry, FieldInfo) else [entry])
    return flat


def _bounds(metadata: tuple[Any, ...]) -> list[tuple[str, Any]]:
    found = {name: getattr(entry, name, None) for entry in metadata for name in _BOUNDS if hasattr(entry, name)}
    return [(name, value) for name, value in found.items() if value is not None]


def _unit(metadata: tuple[Any, ...]) -> str:
    return next((entry.symbol for entry in metadata if isinstance(entry, Unit)), "")
