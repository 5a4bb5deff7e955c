"""What must never stand in a log: secrets in addresses, tokens, passwords of servers."""

import re
from collections.abc import MutableMapping
from typing import Any

MASK = "***"

_SECRETS = (
    # What opens by its address alone: shared links (pages and sockets), invitations, one-time sign-in.
    (re.compile(r"(/(?:shared|join|sign-in)/)[^/\s\"'?#]+"), rf"\1{MASK}"),
    (re.compile(r"\b(elm_)[\w-]+"), rf"\1{MASK}"),
    # Of a URL such as redis://:password@host/0.
    (re.compile(r"(\w://[^/\s:@]*:)[^@\s/]+(?=@)"), rf"\1{MASK}"),
)


def masked(text: str) -> str:
    """The text with every secret in it replaced."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def mask_all(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask the message and all texts that stand with it; a processor of structlog."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = masked(value)
    return event
