"""How the pages of data-free compression write their numbers and signs."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from webapp.catalogue.quantities import DASH, MINUS, digits, text
from webapp.datafree.plot import SIGNS

register = template.Library()

WORDS = {"tpr": "true positives", "fpr": "false positives", "auc": "area under the curve", "num": "number of"}
"""Abbreviations in names of figures, in words."""

SHARES = ("auc", "tpr", "fpr", "accuracy", "share", "rate")
"""Words in the names of figures that are shares."""


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


@register.filter
def audit_title(name: str) -> str:
    """What people call a figure of the audit: ``tpr_at_fpr_001`` is too short for a page."""
    words = (
        name.replace("_", " ").replace("tpr", "true positives").replace("fpr", "false positives").replace("auc", "AUC")
    )
    return words[:1].upper() + words[1:]


@register.filter
def audit_value(value: object, name: str) -> str:
    """A figure of the audit as people read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, int | float):
        return DASH if value is None else str(value)
    is_share = any(word in SHARES for word in name.split("_")) and 0 <= value <= 1
    return text(float(value), "%") if is_share else digits(float(value))
