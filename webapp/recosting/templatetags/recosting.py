"""The card "What if?" on the page of a run: ``{% what_if run %}``."""

from typing import Any

from django import template
from django.template import Context

from webapp.experiments.models import Run
from webapp.recosting.panel import panel_of
from webapp.teams.pages import user_of

register = template.Library()


@register.inclusion_tag("recosting/_what_if.html", takes_context=True)
def what_if(context: Context, run: Run) -> dict[str, Any]:
    """Sliders and choices by which a finished run is costed again, or why it cannot be."""
    request = context["request"]
    return panel_of(run, user_of(request), request.build_absolute_uri)
