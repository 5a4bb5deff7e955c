"""Lists: newest first, by keyset, so that a page stays the same while others create and delete."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import orjson
from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from pydantic import BaseModel, Field

from webapp.api.answers import answer
from webapp.api.problems import ApiProblem
from webapp.api.shapes import Shape

M = TypeVar("M", bound=Model)

MAX_LIMIT = 1000


class PageQuery(BaseModel):
    """The parameters that every list takes."""

    cursor: str | None = Field(None, description="Where the page begins: `next` of the page before, unchanged.")
    limit: int = Field(50, ge=1, le=MAX_LIMIT, description="Most items of a page.")
    fields: str | None = Field(None, description="Names of the fields to answer with, separated by commas.")


@dataclass(frozen=True)
class Place:
    """A place in a list: time and id of the last item that was shown."""

    moment: datetime
    key: Any

    def cursor(self) -> str:
        """The place as clients get it: opaque, URL-safe."""
        text = orjson.dumps([self.moment.astimezone(UTC).isoformat(), str(self.key)])
        return base64.urlsafe_b64encode(text).rstrip(b"=").decode()

    @classmethod
    def read(cls, cursor: str, model: type[Model]) -> "Place":
        """The place that a cursor stands for.

        Raises:
            ApiProblem: the cursor is not one that a list of this model gave out.
        """
        try:
            moment, key = orjson.loads(base64.urlsafe_b64decode(cursor.encode("ascii") + b"=="))
            time = datetime.fromisoformat(moment)
            return cls(time.astimezone(UTC), model._meta.pk.to_python(key))
        except (ValueError, TypeError, OverflowError, ValidationError):
            raise ApiProblem("invalid_cursor", "The cursor is not one that this list gave out.") from None


def keyset(queryset: QuerySet[M], place: Place | None, limit: int) -> QuerySet[M]:
    """The items after a place, newest first, and one more that tells whether there is a next page."""
    if place is not None:
        earlier = Q(created_at__lt=place.moment) | Q(created_at=place.moment, pk__lt=place.key)
        queryset = queryset.filter(earlier)
    return queryset.order_by("-created_at", "-pk")[: limit + 1]


def page(request: HttpRequest, queryset: QuerySet[Any], query: PageQuery, shape: Shape) -> HttpResponse:
    """One page of a list: ``items``, and ``next``, the cursor of the page after (null at the end).

    The header ``Link`` holds the address of the next page with the filters of this one.
    """
    place = None if query.cursor is None else Place.read(query.cursor, queryset.model)
    names = shape.chosen(query.fields)
    found = shape.read(keyset(queryset, place, query.limit), names, extra=["created_at"])
    shown = found[: query.limit]
    cursor = None
    if len(found) > query.limit:
        last = shown[-1][1]
        cursor = Place(last["created_at"], last["pk"]).cursor()
    return answer({"items": [row for row, _ in shown], "next": cursor}, headers=link(request, cursor))


def link(request: HttpRequest, cursor: str | None) -> dict[str, str]:
    """The header that holds the address of the next page with the filters of this one; none at the end."""
    return {} if cursor is None else {"Link": f'<{_address(request, {"cursor": cursor})}>; rel="next"'}


def _address(request: HttpRequest, changes: Mapping[str, str]) -> str:
    query = request.GET.copy()
    for name, value in changes.items():
        query[name] = value
    return f"{request.path}?{query.urlencode()}"
