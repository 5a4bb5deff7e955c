"""Pages of the history of a design: its versions, what differs, an old one made new again, and a copy."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from engine.core.errors import SpecError
from webapp.library import services
from webapp.library.families import FAMILIES
from webapp.library.models import DesignVersion, Fleet, Network, Task
from webapp.library.versions import compare, text_of
from webapp.teams.access import at_least
from webapp.teams.models import Role
from webapp.teams.pages import member, user_of


@member()
@require_GET
def version_list(request: HttpRequest, family: str, pk: UUID) -> HttpResponse:
    """The versions of a design; ``from`` and ``to`` name two to compare, without them the last two are."""
    design = _design(request, family, pk)
    versions = list(design.versions.select_related("author"))
    old, new = _chosen(request, versions)
    context = {
        "family": FAMILIES[family],
        "design": design,
        "urls": {name: f"{design.part}-{name}" for name in ("list", "detail", "versions", "version", "restore")},
        "versions": versions,
        "old": old,
        "new": new,
        "lines": compare(old, new) if old and new else [],
        "may_edit": at_least(user_of(request), design.team, Role.EDITOR),
    }
    return render(request, "library/version_list.html", context)


@member()
@require_GET
def version_detail(request: HttpRequest, family: str, pk: UUID, number: int) -> HttpResponse:
    """One version, complete."""
    design = _design(request, family, pk)
    version = get_object_or_404(design.versions.select_related("author"), number=number)
    context = {
        "family": FAMILIES[family],
        "design": design,
        "urls": {name: f"{design.part}-{name}" for name in ("list", "detail", "versions", "restore")},
        "version": version,
        "yaml": text_of(version),
        "api_path": f"{family}/{pk}/versions/{number}",
        "may_edit": at_least(user_of(request), design.team, Role.EDITOR),
    }
    return render(request, "library/version_detail.html", context)


@member(Role.EDITOR)
@require_POST
def version_restore(request: HttpRequest, family: str, pk: UUID, number: int) -> HttpResponse:
    """Make an old version the newest one."""
    design = _design(request, family, pk)
    try:
        services.restore(design, number, user_of(request))
    except KeyError:
        raise Http404 from None
    except SpecError as error:
        messages.error(request, f"Version {number} is not valid any more: {error.problems[0].message}.")
        return redirect(f"{design.part}-versions", pk=pk)
    messages.success(request, f"Version {number} is back, as version {design.version}.")
    return redirect(f"{design.part}-detail", pk=pk)


@member(Role.EDITOR)
@require_POST
def design_clone(request: HttpRequest, family: str, pk: UUID) -> HttpResponse:
    """A copy, opened for editing."""
    design = _design(request, family, pk)
    try:
        copy = services.clone(design, user_of(request))
    except SpecError as error:
        messages.error(request, f"{design.name} was stored under an older schema: {error.problems[0].message}.")
        return redirect(f"{design.part}-detail", pk=pk)
    messages.success(request, f"This is a copy of {design.name}; what you change here changes only the copy.")
    return redirect(f"{design.part}-update", pk=copy.pk)


def _design(request: HttpRequest, family: str, pk: UUID) -> Fleet | Network | Task:
    found: Any = FAMILIES[family].model.objects.visible_to(user_of(request)).select_related("team")
    design = get_object_or_404(found, pk=pk)
    assert isinstance(design, Fleet | Network | Task)
    return design


def _chosen(request: HttpRequest, versions: list[Any]) -> tuple[DesignVersion | None, DesignVersion | None]:
    by_number: dict[str, DesignVersion] = {str(version.number): version for version in versions}
    new = by_number.get(request.GET.get("to", "")) or (versions[0] if versions else None)
    old = by_number.get(request.GET.get("from", "")) or (versions[1] if len(versions) > 1 else None)
    return old, new
