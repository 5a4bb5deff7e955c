"""What a resource looks like from outside: one class says its fields, their meaning, and where they are read from."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import itemgetter
from typing import Annotated, Any, Generic, TypeVar

from django.db.models import Model, QuerySet
from pydantic import BaseModel, ConfigDict, Field

from engine.core.errors import Problem
from webapp.api.problems import ApiProblem

Row = dict[str, Any]


@dataclass(frozen=True)
class Column:
    """Where a field is read from, if not from the column of its own name.

    Attributes:
        path: the ORM path.
    """

    path: str


@dataclass(frozen=True)
class Derived:
    """A field that is worked out from columns.

    Attributes:
        columns: the ORM paths that ``make`` takes, in this order.
        make: the field's value from the columns' values.
    """

    columns: tuple[str, ...]
    make: Callable[..., Any]


@dataclass(frozen=True)
class Attached:
    """A field that a second query fills for all rows at once.

    Attributes:
        load: from the primary keys of the rows to the field's value of each.
    """

    load: Callable[[list[Any]], dict[Any, Any]]


DETAIL = "detail"
"""Marks a field that lists leave out unless ``fields=`` asks for it, because it is long."""


def _nothing_required(schema: dict[str, Any]) -> None:
    # `fields=` leaves out what was not asked for, so a client may count on no field being there.
    schema.pop("required", None)


class Resource(BaseModel):
    """Base of what lists and single objects answer with; a string under a field is its description."""

    model_config = ConfigDict(
        extra="forbid", use_attribute_docstrings=True, json_schema_extra=_nothing_required, protected_namespaces=()
    )


class Exact(BaseModel):
    """Base of answers and bodies whose fields are always all there and no others."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


R = TypeVar("R")


class Listing(Exact, Generic[R]):
    """One page of a list."""

    # A class that is made of this one has no place in any source: pydantic would look for one through every frame and
    # every module, for a third of the time that the server takes to start.
    model_config = ConfigDict(use_attribute_docstrings=False)

    items: Annotated[list[R], Field(description="The objects of this page, newest first.")]
    next: Annotated[str | None, Field(description="Cursor of the page after this one; null at the end.")]


Source = Column | Derived | Attached


class Shape:
    """Reads rows of a resource: only the columns of the fields that were asked for, without a query per row."""

    def __init__(self, resource: type[Resource]) -> None:
        self.sources: dict[str, Source] = {}
        self.details: set[str] = set()
        for name, field in resource.model_fields.items():
            sources = [one for one in field.metadata if isinstance(one, Column | Derived | Attached)]
            self.sources[name] = sources[0] if sources else Column(name)
            if DETAIL in field.metadata:
                self.details.add(name)

    def chosen(self, text: str | None, *, detailed: bool = False) -> tuple[str, ...]:
        """The fields that a ``fields=`` parameter names; without it all, in a list all but the long ones.

        Raises:
            ApiProblem: there is no field of such a name.
        """
        if text is None:
            return tuple(name for name in self.sources if detailed or name not in self.details)
        names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
        unknown = [name for name in names if name not in self.sources]
        if unknown:
            given = ", ".join(map(repr, unknown))
            message = f"there is no field {given}; there are {', '.join(self.sources)}"
            problem = Problem(path="fields", code="unknown_field", message=message)
            raise ApiProblem("invalid_parameters", "The request has 1 problem.", errors=[problem])
        return names

    def read(self, queryset: QuerySet[Any], names: Iterable[str], extra: Iterable[str] = ()) -> list[tuple[Row, Row]]:
        """The rows of a query.

        Returns:
            for each row its fields, and its raw columns (``pk`` and ``extra`` among them).
        """
        wanted = {name: self.sources[name] for name in names}
        key = queryset.model._meta.pk.attname
        columns = dict.fromkeys([key, *extra])
        for source in wanted.values():
            columns.update(dict.fromkeys(_columns(source)))
        # Tuples and getters made once: of a thousand rows with twenty fields each, every step here runs 20,000 times.
        found = list(queryset.values_list(*columns))
        places = {column: place for place, column in enumerate(columns)}
        keys = [row[0] for row in found]
        getters = [_getter(source, places, keys) for source in wanted.values()]
        raw = [("pk", 0), *((column, places[column]) for column in extra)]
        return [
            (
                dict(zip(wanted, [get(row) for get in getters], strict=True)),
                {column: row[place] for column, place in raw},
            )
            for row in found
        ]

    def of(self, instance: Model, fields: str | None = None) -> Row:
        """The fields of one object, read again so that they are the stored ones."""
        stored = type(instance)._default_manager.filter(pk=instance.pk)
        return self.read(stored, self.chosen(fields, detailed=True))[0][0]


def _columns(source: Source) -> tuple[str, ...]:
    match source:
        case Column():
            return (source.path,)
        case Derived():
            return source.columns
        case Attached():
            return ()


def _getter(source: Source, places: dict[str, int], keys: list[Any]) -> Callable[[tuple[Any, ...]], Any]:
    """Reads a field out of a row whose columns stand at these places and begin with its key."""
    match source:
        case Column():
            return itemgetter(places[source.path])
        case Derived():
            make, wanted = source.make, [places[column] for column in source.columns]
            return lambda row: make(*[row[place] for place in wanted])
        case Attached():
            attached = source.load(keys)
            return lambda row: attached[row[0]]
