"""Query parameters that an operation does not know are refused, not ignored."""

import functools
from collections.abc import Callable
from typing import Any, get_args, get_type_hints

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from pydantic import BaseModel

from engine.core.errors import Problem
from webapp.api.problems import ApiProblem, counted

View = Callable[..., HttpResponseBase]


def refuse_unknown(view: View) -> View:
    """Decorator of every operation: a misspelled filter must not silently answer another question."""
    known = known_parameters(view)

    @functools.wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        unknown = sorted(set(request.GET) - set(known))
        if unknown:
            allowed = ", ".join(known) or "none"
            problems = [
                Problem(name, "unknown_parameter", f"query: there is no parameter {name!r}; allowed: {allowed}")
                for name in unknown
            ]
            raise ApiProblem("invalid_parameters", f"The request has {counted(problems)}.", errors=problems)
        return view(request, *args, **kwargs)

    return wrapper


def known_parameters(view: View) -> tuple[str, ...]:
    """Names of the query parameters that a view declares by its argument ``query``."""
    annotation = get_type_hints(view, include_extras=True).get("query")
    if annotation is None:
        return ()
    model = get_args(annotation)[0]
    assert isinstance(model, type)
    assert issubclass(model, BaseModel)
    return tuple(model.model_fields)
