"""The page on which a network is drawn by hand: a board, and the table that says the same."""

from typing import Any, get_args
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods
from pydantic import ValidationError

from engine.core.errors import Problem, SpecError
from engine.network.catalogue import links
from engine.network.drawn import Role as NodeRole
from engine.network.wires import Metric
from webapp.library import services
from webapp.library.drawing import SHAPES
from webapp.library.examples import example_fleet, fitting_fleets
from webapp.library.models import Fleet, Network
from webapp.library.parts import fleet_of, network_of
from webapp.library.sheet import Sheet
from webapp.library.suggestions import groups_of
from webapp.teams.models import Role, Team
from webapp.teams.pages import member, team_of, user_of

METRICS = {
    "hops": "the fewest hops",
    "latency": "the least latency",
    "capacity": "the least time per bit",
}
"""What people call the ways to choose routes."""


@member(Role.EDITOR)
@require_http_methods(["GET", "POST"])
def network_draw_new(request: HttpRequest) -> HttpResponse:
    """Draw a new network."""
    if request.method == "GET":
        return _page(request, None, Sheet.new(), "")
    return _answer(request, None)


@member(Role.EDITOR)
@require_http_methods(["GET", "POST"])
def network_draw(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Go on drawing a network; one of another topology is taken device by device."""
    found: Any = Network.objects.visible_to(user_of(request))
    design: Network = get_object_or_404(found, pk=pk)
    if request.method == "POST":
        return _answer(request, design)
    try:
        sheet = _sheet_of(design, design.team)
    except (SpecError, ValidationError) as error:
        text = error.problems[0].message if isinstance(error, SpecError) else "it was stored under an older schema"
        messages.error(request, f"It cannot be drawn by hand: {text}.")
        return redirect("network-detail", pk=pk)
    return _page(request, design, sheet, design.name)


def _sheet_of(design: Network, team: Team) -> Sheet:
    network = network_of(design.body)
    fitting = fitting_fleets(network, Fleet.objects.of(team))
    return Sheet.of_network(network, fleet_of(fitting[0].body) if fitting else example_fleet(network))


def _answer(request: HttpRequest, design: Network | None) -> HttpResponse:
    name = request.POST.get("name", "")
    sheet = Sheet([], [])
    try:
        sheet = Sheet.of_post(request.POST)
        if "_edit" in request.POST:
            sheet.edit(request.POST["_edit"])
            return _page(request, design, sheet, name)
        saved = _save(request, design, name, sheet)
    except SpecError as error:
        return _page(request, design, sheet, name, problems=error.problems)
    except services.VersionConflict:
        text = "somebody changed it since you opened it; open it again in another tab and repeat your change there"
        return _page(request, design, sheet, name, problems=(Problem("", "version_conflict", text),), status=409)
    messages.success(request, f"Saved network {saved.name}.")
    return redirect("network-detail", pk=saved.pk)


def _save(request: HttpRequest, design: Network | None, name: str, sheet: Sheet) -> Any:
    user, topology = user_of(request), sheet.topology()
    if design is None:
        return services.create("networks", team_of(request), user, name, {"topology": topology})
    version = request.POST.get("version", "")
    expected = int(version) if version.isdigit() and len(version) < 10 else None
    body = {**design.body, "topology": topology}
    return services.replace(design, user, name, body, expected_version=expected)


def _page(
    request: HttpRequest,
    design: Network | None,
    sheet: Sheet,
    name: str,
    *,
    problems: tuple[Problem, ...] = (),
    status: int = 422,
) -> HttpResponse:
    context = {
        "design": design,
        "sheet": sheet,
        "name": name,
        "problems": problems,
        "name_problems": [problem.message for problem in problems if problem.path == "name"],
        "changes_topology": design is not None and design.body.get("topology", {}).get("kind") != "custom",
        "roles": get_args(NodeRole),
        "metrics": [(metric, METRICS[metric]) for metric in get_args(Metric)],
        "links": [(key, link.name) for key, link in links().items()],
        "groups": groups_of(team_of(request)),
        "shapes": {"devices": SHAPES["board"], "gateway": SHAPES["gateway"]},
        "version": request.POST.get("version") or (design.version if design else ""),
    }
    return render(request, "library/network_draw.html", context, status=status if problems else 200)
