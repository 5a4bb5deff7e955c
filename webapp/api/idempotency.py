"""Creates that can be repeated safely: with an Idempotency-Key the second request gets the first one's answer."""

import functools
import hashlib
from collections.abc import Callable
from typing import Any

import orjson
from django.db import IntegrityError, transaction
from django.http import HttpResponse
from django.utils import timezone

from webapp.api.gate import Request
from webapp.api.models import KEPT_FOR, IdempotentAnswer
from webapp.api.problems import ApiProblem

HEADER = "Idempotency-Key"

_KEPT_HEADERS = ("Content-Type", "ETag", "Location")

View = Callable[..., HttpResponse]


def idempotent(hidden: str = "") -> Callable[[View], View]:
    """Decorator of an operation that creates something.

    The key is taken in the same transaction as the creation: whoever comes second waits for the first to commit and
    then gets its answer. A refused request leaves no trace, so it can be sent again with the same key.

    Args:
        hidden: a field of the answer that must not be stored; it is null when the answer is repeated.
    """

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def wrapper(request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
            key = request.headers.get(HEADER)
            if key is None:
                return view(request, *args, **kwargs)
            _check(key)
            digest = _digest(request)
            with transaction.atomic():
                record = _take(request, key, digest)
                if record is None:
                    return _replay(request, key, digest)
                response = view(request, *args, **kwargs)
                _remember(record, response, hidden)
            return response

        return wrapper

    return decorate


def _check(key: str) -> None:
    if not (0 < len(key) <= 200 and key.isascii() and key.isprintable()):
        raise ApiProblem("invalid_idempotency_key", "An Idempotency-Key has 1 to 200 visible ASCII characters.")


def _digest(request: Request) -> str:
    token = request.auth.token
    head = f"{request.method} {request.get_full_path()} {token.pk if token else ''} {request.content_type}\n"
    return hashlib.sha256(head.encode() + request.body).hexdigest()


def _take(request: Request, key: str, digest: str) -> IdempotentAnswer | None:
    mine = IdempotentAnswer.objects.filter(user=request.auth.user)
    mine.filter(created_at__lt=timezone.now() - KEPT_FOR).delete()
    try:
        with transaction.atomic():
            return IdempotentAnswer.objects.create(user=request.auth.user, key=key, request=digest)
    except IntegrityError:
        return None


def _replay(request: Request, key: str, digest: str) -> HttpResponse:
    record = IdempotentAnswer.objects.get(user=request.auth.user, key=key)
    if record.request != digest:
        raise ApiProblem("idempotency_conflict", f"The key {key!r} was used for another request; take a new one.")
    response = HttpResponse(bytes(record.body), status=record.status, headers=record.headers)
    response["Idempotent-Replayed"] = "true"
    return response


def _remember(record: IdempotentAnswer, response: HttpResponse, hidden: str) -> None:
    body = response.content
    if hidden:
        body = orjson.dumps({**orjson.loads(body), hidden: None})
    record.status = response.status_code
    record.headers = {name: response[name] for name in _KEPT_HEADERS if name in response}
    record.body = body
    record.save(update_fields=["status", "headers", "body"])
