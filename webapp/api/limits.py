"""How often somebody may ask: a count per person and minute, and one of refused credentials per address."""

import time
from collections.abc import Mapping
from typing import Literal

from django.conf import settings
from django.core.cache import cache

from webapp.api.problems import ApiProblem

WINDOW_S = 60

Sort = Literal["reads", "writes", "refusals"]

PER_MINUTE: Mapping[Sort, int] = {"reads": 3000, "writes": 600, "refusals": 60}
"""Most requests in a minute: reads and writes of one person, wrong credentials from one address."""


def limit_of(sort: Sort) -> int:
    """The limit in force; the setting ``API_LIMITS`` overrides single ones."""
    limits: Mapping[Sort, int] = {**PER_MINUTE, **getattr(settings, "API_LIMITS", {})}
    return limits[sort]


def count(sort: Sort, who: str) -> None:
    """Count a request of that sort.

    Raises:
        ApiProblem: there were too many in this minute.
    """
    if _number(sort, who, add=1) > limit_of(sort):
        raise _too_many(sort)


def check(sort: Sort, who: str) -> None:
    """Go on only while there were not too many in this minute.

    Raises:
        ApiProblem: there were.
    """
    if _number(sort, who, add=0) >= limit_of(sort):
        raise _too_many(sort)


def _number(sort: Sort, who: str, *, add: int) -> int:
    key = f"api:{sort}:{who}:{int(time.time() // WINDOW_S)}"
    cache.add(key, 0, timeout=2 * WINDOW_S)
    return cache.incr(key, add)


def _too_many(sort: Sort) -> ApiProblem:
    wait_s = WINDOW_S - int(time.time() % WINDOW_S)
    detail = f"At most {limit_of(sort)} {sort} a minute are answered; go on in {wait_s} s."
    return ApiProblem("too_many_requests", detail, headers={"Retry-After": str(wait_s)})
