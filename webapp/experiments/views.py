"""Home and the pages of experiments: list, designer, result."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from engine.core.errors import SpecError
from engine.specs.documents import load
from engine.specs.presets import presets
from webapp.datasets.usage import named_in_trash
from webapp.experiments import boards, designer, gallery, panels, previewing, services
from webapp.experiments.ledgers import ledgers_of
from webapp.experiments.models import Experiment, Run, RunState
from webapp.library.models import DESIGNS
from webapp.specforms.form import SpecForm
from webapp.teams.access import at_least
from webapp.teams.models import Role, Team
from webapp.teams.pages import keyset_page, member, team_of, user_of
from webapp.trained.usage import models_in_trash


@member()
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """What runs now, what was done last, and where to begin."""
    team, user = team_of(request), user_of(request)
    experiments = _with_counts(Experiment.objects.visible_to(user).of(team))[:8]
    active = (
        Run.objects.visible_to(user).of(team).filter(state__in=(RunState.RUNNING, RunState.QUEUED, RunState.PAUSED))
    )
    context = {
        "entries": _entries(experiments),
        "active": active.select_related("cell__experiment").order_by("-started_at", "-pk")[:8],
        "has": {family: model.objects.of(team).exists() for family, model in DESIGNS.items()},
        "may_run": at_least(user, team, Role.RUNNER),
        "may_edit": at_least(user, team, Role.EDITOR),
        "questions": gallery.questions(),
    }
    return render(request, "experiments/home.html", context)


@member()
@require_GET
def experiment_list(request: HttpRequest) -> HttpResponse:
    """The team's experiments, newest first; ``q`` looks into names, ``state`` at their runs."""
    team, user = team_of(request), user_of(request)
    query, state = request.GET.get("q", "").strip(), request.GET.get("state", "")
    found = _with_counts(Experiment.objects.visible_to(user).of(team))
    if query:
        found = found.filter(name__icontains=query)
    if state in RunState.values:
        found = found.filter(cells__runs__state=state).distinct()
    page = keyset_page(found, request.GET.get("after", ""))
    context = {
        "page": page,
        "entries": _entries(page.rows),
        "query": query,
        "state": state,
        "states": RunState.choices,
        "keep": urlencode({name: value for name, value in (("q", query), ("state", state)) if value}),
        "may_run": at_least(user, team, Role.RUNNER),
        "questions": gallery.questions(),
    }
    return render(request, "experiments/experiment_list.html", context)


@member(Role.RUNNER)
@require_http_methods(["GET", "POST"])
def experiment_create(request: HttpRequest) -> HttpResponse:
    """Design an experiment; ``clone=<id>`` begins with another one's text, ``gallery=<name>`` with a starter design,
    ``preset=<name>`` with a method or the settings of a paper.
    """
    team = team_of(request)
    parent = _parent(request)
    if request.method == "GET":
        return _designer(request, _first_form(request, team, parent), parent)
    form = designer.of_post(team, request.POST)
    if "_edit" in request.POST:
        return _designer(request, form, parent)
    try:
        experiment = services.submit(
            team, user_of(request), designer.text_of(form), launch=request.POST.get("_do") == "launch", parent=parent
        )
    except SpecError as error:
        form.refuse(error.problems)
        return _designer(request, form, parent, status=422)
    return redirect("experiment-detail", pk=experiment.pk)


@member(Role.RUNNER)
@require_POST
def experiment_estimate(request: HttpRequest) -> HttpResponse:
    """The foot of the designer: what the form's experiment would cost."""
    team = team_of(request)
    return render(
        request,
        "experiments/_estimate.html",
        {"estimate": designer.estimate(designer.of_post(team, request.POST), team)},
    )


@member(Role.RUNNER)
@require_POST
def experiment_preview(request: HttpRequest) -> HttpResponse:
    """The panels beside the designer: data, model and memory of the form's experiment."""
    team = team_of(request)
    seen = previewing.preview(designer.of_post(team, request.POST), team)
    return render(request, seen.get("panels_template", "previews/_panels.html"), seen)


@member()
@require_GET
def experiment_detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """An experiment: its answer, its matrix of runs, its curves and what they cost."""
    experiment = _experiment(request, pk)
    if request.GET.get("part") == "summary":
        return render(
            request, "experiments/_progress_parts.html", panels.matrix(experiment) | _may(request, experiment)
        )
    context = panels.matrix(experiment) | panels.curves(experiment, request.GET) | _may(request, experiment)
    context |= {"api_path": f"experiments/{pk}", "lost": named_in_trash(experiment.team, experiment.text)}
    context["lost_models"] = models_in_trash(experiment.team, experiment.text)
    return render(request, "experiments/experiment_detail.html", context)


@member()
@require_GET
def experiment_series(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The series of all runs of an experiment, as the page draws them."""
    return JsonResponse(panels.series(_experiment(request, pk)))


@member()
@require_GET
def experiment_ledgers(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Where time and energy of each setting went, by group and phase, over seeds."""
    experiment = _experiment(request, pk)
    going = (RunState.RUNNING, RunState.QUEUED)
    is_live = Run.objects.filter(cell__experiment=experiment, state__in=going).exists()
    is_part = bool(getattr(request, "htmx", False))
    template = "experiments/_ledgers.html" if is_part else "experiments/experiment_ledgers.html"
    return render(request, template, {"experiment": experiment, "is_live": is_live, **ledgers_of(experiment)})


@member(Role.RUNNER)
@require_POST
def experiment_launch(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Queue all runs that are not launched yet."""
    experiment = _experiment(request, pk)
    services.launch(experiment, user_of(request))
    messages.success(request, "Launched. Runs start as workers become free.")
    return redirect("experiment-detail", pk=pk)


@member(Role.EDITOR)
@require_http_methods(["GET", "POST"])
def experiment_delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Put an experiment with its runs into the trash, after a question."""
    experiment = _experiment(request, pk)
    if request.method == "GET":
        return render(request, "experiments/experiment_confirm_delete.html", {"experiment": experiment})
    try:
        services.delete(experiment, user_of(request))
    except services.Conflict as error:
        messages.error(request, f"{error} {error.remedy}".strip())
        return redirect("experiment-detail", pk=pk)
    messages.success(request, f"Experiment {experiment.name} is in the trash.")
    return redirect("experiment-list")


def _designer(request: HttpRequest, form: SpecForm, parent: Experiment | None, *, status: int = 200) -> HttpResponse:
    context: dict[str, Any] = {"form": form, "parent": parent, "nodes": form.by_name}
    if parent is None:
        context |= {
            "started": gallery.find(request.GET.get("gallery", "")),
            "questions": gallery.questions(),
            "preset": presets().get(request.GET.get("preset", "")),
            "presets": presets().values(),
            "kinds": designer.kind_cards(form),
        }
    if request.POST.get("_edit") == "estimate":
        context["estimate"] = designer.estimate(form, team_of(request))
    is_part = bool(getattr(request, "htmx", False))
    template = "experiments/_designer.html" if is_part else "experiments/experiment_form.html"
    return render(request, template, context, status=200 if is_part else status)


def _first_form(request: HttpRequest, team: Team, parent: Experiment | None) -> SpecForm:
    if parent is not None:
        return designer.of_tree(team, load(services.clone(parent)))
    preset = request.GET.get("preset", "")
    if preset and preset not in presets():
        raise Http404(f"there is no preset {preset}")
    name = request.GET.get("gallery", "")
    if not name:
        return designer.blank(team, request.GET, preset)
    question = gallery.find(name)
    if question is None:
        raise Http404(f"there is no starter design {name}")
    return designer.of_tree(team, question.tree())


def _may(request: HttpRequest, experiment: Experiment) -> dict[str, bool]:
    user = user_of(request)
    return {
        "may_run": at_least(user, experiment.team, Role.RUNNER),
        "may_edit": at_least(user, experiment.team, Role.EDITOR),
    }


def _with_counts(experiments: Any) -> Any:
    states = {f"num_{state}": Count("cells__runs", filter=Q(cells__runs__state=state)) for state in RunState.values}
    return (
        experiments.select_related("created_by", "parent")
        .annotate(num_runs=Count("cells__runs"), **states)
        .order_by("-created_at", "-pk")
    )


def _entries(experiments: Any) -> list[dict[str, Any]]:
    entries = []
    for experiment in experiments:
        counts = {state: getattr(experiment, f"num_{state}") for state in RunState.values}
        state = boards.state_of(counts)
        entries.append(
            {
                "experiment": experiment,
                "state": state,
                "label": RunState(state).label,
                "num_done": counts[RunState.DONE],
            }
        )
    return entries


def _parent(request: HttpRequest) -> Experiment | None:
    try:
        identifier = UUID(request.GET.get("clone", ""))
    except ValueError:
        return None
    return get_object_or_404(Experiment.objects.visible_to(user_of(request)), pk=identifier)


def _experiment(request: HttpRequest, pk: UUID) -> Experiment:
    return get_object_or_404(
        Experiment.objects.visible_to(user_of(request)).select_related("team", "created_by", "parent"), pk=pk
    )
