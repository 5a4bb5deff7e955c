"""Shell commands that do by REST what a page shows, for readers to copy."""

from django.http import HttpRequest

from webapp.api.access import MOUNT

TOKEN = "$EDGELOOM_TOKEN"  # noqa: S105  the name of a variable of the reader's shell
END = "EDGELOOM_END"
"""Ends the document in a command; our writer writes no line that is this word alone."""


def read_command(request: HttpRequest, path: str) -> str:
    """The command that gets something from the API.

    Args:
        request: that of the page, which tells the address of the platform.
        path: what to get, below the API's root.
    """
    return f'curl -sSf -H "Authorization: Bearer {TOKEN}" "{_url(request, path)}"'


def send_command(request: HttpRequest, path: str, text: str) -> str:
    """The command that sends a YAML document to a collection of the API."""
    start = f'curl -sSf -H "Authorization: Bearer {TOKEN}" -H "Content-Type: application/yaml"'
    return f"{start} --data-binary @- \"{_url(request, path)}\" <<'{END}'\n{text.rstrip()}\n{END}"


def _url(request: HttpRequest, path: str) -> str:
    return request.build_absolute_uri(f"/{MOUNT}{path}")
