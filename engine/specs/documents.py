"""Text to a plain tree and back: the outer half of the door."""

import json
import math
from dataclasses import dataclass
from typing import Any

from engine.core.errors import Problem, SpecError
from engine.specs.yaml import MAX_DEPTH, load_yaml

MAX_BYTES = 1 << 20
"""Largest text that the door looks at, in bytes, unless the caller says otherwise."""

_MAX_DIGITS = 400


def load(text: str | bytes, *, max_bytes: int = MAX_BYTES) -> Any:
    """The plain tree of a YAML 1.2 or JSON text.

    The size is looked at first. Text that starts like a JSON container and is well-formed JSON is read as such, which
    is a hundred times faster; anything else is YAML.

    Args:
        text: the document; bytes are UTF-8.
        max_bytes: largest size accepted.

    Raises:
        SpecError: too large, not UTF-8, broken syntax, duplicate keys, aliases, tags, numbers that are not finite.
    """
    size = len(text) if isinstance(text, bytes) else _num_bytes(text, max_bytes)
    if size > max_bytes:
        message = f"the text has {size:,} bytes; at most {max_bytes:,} bytes are allowed"
        raise SpecError([Problem("", "too_large", message)])
    document = _decode(text)
    if document.lstrip()[:1] in {"{", "["}:
        try:
            tree = json.loads(document, object_pairs_hook=_Pairs, parse_constant=_constant, parse_int=_integer)
        except (ValueError, RecursionError):
            tree = load_yaml(document)  # a YAML flow mapping, or broken: the YAML reader says where
    else:
        tree = load_yaml(document)
    return clean(tree)


def clean(tree: Any) -> Any:
    """The tree with plain dicts, after a look at what no part of the platform could store or use.

    Raises:
        SpecError: duplicate keys, keys that are not text, numbers that are not finite or too large, text that has no
            UTF-8 form or holds a NUL, nesting beyond the limit, values that JSON does not know.
    """
    problems: list[Problem] = []
    result = _clean(tree, (), problems)
    if problems:
        raise SpecError(problems)
    return result


class _Pairs(list[tuple[str, Any]]):
    """The members of a JSON object as they stand, duplicates included."""


@dataclass(frozen=True)
class _Refused:
    code: str
    message: str


def _constant(name: str) -> _Refused:
    return _Refused("not_finite", f"numbers must be finite, found {name}")


def _integer(digits: str) -> int | _Refused:
    if len(digits) > _MAX_DIGITS:
        return _Refused("not_finite", f"the number {digits[:40]}... is too large")
    return int(digits)


def _num_bytes(text: str, limit: int) -> int:
    # Encoding a huge text only to refuse it would be a waste; its length is a lower bound.
    return len(text) if len(text) > limit else len(text.encode("utf-8", "surrogatepass"))


def _decode(text: str | bytes) -> str:
    if isinstance(text, str):
        return text.removeprefix("\ufeff")
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"the text is not UTF-8: byte {error.start} is {text[error.start]:#04x}"
        raise SpecError([Problem("", "encoding", message)]) from error


def _clean(value: Any, path: tuple[str, ...], problems: list[Problem]) -> Any:
    place = ".".join(path)
    if len(path) > MAX_DEPTH:
        problems.append(Problem(".".join(path[:8]), "too_deep", f"nested deeper than {MAX_DEPTH} levels"))
        return None
    match value:
        case _Pairs() | dict():
            return _clean_mapping(value, path, problems)
        case list() | tuple():
            return [_clean(item, (*path, str(index)), problems) for index, item in enumerate(value)]
        case _Refused():
            problems.append(Problem(place, value.code, value.message))
        case float() if not math.isfinite(value):
            problems.append(Problem(place, "not_finite", f"numbers must be finite, found {value}"))
        case str():
            problems.extend(_text_problems(value, place))
        case None | bool() | int() | float():
            pass
        case _:
            problems.append(Problem(place, "wrong_type", f"{type(value).__name__} is not a plain value"))
    return value


def _clean_mapping(value: Any, path: tuple[str, ...], problems: list[Problem]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, item in value if isinstance(value, _Pairs) else value.items():
        place = (*path, str(key))
        if not isinstance(key, str):
            problems.append(Problem(".".join(path), "wrong_type", f"a key must be text, found {key!r}"))
        elif key in result:
            message = f"the key '{key}' stands here a second time; give it once"
            problems.append(Problem(".".join(place), "duplicate_key", message))
        else:
            problems.extend(_text_problems(key, ".".join(path)))
            result[key] = _clean(item, place, problems)
    return result


def _text_problems(text: str, place: str) -> list[Problem]:
    if "\0" in text:
        return [Problem(place.replace("\0", ""), "bad_text", "the text holds a NUL character, which cannot be stored")]
    try:
        text.encode()
    except UnicodeEncodeError:
        return [Problem("", "bad_text", "the text holds half of a surrogate pair, which is not a character")]
    return []
