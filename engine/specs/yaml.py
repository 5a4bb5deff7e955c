"""YAML 1.2 text to a plain tree, from the parser's events, so that nothing but plain data can come out.

Composing from events instead of using a loader keeps the door narrow: aliases, anchors, tags, merge keys, dates and
octal surprises have no meaning here, duplicate keys are errors with their line, and depth is bounded without recursion.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from engine.core.errors import Problem, SpecError

MAX_DEPTH = 64
"""Deepest nesting of mappings and lists; a spec needs about ten."""

LONGEST = 1000
"""Letters of a message about broken YAML; the parser quotes tags whole, however long."""

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INTEGER = re.compile(r"[-+]?[0-9]{1,400}")
_OCTAL = re.compile(r"0o[0-7]{1,400}")
_HEX = re.compile(r"0x[0-9a-fA-F]{1,400}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


def load_yaml(text: str) -> Any:
    """The tree of one YAML 1.2 document.

    Raises:
        SpecError: the text is not one well-formed document of plain data; broken syntax is one problem, everything else
            (duplicate keys, aliases, tags) is listed in full.
    """
    composer = _Composer()
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            composer.take(event)
    except YAMLError as error:
        raise SpecError([*composer.problems, _syntax(error)]) from error
    except ValueError as error:
        # ruamel lets these escape on some malformed escapes and directives instead of an error of its own.
        raise SpecError([Problem("", "syntax", f"this is not well-formed YAML ({error})")]) from error
    if composer.problems:
        raise SpecError(composer.problems)
    return composer.root


def _syntax(error: YAMLError) -> Problem:
    if isinstance(error, MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        context = f" {error.context}" if error.context else ""
        place = f"line {mark.line + 1}, column {mark.column + 1}"
        return Problem("", "syntax", _short(f"{place}: broken YAML{context}: {error.problem}"))
    return Problem("", "syntax", _short(f"broken YAML: {' '.join(str(error).split())}"))


def _short(message: str) -> str:
    """The message without the middle of what it quotes at length, such as a tag of thousands of letters."""
    return message if len(message) <= LONGEST else f"{message[: LONGEST // 2]} ... {message[-LONGEST // 2 :]}"


@dataclass
class _Frame:
    """An open container; of a mapping also its current key and whether that still waits for its value."""

    container: Any
    key: str = ""
    waits: bool = False


class _Composer:
    """Builds a tree from events, with an explicit stack of the open containers."""

    def __init__(self) -> None:
        self.root: Any = None
        self.problems: list[Problem] = []
        self._open: list[_Frame] = []
        self._documents = 0

    def take(self, event: Event) -> None:
        """Take the next event of the parser."""
        match event:
            case DocumentStartEvent():
                self._documents += 1
                if self._documents == 2:
                    self._refuse(event, "syntax", "a second document starts; a spec is one document")
            case AliasEvent():
                self._refuse(event, "alias", f"aliases are not allowed, found *{event.anchor}")
                self._add(None, event)
            case ScalarEvent():
                self._properties(event)
                self._add(self._scalar(event), event)
            case MappingStartEvent():
                self._start({}, event)
            case SequenceStartEvent():
                self._start([], event)
            case MappingEndEvent() | SequenceEndEvent():
                self._open.pop()

    def _start(self, container: Any, event: Event) -> None:
        self._properties(event)
        self._add(container, event)
        self._open.append(_Frame(container))
        if len(self._open) > MAX_DEPTH:
            message = f"line {_line(event)}: nested deeper than {MAX_DEPTH} levels"
            raise SpecError([*self.problems, Problem("", "too_deep", message)])

    def _add(self, value: Any, event: Event) -> None:
        if not self._open:
            self.root = value
            return
        frame = self._open[-1]
        if isinstance(frame.container, list):
            frame.container.append(value)
        elif frame.waits:
            frame.container[frame.key] = value
            frame.waits = False
        else:
            frame.key, frame.waits = self._key(frame.container, event), True

    def _key(self, container: dict[str, Any], event: Event) -> str:
        if not isinstance(event, ScalarEvent):
            self._refuse(event, "syntax", "a key must be plain text")
            return ""
        key = str(event.value)
        if key in container:
            self._refuse(event, "duplicate_key", f"the key '{key}' stands here a second time; give it once", key)
        return key

    def _properties(self, event: Any) -> None:
        if event.anchor is not None:
            self._refuse(event, "alias", f"anchors are not allowed, found &{event.anchor}")
        if event.tag not in {None, "!"}:
            self._refuse(event, "tag", f"tags are not allowed, found {event.tag}")

    def _scalar(self, event: ScalarEvent) -> Any:
        text = event.value
        if not event.implicit[0]:
            return text
        if _NOT_FINITE.fullmatch(text):
            self._refuse(event, "not_finite", f"numbers must be finite, found {text}")
            return None
        try:
            return scalar(text)
        except OverflowError:
            self._refuse(event, "not_finite", f"the number {text[:40]} is too large")
            return None

    def _refuse(self, event: Event, code: str, message: str, *last: str) -> None:
        self.problems.append(Problem(".".join([*self._path(), *last]), code, f"line {_line(event)}: {message}"))

    def _path(self) -> Iterator[str]:
        for depth, frame in enumerate(self._open, start=1):
            inside = depth < len(self._open)
            if isinstance(frame.container, list):
                yield str(len(frame.container) - inside)
            elif inside or frame.waits:
                yield frame.key


def scalar(text: str) -> Any:
    """What a plain scalar means in YAML 1.2's core schema: ``1e-3`` is a float, ``no`` and ``2020-01-01`` are text.

    Raises:
        OverflowError: a number beyond what a double or 400 digits can hold.
    """
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    for pattern, base in ((_INTEGER, 10), (_OCTAL, 8), (_HEX, 16)):
        if pattern.fullmatch(text):
            return int(text.replace("0o", "", 1) if base == 8 else text, base)
    if _FLOAT.fullmatch(text):
        number = float(text)
        if not math.isfinite(number):
            raise OverflowError(text)
        return number
    return text


def _line(event: Event) -> int:
    return int(event.start_mark.line) + 1
