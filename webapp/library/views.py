"""Pages of saved fleets, networks and tasks."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from engine.core.errors import Problem, SpecError
from engine.specs.writer import write
from webapp.library import services
from webapp.library.details import detail_of
from webapp.library.families import FAMILIES, Family
from webapp.library.models import Fleet, Network, Task
from webapp.library.suggestions import suggester
from webapp.previews.panels import devices_of
from webapp.specforms.form import SpecForm
from webapp.teams.access import at_least
from webapp.teams.models import Role
from webapp.teams.pages import keyset_page, member, team_of, user_of


@member()
@require_GET
def design_list(request: HttpRequest, family: str) -> HttpResponse:
    """The team's designs of a family, newest change first; ``q`` looks into names."""
    about = FAMILIES[family]
    rows = about.model.objects.visible_to(user_of(request)).of(team_of(request)).select_related("created_by")
    query = request.GET.get("q", "").strip()
    if query:
        rows = rows.filter(name__icontains=query)
    page = keyset_page(rows, request.GET.get("after", ""), field="updated_at")
    entries = [(design, about.sentence(design.body)) for design in page.rows]
    return render(
        request, "library/design_list.html", _context(request, about, page=page, entries=entries, query=query)
    )


@member()
@require_GET
def design_detail(request: HttpRequest, family: str, pk: UUID) -> HttpResponse:
    """One design: what it is made of, what that means, and its text."""
    about, design = FAMILIES[family], _design(request, family, pk)
    context = _context(
        request,
        about,
        design=design,
        yaml=write(design.body),
        api_path=f"{family}/{pk}",
        **detail_of(design, request.GET, team_of(request)),
    )
    return render(request, f"library/{about.noun}_detail.html", context)


@member(Role.EDITOR)
@require_http_methods(["GET", "POST"])
def design_create(request: HttpRequest, family: str) -> HttpResponse:
    """A new design."""
    about = FAMILIES[family]
    if request.method == "POST":
        return _answer(request, about, None)
    form = SpecForm.of_tree((about.root,), {}, suggest=suggester(team_of(request)))
    if family == "fleets":
        form.edit("add:fleet.groups")
    form.choose_kinds()
    return _page(request, about, form, None, request.GET.get("name", ""))


@member(Role.EDITOR)
@require_http_methods(["GET", "POST"])
def design_update(request: HttpRequest, family: str, pk: UUID) -> HttpResponse:
    """Change a design; experiments that used it keep what they were made with."""
    about, design = FAMILIES[family], _design(request, family, pk)
    if request.method == "POST":
        return _answer(request, about, design)
    form = SpecForm.of_tree((about.root,), {about.noun: design.body}, suggest=suggester(design.team))
    return _page(request, about, form, design, design.name)


@member(Role.EDITOR)
@require_http_methods(["GET", "POST"])
def design_delete(request: HttpRequest, family: str, pk: UUID) -> HttpResponse:
    """Delete a design, after a question."""
    about, design = FAMILIES[family], _design(request, family, pk)
    if request.method == "GET":
        return render(request, "library/design_confirm_delete.html", _context(request, about, design=design))
    services.remove(design, user_of(request))
    messages.success(request, f"The {about.noun} {design.name} is in the trash.")
    return redirect(f"{about.noun}-list")


def _answer(request: HttpRequest, about: Family, design: Fleet | Network | Task | None) -> HttpResponse:
    form = SpecForm.of_post((about.root,), request.POST, suggest=suggester(team_of(request)))
    name = request.POST.get("name", "")
    if "_edit" in request.POST:
        form.edit(request.POST["_edit"])
        return _page(request, about, form, design, name)
    try:
        saved = _save(request, about, form, design)
    except SpecError as error:
        form.refuse(_placed(problem, about) for problem in error.problems)
        return _page(request, about, form, design, name, status=422)
    except services.VersionConflict:
        text = "somebody changed it since you opened it; open it again in another tab and repeat your change there"
        form.refuse([Problem("", "version_conflict", text)])
        return _page(request, about, form, design, name, status=409)
    messages.success(request, f"Saved {about.noun} {saved.name}.")
    return redirect(f"{about.noun}-detail", pk=saved.pk)


def _save(
    request: HttpRequest, about: Family, form: SpecForm, design: Fleet | Network | Task | None
) -> Fleet | Network | Task:
    body = form.tree().get(about.noun, {})
    name = request.POST.get("name", "")
    if design is None:
        return services.create(about.plural, team_of(request), user_of(request), name, body)
    version = request.POST.get("version", "")
    expected = int(version) if version.isdigit() else None
    return services.replace(design, user_of(request), name, body, expected_version=expected)


def _placed(problem: Problem, about: Family) -> Problem:
    """A problem of the body, at its place in the form."""
    if problem.path == "name":
        return problem
    path = f"{about.noun}.{problem.path}" if problem.path else about.noun
    return Problem(path, problem.code, problem.message)


def _page(
    request: HttpRequest,
    about: Family,
    form: SpecForm,
    design: Fleet | Network | Task | None,
    name: str,
    *,
    status: int = 200,
) -> HttpResponse:
    name_problems = [problem.message for problem in form.problems if problem.path == "name"]
    context = _context(request, about, form=form, design=design, name=name, name_problems=name_problems)
    if about.noun == "task":
        context["num_devices"] = devices_of(team_of(request), "")
    template = "library/_design_form.html" if getattr(request, "htmx", False) else "library/design_form.html"
    return render(request, template, context, status=200 if getattr(request, "htmx", False) else status)


def _design(request: HttpRequest, family: str, pk: UUID) -> Fleet | Network | Task:
    design: Any = get_object_or_404(FAMILIES[family].model.objects.visible_to(user_of(request)), pk=pk)
    assert isinstance(design, Fleet | Network | Task)
    return design


def _context(request: HttpRequest, about: Family, **more: Any) -> dict[str, Any]:
    actions = ("list", "detail", "create", "update", "delete", "clone", "versions")
    names = {action: f"{about.noun}-{action}" for action in actions}
    return {
        "family": about,
        "urls": names,
        "may_edit": at_least(user_of(request), team_of(request), Role.EDITOR),
        **more,
    }
