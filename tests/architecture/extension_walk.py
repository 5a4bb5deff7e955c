"""Walks through pages and REST in a fresh process and prints what they show of a strategy, as JSON.

Run by ``test_extension.py`` with a plug-in folder in the environment; the database is an empty one.
"""

import json
import os
import sys
from html.parser import HTMLParser

import django


class Form(HTMLParser):
    """The values that a browser would send for the first form with that id, without touching anything."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self.options: dict[str, list[str]] = {}
        self._select = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note inputs, selections and their options."""
        found = {name: value or "" for name, value in attrs}
        if tag == "input" and found.get("name") and found.get("type") not in ("checkbox", "radio", "submit", "button"):
            self.values[found["name"]] = found.get("value", "")
        elif tag == "select":
            self._select = found.get("name", "")
            self.options[self._select] = []
        elif tag == "option" and self._select:
            self.options[self._select].append(found.get("value", ""))
            if "selected" in found:
                self.values[self._select] = found.get("value", "")


def main(kind: str) -> dict[str, object]:
    """What form, catalogue, REST and schema show of the strategy."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "webapp.settings"
    django.setup()
    from django.core.management import call_command
    from django.test import Client

    from webapp.teams.services import seed_workspace

    call_command("migrate", interactive=False, verbosity=0)
    client = Client(HTTP_HOST="localhost")
    client.force_login(seed_workspace(), backend="allauth.account.auth_backends.AuthenticationBackend")
    page = client.get("/tasks/new")
    form = Form(page.content.decode())
    select = next(name for name, options in form.options.items() if "fedavg" in options)
    changed = client.post("/tasks/new", form.values | {select: kind, "_edit": "change"}, HTTP_HX_REQUEST="true")
    return {
        "offered": form.options[select],
        "form": changed.content.decode(),
        "family_page": client.get("/catalogue/strategies/").content.decode(),
        "kind_page": client.get(f"/catalogue/strategies/{kind}/").content.decode(),
        "rest": client.get(f"/api/v1/catalogue/strategies/{kind}").json(),
        "openapi": client.get("/api/v1/openapi.json").json(),
    }


if __name__ == "__main__":
    json.dump(main(sys.argv[1]), sys.stdout)
