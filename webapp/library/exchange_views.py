"""Pages by which networks come from files of other programs and leave as such."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from engine.core.errors import Problem, SpecError
from engine.network.exchange.formats import MEDIA_TYPES, Format
from engine.network.exchange.reading import Assumptions
from engine.network.exchange.rows import MOST_BYTES
from webapp.library.exchange import NetworkFile, export_network, import_network
from webapp.library.models import Fleet, Network
from webapp.teams.models import Role
from webapp.teams.pages import member, team_of, user_of

FIELDS = {"name": "", "server": "", "group": "boards"}


@member(Role.EDITOR)
@require_http_methods(["GET", "POST"])
def network_import(request: HttpRequest) -> HttpResponse:
    """Make a network of a GraphML, CSV or JSON file."""
    values = {name: request.POST.get(name, default).strip() for name, default in FIELDS.items()}
    if request.method == "GET":
        return _form(request, values, [])
    try:
        made = import_network(team_of(request), user_of(request), *_sent(request, values))
    except SpecError as error:
        return _form(request, values, list(error.problems))
    messages.success(request, f"Imported {made.name}.")
    return redirect("network-detail", pk=made.pk)


def _sent(request: HttpRequest, values: dict[str, str]) -> tuple[str, NetworkFile]:
    """The name and the file of the form.

    Raises:
        SpecError: there is no file.
    """
    file = request.FILES.get("file")
    if not isinstance(file, UploadedFile):
        raise SpecError([Problem("file", "missing", "choose a file; none was sent")])
    name = str(file.name or "")
    # One byte more than is allowed is enough to be refused.
    sent = NetworkFile(name, file.read(MOST_BYTES + 1), Assumptions(values["server"], values["group"] or "boards"))
    return values["name"] or name.rpartition(".")[0] or name, sent


def _form(request: HttpRequest, values: dict[str, str], problems: list[Problem]) -> HttpResponse:
    by_path: dict[str, list[str]] = {}
    for problem in problems:
        by_path.setdefault(problem.path.partition(".")[0], []).append(problem.message)
    context = {"values": values, "problems": problems, "by_path": by_path, "limit": MOST_BYTES}
    return render(request, "library/network_import.html", context, status=422 if problems else 200)


@member()
@require_GET
def network_export(request: HttpRequest, pk: UUID, written: Format) -> HttpResponse:
    """A network as a file; ``fleet`` names the one whose devices are its nodes."""
    found: Any = Network.objects.visible_to(user_of(request))
    design = get_object_or_404(found, pk=pk)
    fleets = Fleet.objects.of(design.team)
    chosen = next((fleet for fleet in fleets if str(fleet.pk) == request.GET.get("fleet")), None)
    try:
        text = export_network(design, fleets, chosen, written)
    except SpecError as error:
        messages.error(request, f"It cannot be written as a file: {error.problems[0].message}.")
        return redirect("network-detail", pk=pk)
    headers = {"Content-Disposition": f'attachment; filename="network.{written}"', "X-Content-Type-Options": "nosniff"}
    return HttpResponse(text, content_type=f"{MEDIA_TYPES[written]}; charset=utf-8", headers=headers)
