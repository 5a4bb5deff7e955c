"""What a page shows, as text and as commands to copy: ``{% copy_as path=... %}``."""

from typing import Any

from django import template
from django.template import Context

from engine.specs.writer import write
from webapp.api.commands import read_command, send_command

register = template.Library()


@register.inclusion_tag("_copy.html", takes_context=True)
def copy_as(context: Context, path: str, yaml: str = "", into: str = "", design: Any = None) -> dict[str, Any]:
    """Cards with the YAML and the commands.

    Args:
        context: that of the page.
        path: what the page shows, below the API's root.
        yaml: its text; without one there is no card for it.
        into: the collection that a text like this one can be sent to; without one there is no such command.
        design: the saved design whose text it is; it is sent with its name.
    """
    request = context["request"]
    sent = yaml if design is None else write({"name": design.name, "body": design.body})
    return {
        "yaml": yaml,
        "read": read_command(request, path),
        "send": send_command(request, into, sent) if into else "",
        "scope": "write" if design is not None else "run",
    }
