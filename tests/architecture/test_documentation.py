"""Every member of every family says what it is, where it comes from and what each of its fields means."""

from collections.abc import Iterator

import pytest

from engine.core.component import Component
from engine.core.registry import Registry, kind_of
from engine.specs.experiment import ExperimentSpec
from engine.specs.families import FAMILIES

MEMBERS = [(family, kind) for family, registry in FAMILIES.items() for kind in registry.members()]


def components(cls: type[Component]) -> Iterator[type[Component]]:
    """A component and those in its fields, but not members of registries, which are looked at by themselves."""
    yield cls
    for field in cls.model_fields.values():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Component):
            yield from components(field.annotation)


@pytest.mark.parametrize(("family", "kind"), MEMBERS)
def test_member(family: str, kind: str) -> None:
    member = FAMILIES[family].members()[kind]
    assert member.__doc__, "no docstring"
    summary = member.__doc__.strip().splitlines()[0]
    assert 10 <= len(summary) <= 120, summary
    assert member.source, "no source: name the paper, data sheet or standard"
    assert kind_of(member) == kind


@pytest.mark.parametrize("cls", [ExperimentSpec, *(FAMILIES[family].members()[kind] for family, kind in MEMBERS)])
def test_every_field_has_its_help(cls: type[Component]) -> None:
    bare = [
        f"{part.__name__}.{name}"
        for part in components(cls)
        for name, field in part.model_fields.items()
        if name != "kind" and not (field.description or "").strip()
    ]
    assert bare == []


@pytest.mark.parametrize("registry", FAMILIES.values(), ids=FAMILIES.keys())
def test_family(registry: Registry[Component]) -> None:
    assert registry.members(), "a family without a member"
    assert registry.base.__doc__
    assert registry.title
