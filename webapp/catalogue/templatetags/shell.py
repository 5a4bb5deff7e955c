"""Template tags that every page uses: icons, quantities, the import map, ages."""

import json
import re
from datetime import datetime
from typing import Any

from django import template
from django.contrib.auth.models import AnonymousUser
from django.template import Context
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from webapp.catalogue import quantities
from webapp.catalogue.assets import modules
from webapp.catalogue.context import shell
from webapp.catalogue.provenance import MEANINGS, recalled_sentence
from webapp.teams.access import teams_of
from webapp.teams.models import Team, User

register = template.Library()

RECALLED = '<abbr class="tag recalled" title="Recalled: from general knowledge, not from a source">r</abbr>'
"""Stands beside every recalled figure."""


@register.simple_tag(takes_context=True)
def frame(context: Context) -> dict[str, Any]:
    """What the base template draws around the page: ``{% frame as frame %}``."""
    return shell(context.get("request"))


@register.simple_tag
def icon(name: str) -> SafeString:
    """A line drawing of our own set; purely decorative, so hidden from assistive technology."""
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>', static("webapp/icons.svg"), name
    )


@register.simple_tag
def figure(value: object, unit: str = "") -> SafeString:
    """A number with its unit set smaller beside it."""
    number, symbol = quantities.quantity(_known(value), unit)
    if not symbol:
        return format_html("{}", number)
    return format_html('{}{}<span class="unit">{}</span>', number, quantities.THIN_SPACE, symbol)


@register.simple_tag
def marked(shown: Any, unit: str = "") -> SafeString:
    """A number that rests on figures, marked where any of them is recalled.

    Args:
        shown: a figure, or anything with ``value`` and ``recalled``; nothing shows as a dash.
        unit: SI symbol; a figure brings its own.
    """
    if not hasattr(shown, "value"):
        return figure(None)
    is_recalled = getattr(shown, "recalled", False) or getattr(shown, "provenance", "") == "recalled"
    number = figure(shown.value, unit or getattr(shown, "unit", ""))
    return format_html("{} {}", number, mark_safe(RECALLED)) if is_recalled else number  # noqa: S308  a constant


@register.simple_tag(name="recalled_mark")
def recalled_mark() -> SafeString:
    """The mark itself, for legends."""
    return mark_safe(RECALLED)  # noqa: S308  a constant


@register.filter
def recalled_words(share: object) -> str:
    """How much of a cost rests on recalled figures, as a sentence."""
    return recalled_sentence(_known(share))


@register.inclusion_tag("_provenance.html")
def provenance_words() -> dict[str, Any]:
    """What each provenance of a figure means."""
    return {"meanings": MEANINGS}


@register.filter
def si(value: object, unit: str = "") -> str:
    """A number with its unit as plain text: ``{{ seconds|si:"s" }}``."""
    return quantities.text(_known(value), unit)


def _known(value: object) -> float | None:
    """A number, or None for what the template language puts in the place of a missing value."""
    return float(value) if isinstance(value, int | float) else None


@register.filter
def signed_percent(share: float) -> str:
    """A share with its sign, as a percentage: ``+12.0 %``; plain 0 where nothing is left after rounding."""
    if abs(share) < 5e-5:
        return quantities.text(0.0, "%")
    text = quantities.text(share, "%")
    return text if share < 0 else f"+{text}"


@register.filter
def whole(value: int | None) -> str:
    """A whole number with its thousands apart."""
    return quantities.count(value)


@register.filter
def item(mapping: dict[str, object], key: str) -> object:
    """The value of a mapping under a key that only the template knows; None where there is none."""
    return mapping.get(key)


@register.simple_tag
def age(moment: datetime | None) -> SafeString:
    """How long ago, in words, with the exact time one hover or screen-reader step away."""
    if moment is None:
        return format_html("{}", quantities.DASH)
    seconds = max(0.0, (timezone.now() - moment).total_seconds())
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(),
        moment.strftime("%Y-%m-%d %H:%M UTC"),
        ago(seconds),
    )


def ago(seconds: float) -> str:
    """A span of time as one word and a half: ``just now``, ``4 min ago``, ``3 h ago``, ``12 d ago``."""
    for size, symbol in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)}{quantities.THIN_SPACE}{symbol} ago"
    return "just now"


@register.simple_tag(takes_context=True)
def import_map(context: Context) -> SafeString:
    """The import map of our own modules and the vendor libraries that are installed; the one inline script there is."""
    nonce = getattr(context.get("request"), "csp_nonce", "")
    body = json.dumps({"imports": {name: static(path) for name, path in modules().items()}}).replace("<", "\\u003c")
    return format_html('<script type="importmap" nonce="{}">{}</script>', nonce, mark_safe(body))  # noqa: S308  our own file names, "<" escaped


@register.filter
def split(words: str) -> list[str]:
    """The words of a text."""
    return words.split()


@register.filter
def stylesheet(name: str) -> str:
    """Place of one of our own style sheets below the static root."""
    return f"webapp/css/{name}.css"


@register.filter
def other_teams(current: Team | None, user: User | AnonymousUser) -> list[Team]:
    """The user's teams but the current one."""
    return [team for team in teams_of(user) if team != current]


@register.filter
def prose(text: str) -> SafeString:
    """A docstring's text, with its ``literals`` set as code."""
    return mark_safe(re.sub(r"``(.+?)``", r"<code>\1</code>", escape(text)))  # noqa: S308  escaped first


@register.filter
def paragraphs(text: str) -> SafeString:
    """The paragraphs of a docstring, whose lines break where its source does and not where a page does."""
    parts = (" ".join(part.split()) for part in re.split(r"\n\s*\n", text) if part.strip())
    return mark_safe("".join(f"<p>{prose(part)}</p>" for part in parts))  # noqa: S308  escaped by prose
