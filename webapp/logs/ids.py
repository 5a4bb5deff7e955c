"""The id that goes from a request to its job and its run."""

import re
from uuid import uuid4

import structlog

HEADER = "X-Request-ID"
_GIVEN = re.compile(r"[A-Za-z0-9._-]{1,64}")


def current_id() -> str:
    """The id of the request that this code serves, or from which its job comes; empty without one."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


def id_for(given: str) -> str:
    """The id that a client gave, if it is one that can stand in a log, else a new one."""
    return given if _GIVEN.fullmatch(given) else uuid4().hex


def begin(**ids: str) -> None:
    """Begin something new: from now on these ids, and no others, stand in every log line of this task or thread."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(**ids)


def add(**ids: str) -> None:
    """More ids for the log lines of what has begun."""
    structlog.contextvars.bind_contextvars(**ids)
