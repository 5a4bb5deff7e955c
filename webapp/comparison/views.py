"""The pages of comparisons: the comparison itself, its clients, its files, and the choice of what to compare."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from engine.core.errors import Problem, SpecError
from webapp.comparison import clients, drawing
from webapp.comparison.address import Address, command
from webapp.comparison.answer import answers_of
from webapp.comparison.comparison import Comparison, comparison_of
from webapp.comparison.curves import curves, points_of
from webapp.comparison.exports import EXPORTS
from webapp.comparison.following import Following, following_of
from webapp.comparison.forest import Mark, marks
from webapp.comparison.notes import notes_of
from webapp.comparison.picking import MOST_FOUND, offers
from webapp.comparison.selection import MAX_ENTRIES, Entry, Selection, names_in, select
from webapp.comparison.tables import Row
from webapp.experiments.boards import XS
from webapp.experiments.models import Experiment, Run
from webapp.experiments.panels import PLAIN as ROUNDS
from webapp.experiments.panels import kind_of_text
from webapp.teams.pages import member, team_of, user_of

LINES = (("Mean and band", False), ("Each seed", True))


@dataclass(frozen=True)
class Found:
    """What a page is about: the comparison, and its address in the shortest form."""

    comparison: Comparison
    address: Address

    @property
    def entries(self) -> Sequence[Entry]:
        """The settings."""
        return self.comparison.selection.entries


@member()
@require_GET
def compare(request: HttpRequest) -> HttpResponse:
    """Settings side by side; without any, the choice of them."""
    address = Address.read(request.GET)
    if not address.cells and not address.runs:
        return _picker(request, address)
    try:
        found = _find(request, address)
    except SpecError as error:
        return _picker(request, address, error.problems, status=422)
    if "q" in request.GET or any(len(request.GET.getlist(name)) > 1 for name in ("cells", "runs")):
        # A form with boxes: what is shared is the short address.
        return redirect(found.address.page())
    is_part = bool(getattr(request, "htmx", False))
    following = following_of(found.entries)
    if is_part and request.GET.get("seen") == following.stamp:
        return HttpResponse(status=204)  # nothing happened: the page stays as it is
    if is_part and request.GET.get("shown", found.comparison.measure.name) != found.comparison.measure.name:
        return HttpResponse(headers={"HX-Refresh": "true"})  # the first run that ended brought another main metric
    response = render(request, "comparison/compare.html", _page(request, found, following))
    if is_part:
        response["HX-Replace-Url"] = found.address.page()
    return response


@member()
@require_GET
def pick(request: HttpRequest) -> HttpResponse:
    """Choose what to compare; ``q`` looks into names of experiments and their settings."""
    return _picker(request, Address.read(request.GET))


@member()
@require_GET
def client_maps(request: HttpRequest) -> HttpResponse:
    """Clients by rounds of each setting, of one seed: ``seed``, and ``value`` for what the colors show."""
    found = _find_or_404(request)
    entries = found.entries
    seeds = clients.seeds_of(entries)
    asked = request.GET.get("seed", "")
    seed = int(asked) if asked.isascii() and asked.isdigit() and int(asked) in seeds else next(iter(seeds), 0)
    value = request.GET.get("value", "loss")
    value = value if value in clients.VALUES else "loss"
    frame, maps = clients.heat_maps(entries, seed, value)
    context = {
        "seeds": seeds,
        "seed": seed,
        "value": value,
        "values": clients.VALUES,
        "frame": frame,
        "maps": maps,
        "limits": clients.limits(maps),
        "page_data": drawing.maps_json(frame, maps, value),
        "num_hidden": max(0, len(entries) - len(maps)),
        "query": found.address.query(),
    }
    is_part = bool(getattr(request, "htmx", False))
    return render(request, "comparison/_clients.html" if is_part else "comparison/clients.html", context)


@member()
@require_GET
def export(request: HttpRequest) -> HttpResponse:
    """The table as a file: ``format`` is csv, parquet or latex."""
    chosen = EXPORTS.get(request.GET.get("format", "csv"))
    if chosen is None:
        raise Http404(f"There are the formats {', '.join(EXPORTS)}.")
    found = _find_or_404(request)
    content = chosen.write(found.comparison.table, command(request, found.address, chosen.name))
    name = f"comparison-{found.comparison.measure.name}.{chosen.suffix}"
    disposition = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return HttpResponse(content, content_type=chosen.media_type, headers=disposition)


def _find(request: HttpRequest, address: Address) -> Found:
    """What an address leads to.

    Raises:
        Http404: none of what it names is there for this user.
        SpecError: it is more than fits.
    """
    user = user_of(request)
    experiments, runs = Experiment.objects.visible_to(user), Run.objects.visible_to(user)
    selection = select(experiments, runs, names_in([address.cells]), names_in([address.runs]))
    if not selection.entries:
        raise Http404("There is nothing to compare at this address.")
    made = comparison_of(selection, address.baseline, address.metric)
    filled = replace(
        address,
        cells=selection.cells,
        runs=selection.runs,
        baseline="" if made.is_first else made.baseline.ref,
        metric="" if made.is_main else made.measure.name,
    )
    return Found(made, filled)


def _find_or_404(request: HttpRequest) -> Found:
    try:
        return _find(request, Address.read(request.GET))
    except SpecError as error:
        raise Http404(str(error)) from None


def _page(request: HttpRequest, found: Found, following: Following) -> dict[str, Any]:
    made, address, table = found.comparison, found.address, found.comparison.table
    num_lines = sum(len(entry.runs) for entry in found.entries) if address.each else len(found.entries)
    points = points_of(num_lines)
    drawn = curves(found.entries, made.measure.name, address.x, points=points, each=address.each)
    drawings = marks(table)
    has_clients = any(kind_of_text(entry.cell.text) == ROUNDS for entry in found.entries)
    steps = "Rounds" if has_clients else "Steps"
    return {
        "made": made,
        "address": address,
        "table": table,
        "rows": [_row(found, row, drawings.get(row.entry.ref)) for row in table.rows],
        "answers": answers_of(table),
        "notes": notes_of(table, found.entries, made.differences),
        "page_data": drawing.chart_json(drawn, made.measure, address.x),
        "num_points": max((curve.num_places for curve in drawn), default=0),
        "most_points": points,
        "following": following,
        "follow": f"{address.page()}&seen={following.stamp}&shown={quote(made.measure.name)}",
        "axes": [(name, steps if name == "rounds" else title, address.page(x=name)) for name, title in XS],
        "has_clients": has_clients,
        "lines": [(title, address.page(each=each), each == address.each) for title, each in LINES],
        "exports": [(one.title, address.export(one.name)) for one in EXPORTS.values()],
        "command": command(request, address, "csv"),
        "clients": f"{reverse('compare-clients')}?{address.query()}",
        "change": f"{reverse('compare-pick')}?{address.query()}",
    }


def _row(found: Found, row: Row, mark: Mark | None) -> dict[str, Any]:
    address, entry, table = found.address, row.entry, found.comparison.table
    return {
        "row": row,
        "entry": entry,
        "is_baseline": entry is table.baseline,
        "values": {column.name: table.shown(row, column.name) for column in table.columns},
        "units": {column.name: table.formats[column.name].symbol for column in table.columns},
        "mark": mark,
        "pin": address.page(baseline="" if entry is found.entries[0] else entry.ref),
        "without": address.without(found.comparison.selection, entry) if len(table.rows) > 1 else "",
    }


def _picker(
    request: HttpRequest, address: Address, problems: Sequence[Problem] = (), *, status: int = 200
) -> HttpResponse:
    team, user = team_of(request), user_of(request)
    query = request.GET.get("q", "").strip()
    experiments, runs = Experiment.objects.visible_to(user), Run.objects.visible_to(user)
    try:
        selection = select(experiments, runs, names_in([address.cells]), names_in([address.runs]))
    except SpecError as error:
        problems, selection = error.problems, Selection((), (), {})
    found = offers(experiments.of(team), query, selection)
    context = {
        "offers": found,
        "query": query,
        "problems": problems,
        "selection": selection,
        "address": address,
        "single": [entry for entry in selection.entries if entry.is_part],
        "most_found": MOST_FOUND,
        "most_entries": MAX_ENTRIES,
    }
    return render(request, "comparison/pick.html", context, status=status)
