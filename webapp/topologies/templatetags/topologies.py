"""The network of a run, round by round: ``{% live_network run %}``."""

from typing import Any

from django import template
from django.urls import reverse

from engine.core.errors import EngineError
from webapp.api.access import MOUNT
from webapp.experiments.models import Run
from webapp.library.drawing import draw, signs
from webapp.topologies.picture import picture_of
from webapp.topologies.worlds import place_of

register = template.Library()


@register.inclusion_tag("topologies/_live.html")
def live_network(run: Run, secret: str = "") -> dict[str, Any]:
    """The picture, the slider of rounds and the tables.

    Args:
        run: the run.
        secret: of the shared link through which it is looked at; empty for a member.
    """
    rounds = reverse("shared-round", args=[secret, run.pk, 0]) if secret else f"/{MOUNT}runs/{run.pk}/rounds/0"
    data = {"place": rounds.removesuffix("0"), "last": run.progress_done}
    try:
        place = place_of(run)
    except EngineError:
        return {"data": data, "is_old": True}
    large = place.gathering is not None
    return {
        "data": data,
        "large": picture_of(place) if large else None,
        "drawing": None if large else draw(place.fleet, place.topology, place.network),
        "signs": signs(place.fleet),
    }
