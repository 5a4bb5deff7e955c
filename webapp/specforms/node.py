"""What a template draws: one node per input or group of inputs."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from engine.core.errors import Problem
from engine.specs.describe import FieldDescription
from webapp.specforms.raw import Raw


@dataclass(frozen=True)
class Place:
    """Where a field stands: in the form (key) and in the document (path)."""

    key: str
    path: str

    def child(self, name: str) -> "Place":
        """A field of an object that stands here."""
        return Place(f"{self.key}.{name}", join(self.path, name))

    def member(self, kind: str) -> "Place":
        """The chosen member of a union that stands here; kinds are no part of a document's paths."""
        return Place(f"{self.key}:{kind}", self.path)

    def item(self, number: int, name: str | int) -> "Place":
        """An item by its number in the form and its index or key in the document."""
        return Place(f"{self.key}.{number}", join(self.path, str(name)))

    def variant(self, index: int) -> "Place":
        """One of several shapes that the value here may take."""
        return Place(f"{self.key}~{index}", self.path)


@dataclass(frozen=True)
class Choice:
    """An entry of a select or of a list of suggestions."""

    value: str
    label: str
    about: str = ""
    """What is to know of it; where any choice says something, people pick instead of typing."""


Suggest = Callable[[str], Sequence[Choice]]
"""Values that are offered, never forced, for the text field at a document path."""


@dataclass(frozen=True)
class FormState:
    """What drawing a form needs besides its declaration."""

    raw: Raw
    problems: Mapping[str, Sequence[Problem]] = field(default_factory=dict)
    suggest: Suggest = lambda _path: ()
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Names of catalogue entries for people, by family and id."""

    def label(self, family: str, entry: str) -> Choice:
        """A catalogue entry as people call it."""
        return Choice(entry, self.names.get(family, {}).get(entry, entry))

    def at(self, path: str) -> list[str]:
        """Messages for exactly this place."""
        return [problem.message for problem in self.problems.get(path, ())]


@dataclass(frozen=True)
class Node:
    """An input, or a group with its children.

    Attributes:
        template: name of the partial that draws it.
        value: the text in the input; the chosen kind, number of items or state of a group.
        hidden: inputs that carry what is typed but not shown (fields of kinds that are not chosen now).
    """

    template: str
    place: Place
    title: str
    help: str = ""
    limits: str = ""
    default: str = ""
    unit: str = ""
    required: bool = False
    value: str = ""
    choices: Sequence[Choice] = ()
    suggestions: Sequence[Choice] = ()
    problems: Sequence[str] = ()
    children: Sequence["Node"] = ()
    hidden: Mapping[str, str] = field(default_factory=dict)
    about: str = ""
    source: str = ""
    equation: str = ""
    help_url: tuple[str, str] | None = None
    """Family and kind of the help page."""
    removable: bool = False
    wide: bool = False

    @property
    def name(self) -> str:
        """Name of the input."""
        return self.place.key

    @property
    def id(self) -> str:
        """Id of the element, fit for a link."""
        return element_id(self.place.key)

    @property
    def picked(self) -> Choice | None:
        """The suggestion that is in the input; None without one."""
        return next((choice for choice in self.suggestions if choice.value == self.value), None)

    @property
    def row_key(self) -> str:
        """The key of the row that a key, place or kind stands in: the name without its mark."""
        return self.place.key.partition("@")[0]

    @property
    def part(self) -> str:
        """The part of the spec that it belongs to."""
        return self.place.path.partition(".")[0]

    @property
    def partial(self) -> str:
        """Path of the template."""
        return f"specforms/_{self.template}.html"

    def walk(self) -> "list[Node]":
        """This node and all below it, in order."""
        return [self, *(inner for child in self.children for inner in child.walk())]


def element_id(key: str) -> str:
    """The id of the element of an input."""
    return "f-" + re.sub(r"[^A-Za-z0-9]+", "-", key).strip("-")


def join(path: str, name: str) -> str:
    """A dotted path with one more part."""
    return f"{path}.{name}" if path else name


def limits_of(described: FieldDescription) -> str:
    """The range of a number in words; a bound of 0 is a bound."""
    low, high = described.minimum, described.maximum
    over, under = described.exclusive_minimum, described.exclusive_maximum
    parts = []
    if low is not None and high is not None:
        return f"{_number(low)} to {_number(high)}"
    if low is not None:
        parts.append(f"at least {_number(low)}")
    if over is not None:
        parts.append(f"above {_number(over)}")
    if high is not None:
        parts.append(f"at most {_number(high)}")
    if under is not None:
        parts.append(f"below {_number(under)}")
    return ", ".join(parts)


def _number(value: float) -> str:
    if float(value).is_integer() and abs(value) < 1e16:
        return f"{int(value):,}".replace(",", "\u202f")
    return f"{value:g}"
