"""The history of a design: a row for every save, and what differs between two of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from engine.specs.writer import write
from webapp.library.models import DesignVersion, Fleet, Network, Task
from webapp.teams.models import User

CONTEXT = 3
"""Lines that stand around a change."""


@dataclass(frozen=True)
class Line:
    """A line of a comparison."""

    sort: Literal["same", "added", "removed", "skipped"]
    text: str


def keep_version(design: Fleet | Network | Task, author: User) -> None:
    """Keep what the design is now under its version number."""
    design.versions.create(
        number=design.version,
        name=design.name,
        body=design.body,
        author=author,
        created_at=design.updated_at,
    )


def text_of(version: DesignVersion) -> str:
    """A version as one YAML document, its name included."""
    document: dict[str, Any] = {"name": version.name, "body": version.body}
    return write(document)


def compare(old: DesignVersion, new: DesignVersion) -> list[Line]:
    """The lines in which two versions differ, each change with a few lines around it; empty if they are equal."""
    before, after = text_of(old).splitlines(), text_of(new).splitlines()
    groups = list(SequenceMatcher(None, before, after, autojunk=False).get_grouped_opcodes(CONTEXT))
    lines: list[Line] = []
    for group in groups:
        start = group[0][1]
        if start:
            lines.append(Line("skipped", f"line {start + 1} of version {old.number}"))
        for code in group:
            lines += _lines_of(code, before, after)
    return lines


def _lines_of(code: tuple[str, int, int, int, int], before: list[str], after: list[str]) -> Iterator[Line]:
    sort, before_start, before_end, after_start, after_end = code
    if sort == "equal":
        yield from (Line("same", text) for text in before[before_start:before_end])
        return
    yield from (Line("removed", text) for text in before[before_start:before_end])
    yield from (Line("added", text) for text in after[after_start:after_end])
