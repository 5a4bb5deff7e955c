"""Shows a preview wherever a page wants one."""

from typing import Any

from django import template

from webapp.previews.boards import board_of
from webapp.previews.services import Preview

register = template.Library()


@register.inclusion_tag("previews/_preview.html")
def preview(shown: Preview) -> dict[str, Any]:
    """A preview with its table twin, or what it waits for, or why it cannot be made."""
    return {"preview": shown, "board": board_of(shown)}
