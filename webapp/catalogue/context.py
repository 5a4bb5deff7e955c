"""What the frame around every page needs: places to go, the team, the theme, which assets are there."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from webapp.catalogue.assets import UPLOT_STYLE, has_asset

THEMES = ("light", "dark", "system")


@dataclass(frozen=True)
class Place:
    """One entry of the navigation."""

    title: str
    url_name: str
    icon: str
    paths: tuple[str, ...]
    section: str = ""
    on_phone: bool = False


PLACES = (
    Place("Home", "home", "home", ("/",), on_phone=True),
    Place("Experiments", "experiment-list", "experiments", ("/experiments/",), on_phone=True),
    Place("Runs", "run-list", "runs", ("/runs/",), on_phone=True),
    Place("Compare", "compare", "compare", ("/compare",)),
    Place("Fleets", "fleet-list", "fleets", ("/fleets/",), "Design", on_phone=True),
    Place("Networks", "network-list", "networks", ("/networks/",), "Design"),
    Place("Tasks", "task-list", "tasks", ("/tasks/",), "Design"),
    Place("Data sets", "dataset-list", "datasets", ("/datasets/",), "Design"),
    Place("Models", "model-list", "models", ("/models/",), "Design"),
    Place("Catalogue", "catalogue", "catalogue", ("/catalogue/",), "Design"),
    Place("Simulator", "simulator", "simulator", ("/simulator/",), "Design"),
    Place("Members", "team-detail", "members", ("/team/",), "Team"),
    Place("Shared links", "share-list", "share", ("/shares/",), "Team"),
    Place("API tokens", "token-list", "tokens", ("/account/tokens/",), "Team"),
    Place("Trash", "trash", "trash", ("/trash/",), "Team"),
    Place("System", "system", "system", ("/system/",), "Team"),
)


def shell(request: HttpRequest | None) -> dict[str, Any]:
    """What ``base.html`` draws the frame from; error pages may come without a request."""
    theme = request.COOKIES.get("theme", "system") if request else "system"
    return {
        "places": _known_places(),
        "place_now": _place_of(request.path) if request else "",
        "theme": theme if theme in THEMES else "system",
        "themes": THEMES,
        "has_uplot": has_asset(UPLOT_STYLE),
        "uplot_style": UPLOT_STYLE,
    }


@cache
def _known_places() -> tuple[Place, ...]:
    """The places that this installation has: an app may be left out."""
    return tuple(place for place in PLACES if _is_known(place.url_name))


def _is_known(url_name: str) -> bool:
    try:
        reverse(url_name)
    except NoReverseMatch:
        return False
    return True


def _place_of(path: str) -> str:
    for place in PLACES:
        if any(path == start or (start != "/" and path.startswith(start)) for start in place.paths):
            return place.url_name
    return ""
