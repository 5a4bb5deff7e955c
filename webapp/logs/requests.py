"""The id of a request: taken or made at the door, in every log line, in the answer, in jobs and runs."""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from webapp.logs.ids import HEADER, begin, current_id, id_for

logger = logging.getLogger(__name__)

_PROBES = ("/healthz", "/readyz", "/static/")


@sync_and_async_middleware
def request_ids(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Middleware: binds the id to everything that is logged meanwhile, answers with it, and logs one line a request."""
    if iscoroutinefunction(get_response):

        async def serve_async(request: HttpRequest) -> HttpResponseBase:
            start = _begin(request)
            return _end(request, await get_response(request), start)

        return serve_async

    def serve(request: HttpRequest) -> HttpResponseBase:
        start = _begin(request)
        return _end(request, get_response(request), start)

    return serve


def _begin(request: HttpRequest) -> float:
    begin(request_id=id_for(request.headers.get(HEADER, "")))
    return time.monotonic()


def _end(request: HttpRequest, response: HttpResponseBase, start: float) -> HttpResponseBase:
    response[HEADER] = current_id()
    duration_ms = round((time.monotonic() - start) * 1000, 1)
    facts: dict[str, Any] = {"status": response.status_code, "duration_ms": duration_ms}
    user = getattr(request, "_cached_user", None)  # who was looked up already; the log asks no database
    if user is not None and user.is_authenticated:
        facts["user"] = str(user.pk)
    level = logging.DEBUG if request.path.startswith(_PROBES) else logging.INFO
    logger.log(level, "%s %s", request.method, request.path, extra=facts)
    return response


Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


class SocketIds:
    """ASGI middleware that does the same for websockets: an id, and a line when one ends.

    Args:
        application: what serves the sockets.
    """

    def __init__(self, application: Callable[[Any, Receive, Send], Awaitable[None]]) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Serve one socket."""
        given = next((value for name, value in scope["headers"] if name == HEADER.lower().encode()), b"")
        begin(request_id=id_for(given.decode("latin-1")))
        start = time.monotonic()
        try:
            await self._application(scope, receive, send)
        finally:
            logger.info("socket %s", scope["path"], extra={"duration_s": round(time.monotonic() - start, 1)})
