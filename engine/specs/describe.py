"""One description of every parameter, read from its declaration: forms, API, command line and docs all render this."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from inspect import cleandoc
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from engine.core.component import Component
from engine.core.json import JsonValue, plain
from engine.specs.forms import FieldType, Form, form_of, form_of_field, kind_of_model


@dataclass(frozen=True)
class FieldDescription:
    """A field as a person needs to know it."""

    path: str
    """Dotted place below the described component; items of lists and mappings are ``*``."""
    name: str
    title: str
    type: FieldType
    help: str
    required: bool
    default: JsonValue
    optional: bool
    """Whether null is a value of its own."""
    unit: str = ""
    minimum: float | None = None
    exclusive_minimum: float | None = None
    maximum: float | None = None
    exclusive_maximum: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str = ""
    choices: tuple[JsonValue, ...] = ()
    family: str = ""
    """Name of the registry whose members a union offers, or of the catalogue that a reference points into."""
    options: tuple["Description", ...] = ()
    """The members of a union, or the one component of an object; empty where a component contains itself."""
    item: "FieldDescription | None" = None
    """Each item of a list or each value of a mapping."""
    variants: tuple["FieldDescription", ...] = ()
    """The shapes of ``alternatives``."""


@dataclass(frozen=True)
class Description:
    """A component as a person needs to know it."""

    kind: str
    """Empty for a component that is the only one of its sort."""
    title: str
    summary: str
    """First paragraph of its docstring."""
    details: str
    """The rest of its docstring."""
    source: str
    fields: tuple[FieldDescription, ...]
    equation: str = ""
    """One line of mathematics; empty for most."""

    def __getitem__(self, name: str) -> FieldDescription:
        """The field of that name.

        Raises:
            KeyError: there is none.
        """
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(name)

    def walk(self) -> Iterator[FieldDescription]:
        """All fields, depth first, through objects, items, variants and every option of unions."""
        for field in self.fields:
            yield from _walk(field)


def describe(model: type[BaseModel]) -> Description:
    """What the component is, and each of its fields."""
    return _describe(model, "", ())


def as_json(value: Any) -> JsonValue:
    """A description as a JSON tree, without what is empty."""
    if is_dataclass(value):
        entries = {field.name: as_json(getattr(value, field.name)) for field in fields(value)}
        kept = {"default", "required", "optional"}
        return {name: entry for name, entry in entries.items() if name in kept or entry not in (None, "", [])}
    return [as_json(item) for item in value] if isinstance(value, tuple | list) else plain(value)


def _walk(field: FieldDescription) -> Iterator[FieldDescription]:
    yield field
    for inner in (*((field.item,) if field.item else ()), *field.variants):
        yield from _walk(inner)
    for option in field.options:
        yield from option.walk()


def _describe(model: type[BaseModel], prefix: str, above: tuple[type[BaseModel], ...]) -> Description:
    text = cleandoc(model.__doc__ or "")
    summary, _, details = text.partition("\n\n")
    return Description(
        kind=kind_of_model(model) or "",
        title=_title(model.__name__),
        summary=" ".join(summary.split()),
        details=details.strip(),
        source=model.source if issubclass(model, Component) else "",
        fields=tuple(
            _field(name, info, f"{prefix}{name}", (*above, model))
            for name, info in model.model_fields.items()
            if name != "kind"
        ),
        equation=model.equation if issubclass(model, Component) else "",
    )


def _field(name: str, info: FieldInfo, path: str, above: tuple[type[BaseModel], ...]) -> FieldDescription:
    return _from_form(
        form_of_field(info),
        path,
        above,
        name=name,
        title=info.title or title_of(name),
        help=" ".join((info.description or "").split()),
        required=info.is_required(),
        default=_default(info),
    )


def _part(annotation: Any, path: str, above: tuple[type[BaseModel], ...]) -> FieldDescription:
    return _from_form(form_of(annotation), path, above, name="", title="", help="", required=True, default=None)


def _from_form(form: Form, path: str, above: tuple[type[BaseModel], ...], **common: Any) -> FieldDescription:
    is_container = form.sort in {"list", "mapping"}
    return FieldDescription(
        path=path,
        type=form.sort,
        optional=form.optional,
        unit=form.unit,
        minimum=form.bound("ge"),
        exclusive_minimum=form.bound("gt"),
        maximum=form.bound("le"),
        exclusive_maximum=form.bound("lt"),
        min_length=form.bound("min_length"),
        max_length=form.bound("max_length"),
        pattern=str(form.bound("pattern") or ""),
        choices=tuple(plain(choice) for choice in form.choices),
        family=form.registry.family if form.registry else f"{form.noun}s" if form.noun else "",
        options=tuple(_describe(model, f"{path}.", above) for model in form.models if model not in above),
        item=_part(form.parts[0], f"{path}.*", above) if is_container and form.parts else None,
        variants=() if is_container else tuple(_part(part, path, above) for part in form.parts),
        **common,
    )


def _default(info: FieldInfo) -> JsonValue:
    value = info.get_default(call_default_factory=True, validated_data={})
    return None if value is PydanticUndefined else _tree(value)


def _tree(value: Any) -> JsonValue:
    if isinstance(value, BaseModel):
        return plain(value.model_dump(mode="json"))
    if isinstance(value, tuple | list):
        return [_tree(item) for item in value]
    if isinstance(value, dict):
        return {key: _tree(item) for key, item in value.items()}
    return plain(value)


def title_of(name: str) -> str:
    """A field's name in words: ``num_parts`` is the number of parts, ``lr_decay`` the learning rate decay.

    Units at the end of a name are left out, because they stand beside the value.
    """
    steps = name.split("_")
    if len(steps) > 1 and steps[-1] in _UNITS:
        steps = steps[:-1]
    words = " ".join(_WORDS.get(step, step) for step in steps)
    return words[:1].upper() + words[1:]


_UNITS = frozenset({"s", "j", "w", "bytes", "bps"})

_WORDS = {
    "lr": "learning rate",
    "num": "number of",
    "rtt": "round-trip time",
    "tx": "transmit",
    "rx": "receive",
    "iid": "IID",
    "ram": "RAM",
    "std": "standard deviation",
    "min": "minimum",
    "max": "maximum",
    "dataset": "data set",
    "conv": "convolution",
    "int8": "8-bit",
}
"""Abbreviations in names of fields, in words."""


def _title(name: str) -> str:
    """``FedProx`` stays as its authors write it; a trailing ``Spec`` says nothing to a person."""
    return name.removesuffix("Spec")
