"""Texts of specs as the web process reads them: how large they may be, and stored ones read once."""

import json
from functools import lru_cache
from typing import Any

import orjson
from django.conf import settings

from engine.specs.text import load


def byte_limit(text: str | bytes) -> int:
    """The largest size that this text may have, in bytes, for ``max_bytes`` of the door.

    YAML is read by a reader in Python, a hundred times slower than JSON: what is read in 10 ms as JSON would hold up a
    web process for ten seconds as YAML. So a large text must be JSON from end to end.
    """
    yaml_limit: int = settings.SPEC_YAML_BYTES
    json_limit: int = settings.SPEC_JSON_BYTES
    return json_limit if yaml_limit < len(text) <= json_limit and _is_json(text) else yaml_limit


def _is_json(text: str | bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):  # not JSON, or not UTF-8; the door says what is wrong
        return False
    return True


def tree_of(text: str) -> Any:
    """A stored canonical text as plain data; whoever gets it may change it."""
    return orjson.loads(_stored(text))


@lru_cache(maxsize=128)
def _stored(text: str) -> bytes:
    # Canonical texts never change, and every page of an experiment asks for the same one.
    return orjson.dumps(load(text))
