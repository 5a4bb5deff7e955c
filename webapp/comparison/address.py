"""The address of a comparison is all that is kept of it: whoever has it and may see the runs sees the same page."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode

from django.http import HttpRequest, QueryDict
from django.urls import reverse

from webapp.api.commands import read_command
from webapp.comparison.curves import AXES
from webapp.comparison.selection import Entry, Selection, names_in


@dataclass(frozen=True)
class Address:
    """What the query of a comparison says.

    Attributes:
        cells: experiments and cells, by commas.
        runs: single runs, by commas.
        baseline: the entry that others are compared with; empty for the first.
        metric: empty for the main one.
        x: what stands on the horizontal axis of the curves.
        each: whether every run has a curve of its own.
    """

    cells: str = ""
    runs: str = ""
    baseline: str = ""
    metric: str = ""
    x: str = "rounds"
    each: bool = False

    @classmethod
    def read(cls, query: QueryDict) -> "Address":
        """The address of a request; what it does not know becomes the default."""
        x = query.get("x", "rounds")
        return cls(
            cells=",".join(names_in(query.getlist("cells"))),
            runs=",".join(names_in(query.getlist("runs"))),
            baseline=query.get("baseline", "").strip(),
            metric=query.get("metric", "").strip(),
            x=x if x in AXES else "rounds",
            each=query.get("lines") == "each",
        )

    def query(self, **changes: str | bool) -> str:
        """The query of this address with changes, without what is the default."""
        other = replace(self, **changes)  # type: ignore[arg-type]  # callers name fields
        found = {"cells": other.cells, "runs": other.runs, "baseline": other.baseline, "metric": other.metric}
        found |= {"x": "" if other.x == "rounds" else other.x, "lines": "each" if other.each else ""}
        return urlencode({name: value for name, value in found.items() if value}, safe=",.")

    def page(self, **changes: str | bool) -> str:
        """The page of this comparison, with changes."""
        return _joined(reverse("compare"), self.query(**changes))

    def without(self, selection: Selection, gone: Entry) -> str:
        """The page without one setting."""
        rest = replace(selection, entries=tuple(entry for entry in selection.entries if entry is not gone))
        is_first = bool(rest.entries) and rest.entries[0].ref == self.baseline
        baseline = "" if is_first or self.baseline == gone.ref else self.baseline
        return self.page(cells=rest.cells, runs=rest.runs, baseline=baseline)

    def export(self, name: str) -> str:
        """The file of that format."""
        query = Address(self.cells, self.runs, self.baseline, self.metric).query()
        return f"{reverse('compare-export')}?{query}&format={quote(name)}"


def command(request: HttpRequest, address: Address, name: str) -> str:
    """The shell command that gets the same table from the API, as that format."""
    query = Address(address.cells, address.runs, address.baseline, address.metric).query()
    into = "" if name != "parquet" else " -o comparison.parquet"
    return read_command(request, f"compare?{query}&format={quote(name)}") + into


def _joined(path: str, query: str) -> str:
    return f"{path}?{query}" if query else path


def kept(address: Address) -> Mapping[str, str]:
    """The parts of an address that a form carries along as hidden fields."""
    found = {"cells": address.cells, "runs": address.runs, "baseline": address.baseline}
    found |= {"x": "" if address.x == "rounds" else address.x, "lines": "each" if address.each else ""}
    return {name: value for name, value in found.items() if value}
