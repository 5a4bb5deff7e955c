"""What the pages of every app share: who may open one, finding a row that the user may see, and lists in pages."""

import functools
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, cast
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from webapp.teams.access import at_least, current_team
from webapp.teams.models import Role, Team, User

P = ParamSpec("P")
M = TypeVar("M", bound=Model)
R = TypeVar("R", bound=HttpResponseBase)
View = Callable[Concatenate[HttpRequest, P], R]

PAGE_SIZE = 50


def user_of(request: HttpRequest) -> User:
    """The signed-in user of a page that only members reach."""
    assert isinstance(request.user, User)
    return request.user


def team_of(request: HttpRequest) -> Team:
    """The team in which a page works.

    Raises:
        PermissionDenied: the user is in no team.
    """
    team = current_team(request)
    if team is None:
        raise PermissionDenied("You are in no team yet; an owner of a team can add you.")
    return team


def member(role: str = Role.VIEWER) -> Callable[[View[P, R]], View[P, R]]:
    """A page for members of the current team with that role or a higher one; others sign in or are refused."""

    def decorate(view: View[P, R]) -> View[P, R]:
        @functools.wraps(view)
        def checked(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> R:
            team = team_of(request)
            if not at_least(user_of(request), team, role):
                raise PermissionDenied(f"This needs the role {role} in {team.name}.")
            return view(request, *args, **kwargs)

        # The library types its wrapper as a callable object; it is the same function to whoever calls it.
        return cast(View[P, R], login_required(checked))

    return decorate


@dataclass(frozen=True)
class Page(Generic[M]):
    """Some rows of a list, and where the next ones begin."""

    rows: Sequence[M]
    next_cursor: str
    is_first: bool


def keyset_page(rows: QuerySet[M], cursor: str, *, field: str = "created_at", size: int = PAGE_SIZE) -> Page[M]:
    """The rows that follow a cursor, newest first by a time and the id; costs the same at any depth.

    A cursor that nobody gave out starts at the first row.
    """
    start = _decode(cursor)
    if start is not None:
        moment, key = start
        rows = rows.filter(Q(**{f"{field}__lt": moment}) | Q(**{field: moment, "pk__lt": key}))
    found = list(rows.order_by(f"-{field}", "-pk")[: size + 1])
    has_more = len(found) > size
    found = found[:size]
    return Page(found, _encode(getattr(found[-1], field), found[-1].pk) if has_more else "", start is None)


def _encode(moment: datetime, key: Any) -> str:
    return urlsafe_b64encode(f"{moment.isoformat()}|{key}".encode()).decode().rstrip("=")


def _decode(cursor: str) -> tuple[datetime, UUID] | None:
    try:
        moment, _, key = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition("|")
        return datetime.fromisoformat(moment), UUID(key)
    except (ValueError, Base64Error):
        return None
