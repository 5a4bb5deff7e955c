"""A plain tree as YAML text that every YAML reader, of 1.1 or 1.2, reads as the same tree.

The library's own writer loses some line breaks of Unicode inside text, and a spec must come back as it was.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

WIDTH = 100
"""Columns up to which a mapping or list is written in one line."""

_PLAIN = re.compile(r"[A-Za-z_]([A-Za-z0-9_./()%+=-]| (?=[A-Za-z0-9_./()%+=-]))*")
_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
"""What some version of YAML takes for null or a truth value."""


def write(tree: Any) -> str:
    """The YAML text of a tree of mappings, lists, texts, finite numbers, truth values and None."""
    if isinstance(tree, dict | list) and tree:
        return "".join(f"{line}\n" for line in _block(tree))
    return f"{_flow(tree)}\n"


def _block(tree: Any) -> Iterator[str]:
    """The lines of a container, one for each entry that fits and more for the others."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _entry(f"{_text(key)}:", value, "  ")
    else:
        for value in tree:
            yield from _entry("-", value, "  ")


def _entry(head: str, value: Any, indent: str) -> Iterator[str]:
    line = f"{head} {_flow(value)}"
    if len(line) <= WIDTH or not isinstance(value, dict | list) or not value:
        yield line
    elif head == "-":
        lines = list(_block(value))
        yield f"- {lines[0]}"
        yield from (f"{indent}{inner}" for inner in lines[1:])
    else:
        yield head
        yield from (f"{indent}{inner}" for inner in _block(value))


def _flow(value: Any) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{_text(key)}: {_flow(inner)}" for key, inner in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(_flow(inner) for inner in value) + "]"
        case str():
            return _text(value)
        case float():
            return _float(value)
        case _:
            return json.dumps(value)


def _float(value: float) -> str:
    text = repr(value)
    # YAML 1.1 takes 1e-05 for text: it wants a point before the exponent and a sign after it.
    if "e" in text and "." not in text:
        text = text.replace("e", ".0e")
    return text


def _text(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return '"' + "".join(map(_character, text)) + '"'


def _character(character: str) -> str:
    if character in {'"', "\\"}:
        return f"\\{character}"
    if character.isprintable() and character != "\ufeff":
        return character
    number = ord(character)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
