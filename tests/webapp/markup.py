"""Reading pages as a browser without scripts does: which inputs a form has, and what it would send."""

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Form:
    """The inputs of a form with their values, its buttons, and all ids of the page."""

    values: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.form = Form()
        self.select = ""
        self.area = ""
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if "id" in found:
            self.form.ids.add(found["id"])
        name = found.get("name", "")
        if tag == "form":
            self.inside = found.get("id") == "spec-form"
        elif not self.inside:
            return
        elif tag == "input" and name and (found.get("type") not in {"checkbox", "radio"} or "checked" in found):
            self.form.values[name] = found.get("value", "")
        elif tag == "select":
            self.select = name
            self.form.values.setdefault(name, "")
        elif tag == "option" and "selected" in found:
            self.form.values[self.select] = found.get("value", "")
        elif tag == "textarea":
            self.area = name
            self.form.values[name] = ""
        elif tag == "button" and name:
            self.form.buttons.append((name, found.get("value", "")))

    def handle_data(self, data: str) -> None:
        if self.area:
            self.form.values[self.area] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            # Browsers drop the one line break that may follow the start tag.
            self.area = ""


def form_of(html: str) -> Form:
    """The generated form of a page."""
    reader = _Reader()
    reader.feed(html)
    return reader.form


def all_ids(html: str) -> list[str]:
    """Every id of a page, in order, repeats included."""
    found: list[str] = []

    class _Ids(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.extend(value or "" for name, value in attrs if name == "id")

    _Ids().feed(html)
    return found
