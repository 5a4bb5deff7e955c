"""Reading bodies: raw text for the engine's one door, and small envelopes checked as strictly as a spec."""

from typing import Any, TypeVar

import orjson
from django.conf import settings
from pydantic import BaseModel, ValidationError

from engine.core.errors import Problem, SpecError
from engine.specs.text import load
from webapp.api.gate import Request
from webapp.api.problems import ApiProblem, counted
from webapp.texts import byte_limit

MEDIA_TYPES = ("application/json", "application/yaml", "text/yaml")
"""What a body may be written in; all three are read by the same door."""

B = TypeVar("B", bound=BaseModel)


def document(request: Request) -> bytes:
    """The body as it was sent.

    Raises:
        ApiProblem: another media type or character set, too large, or empty.
    """
    if request.content_type not in MEDIA_TYPES:
        given = request.content_type or "none"
        raise ApiProblem("unsupported_media_type", f"The body may be {', '.join(MEDIA_TYPES)}; given: {given}.")
    charset = (request.content_params or {}).get("charset", "utf-8")
    if charset.lower() not in {"utf-8", "utf8"}:
        raise ApiProblem("unsupported_media_type", f"The body must be in UTF-8; given: {charset}.")
    _limit(int(request.META.get("CONTENT_LENGTH") or 0))
    body = request.body
    _limit(len(body))
    if not body.strip():
        raise ApiProblem("unreadable_body", "The body is empty; this operation needs a document.")
    return body


def envelope(request: Request, model: type[B]) -> B:
    """The body as an envelope of ours, read by the same loader as specs and checked strictly.

    Raises:
        ApiProblem: the body cannot be read, or has wrong fields.
        SpecError: the text is broken.
    """
    body = document(request)
    return checked(load(body, max_bytes=byte_limit(body)), model)


def checked(tree: Any, model: type[B]) -> B:
    """A plain tree as an envelope of ours.

    Raises:
        ApiProblem: fields that are wrong, missing or unknown; all at once.
    """
    try:
        return model.model_validate_json(orjson.dumps(tree), strict=True)
    except ValidationError as error:
        problems = [_problem(one, model) for one in error.errors(include_url=False, include_context=False)]
        raise ApiProblem("invalid_parameters", f"The body has {counted(problems)}.", errors=sorted(problems)) from None
    except TypeError:  # orjson: an integer beyond 64 bits
        problem = Problem(path="", code="out_of_range", message="a number in the body has more than 64 bits")
        raise SpecError([problem]) from None


def _problem(error: Any, model: type[BaseModel]) -> Problem:
    code, message = str(error["type"]), str(error["msg"])
    if code == "extra_forbidden":
        code, message = "unknown_field", f"unknown field; allowed are {', '.join(model.model_fields)}"
    return Problem(path=".".join(map(str, error["loc"])), code=code, message=message)


def _limit(size: int) -> None:
    if size > settings.SPEC_JSON_BYTES:
        allowed = settings.SPEC_JSON_BYTES
        raise ApiProblem("too_large", f"The body has {size:,} bytes; at most {allowed:,} are allowed.")
