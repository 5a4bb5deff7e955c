"""Addresses of the API, below ``/api/v1/``."""

import functools
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, include, path, re_path

from webapp.api.access import MOUNT
from webapp.api.application import api
from webapp.api.problems import ApiProblem, not_found, problem_response
from webapp.api.reference import openapi_json, reference_page

View = Callable[..., HttpResponseBase]


def _mended(view: View) -> View:
    """The view, answering HEAD like GET, and a method it does not know with a problem."""

    @functools.wraps(view)
    def wrapper(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if request.method == "HEAD":
            request.method = "GET"
        response = view(request, *args, **kwargs)
        if response.status_code == 405:
            allowed = response["Allow"]
            detail = f"{request.method} is not possible here; allowed: {allowed}."
            return problem_response(request, ApiProblem("method_not_allowed", detail, headers={"Allow": allowed}))
        response.setdefault("Cache-Control", "no-store")
        return response

    wrapper.csrf_exempt = True  # type: ignore[attr-defined]  # the gate checks CSRF where a session cookie is used
    return wrapper


def _nowhere(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return problem_response(request, not_found(f"address {request.path}"))


def _patterns() -> list[URLPattern]:
    # All but ninja's own page of hints.
    operations = [one for one in api.urls[0] if isinstance(one, URLPattern) and one.name != "api-root"]
    for pattern in operations:
        assert pattern.callback is not None
        pattern.callback = _mended(pattern.callback)
    return [
        path("openapi.json", _mended(openapi_json), name="openapi"),
        path("docs", _mended(reference_page), name="docs"),
        *operations,
        re_path("", _mended(_nowhere), name="nowhere"),
    ]


urlpatterns = [path(MOUNT, include((_patterns(), "api")))]
