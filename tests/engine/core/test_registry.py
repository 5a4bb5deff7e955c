"""One registry per family: members are found by walking, by plug-in folder, and told apart by kind."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import ValidationError

from engine.core.component import Component
from engine.core.registry import Registry, kind_of


class Shape(Component):
    """A family of its own."""

    kind: str


class Box(Component):
    """Something that holds a shape."""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty package on the path whose modules are members."""
    name = f"shapes_{tmp_path.name.replace('-', '_')}"
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "shape_base", sys.modules[__name__])
    return name


def member(kind: str, registry: str) -> str:
    """The source of a member file."""
    return (
        "from typing import Literal\nimport shape_base\n"
        f"@shape_base.{registry}.register\nclass {kind.title()}(shape_base.Shape):\n"
        f"    kind: Literal['{kind}'] = '{kind}'\n    size: int = 1\n"
    )


def test_members_are_found_by_walking_the_package(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = Registry("shapes", package, Shape, title="Shape")
    monkeypatch.setattr(sys.modules[__name__], "walked", registry, raising=False)
    (tmp_path / package / "square.py").write_text(member("square", "walked"))
    (tmp_path / package / "disc.py").write_text(member("disc", "walked"))
    (tmp_path / package / "_private.py").write_text("raise RuntimeError('never imported')")
    assert list(registry.members()) == ["disc", "square"]
    assert registry["disc"].__name__ == "Disc"
    with pytest.raises(KeyError, match="there are disc, square"):
        registry["cube"]


def test_a_plug_in_folder_adds_members(package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry("shapes", package, Shape, title="Shape")
    monkeypatch.setattr(sys.modules[__name__], "plugged", registry, raising=False)
    (tmp_path / "plugins" / "shapes").mkdir(parents=True)
    (tmp_path / "plugins" / "shapes" / "star.py").write_text(member("star", "plugged"))
    monkeypatch.setenv("EDGELOOM_PLUGINS", str(tmp_path / "plugins"))
    assert list(registry.members()) == ["star"]


def test_two_members_of_one_kind_and_strangers_are_refused(package: str) -> None:
    registry = Registry("shapes", package, Shape, title="Shape")

    @registry.register
    class First(Shape):
        kind: Literal["same"] = "same"

    assert registry.register(First) is First  # the same class again, as a reloaded module gives it

    class Second(Shape):
        kind: Literal["same"] = "same"

    with pytest.raises(ValueError, match="has a member 'same' already"):
        registry.register(Second)
    with pytest.raises(TypeError, match="is not a Shape"):
        registry.register(Box)  # type: ignore[type-var]
    with pytest.raises(TypeError, match="needs a field kind"):
        kind_of(Shape)


def test_a_field_takes_any_member_by_its_kind(package: str) -> None:
    registry = Registry("shapes", package, Shape, title="Shape")

    @registry.register
    class Square(Shape):
        kind: Literal["square"] = "square"
        side: int = 1

    @registry.register
    class Disc(Shape):
        kind: Literal["disc"] = "disc"
        radius: int = 1

    class Holder(Component):
        shape: Annotated[Shape, registry.field()] = Square()

    held = Holder.model_validate_json('{"shape": {"kind": "disc", "radius": 3}}', strict=True)
    assert held.shape == Disc(radius=3)
    assert held.model_dump() == {"shape": {"kind": "disc", "radius": 3}}
    assert Holder().shape == Square()
    with pytest.raises(ValidationError) as caught:
        Holder.model_validate({"shape": {"kind": "disc", "side": 3}})
    assert caught.value.errors()[0]["loc"] == ("shape", "disc", "side")


def test_components_are_immutable_and_strict_about_fields() -> None:
    class Leaf(Component):
        size: float = 1.0
        """How big."""

    leaf = Leaf(size=2)
    with pytest.raises(ValidationError):
        leaf.size = 3  # type: ignore[misc]
    with pytest.raises(ValidationError):
        Leaf(sice=3)  # type: ignore[call-arg]
    with pytest.raises(ValidationError):
        Leaf(size=float("nan"))
    assert Leaf.model_fields["size"].description == "How big."
