"""Query parameters: those that an operation does not know are refused, not ignored; and types that several use."""

import functools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, get_args, get_type_hints

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from pydantic import AwareDatetime, BaseModel, Field

from engine.core.errors import Problem
from webapp.api.problems import ApiProblem, counted

View = Callable[..., HttpResponseBase]


Moment = Annotated[AwareDatetime, Field(ge=datetime(1970, 1, 1, tzinfo=UTC), lt=datetime(9000, 1, 1, tzinfo=UTC))]
"""A time that stays a time in every time zone."""


def checked(view: View) -> View:
    """Decorator of every operation: a misspelled filter must not silently answer another question."""
    known = known_parameters(view)

    @functools.wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        problems = list(_problems(request, known))
        if problems:
            raise ApiProblem("invalid_parameters", f"The request has {counted(problems)}.", errors=problems)
        return view(request, *args, **kwargs)

    return wrapper


def _problems(request: HttpRequest, known: tuple[str, ...]) -> Iterator[Problem]:
    for name in sorted(request.GET):
        if name not in known:
            allowed = ", ".join(known) or "none"
            yield Problem(name, "unknown_parameter", f"query: there is no parameter {name!r}; allowed: {allowed}")
        elif len(request.GET.getlist(name)) > 1:
            yield Problem(name, "repeated_parameter", "query: give the parameter once; several values go by commas")
        elif "\0" in request.GET[name]:
            yield Problem(name, "unstorable", "query: text cannot hold the character U+0000")


def known_parameters(view: View) -> tuple[str, ...]:
    """Names of the query parameters that a view declares by its argument ``query``."""
    annotation = get_type_hints(view, include_extras=True).get("query")
    if annotation is None:
        return ()
    model = get_args(annotation)[0]
    assert isinstance(model, type)
    assert issubclass(model, BaseModel)
    return tuple(model.model_fields)
