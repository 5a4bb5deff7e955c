"""Who looks at a run through a live socket, and whether they may."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest
from django.http.request import split_domain_port, validate_host

from webapp.experiments.models import Run
from webapp.teams.models import Scope, User
from webapp.teams.tokens import resolve_token

NOT_SIGNED_IN, FORBIDDEN, NOT_FOUND = 4401, 4403, 4404
"""Codes with which a socket is closed, like the HTTP statuses."""


def header(scope: Mapping[str, Any], name: bytes) -> str:
    """A header of a connection; empty if it was not sent."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def came_from_here(scope: Mapping[str, Any]) -> bool:
    """Whether the page that opened the socket is one of ours.

    Browsers send cookies along from any page and always name that page's origin; so a cookie needs our origin.
    """
    origin, host = header(scope, b"origin"), header(scope, b"host")
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    domain, _ = split_domain_port(host)
    known = bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)
    parts = urlsplit(origin)
    return known and parts.scheme in {"http", "https"} and parts.netloc.lower() == host.lower()


def session_user(session_key: str | None) -> User | None:
    """The user of a browser session as it is now: None once it ended or its password changed."""
    if not session_key:
        return None
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = get_user(request)
    return user if isinstance(user, User) and user.is_active else None


def find_run(run_id: UUID, *, session_key: str | None, token: str | None) -> Run | int:
    """The run, if this session or API token may see it now; else the code with which to close the socket."""
    runs = Run.objects.filter(pk=run_id)
    if token is not None:
        resolved = resolve_token(token)
        if resolved is None:
            return NOT_SIGNED_IN
        if Scope.READ not in resolved.scopes:
            return FORBIDDEN
        user, runs = resolved.user, runs.filter(team=resolved.team_id)
    else:
        signed_in = session_user(session_key)
        if signed_in is None:
            return NOT_SIGNED_IN
        user = signed_in
    return runs.visible_to(user).first() or NOT_FOUND
