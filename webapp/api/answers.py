"""Successful answers: JSON by orjson, with RFC 3339 times."""

from collections.abc import Mapping
from datetime import UTC, datetime

import orjson
from django.http import HttpResponse


def answer(data: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """The data as JSON; times are written in UTC as RFC 3339 says, NaN and infinity as null."""
    content = orjson.dumps(data, option=orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC | orjson.OPT_NON_STR_KEYS)
    return HttpResponse(content, status=status, content_type="application/json", headers=dict(headers or {}))


def rfc3339(moment: datetime) -> str:
    """A time for words, in UTC and to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def nothing() -> HttpResponse:
    """Done, and nothing to say (204)."""
    return HttpResponse(status=204)


def unchanged(etag: str) -> HttpResponse:
    """The client has the present version already (304)."""
    return HttpResponse(status=304, headers={"ETag": etag})
