"""Descriptions with `code` between backticks, as the OpenAPI document has them."""

import re

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

_CODE = re.compile(r"`([^`]+)`")


@register.filter
def prose(text: str) -> SafeString:
    """The text, escaped, with what stands between backticks set as code."""
    return mark_safe(_CODE.sub(r"<code>\1</code>", escape(text)))  # noqa: S308  escaped first; the tag is ours


@register.filter
def prose_lines(text: str) -> list[SafeString]:
    """The points of a bulleted text."""
    return [prose(line.removeprefix("- ")) for line in text.splitlines() if line.startswith("- ")]


@register.filter
def intro(text: str) -> str:
    """The first line of a text."""
    return text.partition("\n")[0]
