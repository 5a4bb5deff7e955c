"""How the pages of data-free compression write their numbers and signs."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from webapp.catalogue.quantities import DASH, MINUS
from webapp.datafree.plot import SIGNS

register = template.Library()


@register.filter
def points(gap: object) -> str:
    """A difference of accuracies in points with its sign; a dash where there is none."""
    if not isinstance(gap, float):  # the template language puts a text in the place of what is not there
        return DASH
    words = f"{100 * gap:+.1f}"
    return "0.0" if words in {"+0.0", "-0.0"} else words.replace("-", MINUS)


@register.simple_tag
def contender_sign(role: str, color: int) -> SafeString:
    """The sign of a model in the plot."""
    drawing = '<svg class="swatch" viewBox="-9 -9 18 18" aria-hidden="true"><path class="fill-{}" d="{}"/></svg>'
    return format_html(drawing, color, SIGNS.get(role, SIGNS["baseline"]))
