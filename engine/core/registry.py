"""One registry per family of components; it finds its members by walking a package."""

import importlib
import os
import pkgutil
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, Generic, TypeVar

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from engine.core.component import Component

C = TypeVar("C", bound=Component)

PLUGIN_VARIABLE = "EDGELOOM_PLUGINS"
"""Environment variable: folders (separated like PATH) with one sub-folder per family, e.g. ``strategies/mine.py``."""

ENTRY_POINT_GROUP = "edgeloom.members"
"""Entry-point group by which an installed package adds modules with members."""


class Registry(Generic[C]):
    """The members of one family, such as all strategies, by their ``kind``.

    Args:
        family: plural name of the family as users see it, ``strategies``.
        package: dotted name of the package whose modules hold one member each.
        base: the abstract class of the family.
        title: a short name of one member for forms and docs, ``Strategy``.
    """

    def __init__(self, family: str, package: str, base: type[C], *, title: str) -> None:
        self.family = family
        self.package = package
        self.base = base
        self.title = title
        self._members: dict[str, type[C]] = {}
        self._walked = False

    def register(self, cls: type[C]) -> type[C]:
        """Add a member (used as a decorator).

        Raises:
            TypeError: the class is not of this family, or its ``kind`` has no fixed value.
            ValueError: another class has the same ``kind``.
        """
        if not issubclass(cls, self.base):
            raise TypeError(f"{cls.__qualname__} is not a {self.base.__qualname__}, so it cannot join {self.family}")
        kind = kind_of(cls)
        other = self._members.get(kind)
        if other is not None and (other.__module__, other.__qualname__) != (cls.__module__, cls.__qualname__):
            raise ValueError(f"{self.family} has a member {kind!r} already: {other.__module__}.{other.__qualname__}")
        self._members[kind] = cls
        return cls

    def members(self) -> Mapping[str, type[C]]:
        """All members by kind, in alphabetical order; imports every module of the package on first use."""
        if not self._walked:
            self._walked = True
            for module in self._modules():
                importlib.import_module(module)
        return MappingProxyType(dict(sorted(self._members.items())))

    def __getitem__(self, kind: str) -> type[C]:
        """The member of that kind.

        Raises:
            KeyError: there is none; the message lists those there are.
        """
        try:
            return self.members()[kind]
        except KeyError:
            raise KeyError(f"{self.family} has no {kind!r}; there are {', '.join(self.members())}") from None

    def field(self) -> "Member":
        """The marker for a field that takes any member: ``Annotated[Strategy, strategies.field()]``."""
        return Member(self)

    def _modules(self) -> Iterator[str]:
        package = importlib.import_module(self.package)
        self._extend_path(package)
        for info in pkgutil.iter_modules(package.__path__):
            if not info.name.startswith("_"):
                yield f"{self.package}.{info.name}"
        for point in entry_points(group=ENTRY_POINT_GROUP):
            if point.name.partition(".")[0] == self.family:
                yield point.value

    def _extend_path(self, package: ModuleType) -> None:
        for folder in filter(None, os.environ.get(PLUGIN_VARIABLE, "").split(os.pathsep)):
            place = str(Path(folder) / self.family)
            if Path(place).is_dir() and place not in package.__path__:
                package.__path__.append(place)


class Member:
    """Annotation that turns a field into the tagged union of a registry's members, told apart by ``kind``."""

    def __init__(self, registry: Registry[Any]) -> None:
        self.registry = registry

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        choices = {kind: handler.generate_schema(cls) for kind, cls in self.registry.members().items()}
        return core_schema.tagged_union_schema(choices, discriminator="kind")


def kind_of(cls: type[Component]) -> str:
    """The fixed ``kind`` of a member class.

    Raises:
        TypeError: the class declares no default for ``kind``.
    """
    field = cls.model_fields.get("kind")
    if field is None or not isinstance(field.default, str):
        raise TypeError(f'{cls.__qualname__} needs a field kind: Literal["name"] = "name"')
    return field.default
