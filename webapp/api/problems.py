"""What the API answers when it cannot do what was asked: RFC 9457 problems."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from urllib.parse import quote

import orjson
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from engine.core.errors import EngineError, Problem, SpecError
from webapp.api.kinds import KINDS
from webapp.logs.ids import current_id

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


class ApiProblem(Exception):
    """A request that cannot be fulfilled, by its kind.

    Args:
        code: a key of :data:`KINDS`.
        detail: what is wrong here, what is allowed, what was given.
        errors: the single problems, each with the path of the field.
        remedy: what to do about it, beyond what the kind says.
        headers: headers of the answer, such as Allow.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        errors: Iterable[Problem] = (),
        remedy: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.remedy = remedy
        self.headers = dict(headers or {})


def problem_response(request: HttpRequest, problem: ApiProblem) -> HttpResponse:
    """The problem as an ``application/problem+json`` answer."""
    kind = KINDS[problem.code]
    body = {
        "type": f"/api/v1/docs#problem-{problem.code}",
        "title": kind.title,
        "status": kind.status,
        "detail": problem.detail,
        "instance": quote(request.path),  # a URI reference, whatever characters were asked for
        "code": problem.code,
        "errors": [asdict(error) for error in problem.errors],
    }
    if request_id := current_id():
        body["request_id"] = request_id
    if problem.remedy:
        body["remedy"] = problem.remedy
    headers = dict(problem.headers)
    if kind.status == 401:  # RFC 9110, 15.5.2 asks for the challenge
        headers["WWW-Authenticate"] = 'Bearer realm="edgeloom"'
    response = HttpResponse(orjson.dumps(body), status=kind.status, content_type=MEDIA_TYPE, headers=headers)
    response["Cache-Control"] = "no-store"
    return response


def of_engine(error: EngineError) -> ApiProblem:
    """The problem that a refusal of the engine or of a service is to a client."""
    if not isinstance(error, SpecError):
        code = error.code if error.code in KINDS else "invalid_spec"
        found = [Problem(path="", code=error.code, message=str(error))]
        return ApiProblem(code, str(error), errors=found, remedy=error.remedy)
    too_large = [one for one in error.problems if one.code == "too_large" and not one.path]
    if too_large:
        return ApiProblem("too_large", too_large[0].message, errors=error.problems)
    return ApiProblem("invalid_spec", f"The document has {counted(error.problems)}.", errors=error.problems)


def counted(problems: Sequence[Problem]) -> str:
    """How many there are, in words."""
    return "1 problem" if len(problems) == 1 else f"{len(problems)} problems"


def not_found(what: str) -> ApiProblem:
    """There is no such thing, or the caller must not know that there is."""
    return ApiProblem("not_found", f"There is no {what} here.")


def register(api: NinjaAPI) -> None:
    """Answer every exception of an operation as a problem."""

    @api.exception_handler(ApiProblem)
    def _api_problem(request: HttpRequest, error: ApiProblem) -> HttpResponse:
        return problem_response(request, error)

    @api.exception_handler(EngineError)
    def _engine_error(request: HttpRequest, error: EngineError) -> HttpResponse:
        return problem_response(request, of_engine(error))

    @api.exception_handler(ValidationError)
    def _validation(request: HttpRequest, error: ValidationError) -> HttpResponse:
        return problem_response(request, _of_validation(error))

    @api.exception_handler(Http404)
    def _missing(request: HttpRequest, error: Http404) -> HttpResponse:
        return problem_response(request, not_found("object of that id"))

    @api.exception_handler(PermissionDenied)
    def _denied(request: HttpRequest, error: PermissionDenied) -> HttpResponse:
        return problem_response(request, ApiProblem("insufficient_role", str(error) or "Your role may not do this."))

    @api.exception_handler(RequestDataTooBig)
    def _too_big(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
        return problem_response(request, ApiProblem("too_large", "The body is larger than this server takes."))

    @api.exception_handler(UnreadablePostError)
    def _cut(request: HttpRequest, error: UnreadablePostError) -> HttpResponse:
        return problem_response(request, ApiProblem("unreadable_body", "The connection ended before the body did."))

    @api.exception_handler(HttpError)
    def _http(request: HttpRequest, error: HttpError) -> HttpResponse:
        return problem_response(request, _of_http_error(error))

    @api.exception_handler(Exception)
    def _unexpected(request: HttpRequest, error: Exception) -> HttpResponse:
        return internal_error(request, error)


def internal_error(request: HttpRequest, error: Exception) -> HttpResponse:
    """The answer to a fault of ours: the id by which the log knows it, and no trace for the client."""
    number = current_id()
    logger.error("internal error %s at %s %s", number, request.method, request.path, exc_info=error)
    return problem_response(request, ApiProblem("internal_error", f"Something broke here; the log has it as {number}."))


def _of_http_error(error: HttpError) -> ApiProblem:
    by_status = {400: "unreadable_body", 401: "unauthenticated", 403: "csrf_failed", 404: "not_found", 413: "too_large"}
    code = by_status.get(error.status_code)
    if code is None:
        raise error
    if code == "unauthenticated":
        return ApiProblem(code, "This needs a session cookie or a bearer token; none was sent.")
    return ApiProblem(code, str(error))


def _of_validation(error: ValidationError) -> ApiProblem:
    problems = sorted(_field_problem(one) for one in error.errors)
    return ApiProblem("invalid_parameters", f"The request has {counted(problems)}.", errors=problems)


def _field_problem(error: Mapping[str, object]) -> Problem:
    place = error["loc"]
    assert isinstance(place, tuple)
    # ("query", "query", "limit"): the last part is what the client wrote
    return Problem(path=str(place[-1]), code=str(error["type"]), message=f"{place[0]} parameter: {error['msg']}")
