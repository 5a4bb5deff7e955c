"""Pages of trained models."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from engine.core.errors import SpecError
from engine.models.model import models
from engine.specs.writer import write
from webapp.experiments.states import Conflict
from webapp.teams.access import at_least
from webapp.teams.models import Role
from webapp.teams.pages import member, team_of, user_of
from webapp.trained import disposal, usage
from webapp.trained.cards import card_of
from webapp.trained.models import Content, ModelState, TrainedModel
from webapp.trained.table import layers_of
from webapp.trained.weightsform import WeightsForm


@member()
@require_GET
def model_list(request: HttpRequest) -> HttpResponse:
    """The team's models, newest first; ``q`` looks into names."""
    query = request.GET.get("q", "").strip()
    rows = [row for row in usage.models_of(team_of(request)) if query.lower() in row.name.lower()]
    metadata = [row for row in usage.models_of(team_of(request), Content.METADATA) if query.lower() in row.name.lower()]
    receiving = TrainedModel.objects.of(team_of(request)).filter(state=ModelState.RECEIVING)
    context = _context(
        request, rows=rows[:500], num_more=max(0, len(rows) - 500), metadata=metadata[:500], query=query,
        receiving=receiving,
    )  # fmt: skip
    return render(request, "trained/model_list.html", context)


@member()
@require_GET
def model_detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """A model: what it is, where it comes from, how well it does, and who learns from it."""
    row = _model(request, pk)
    context: dict[str, Any] = {"row": row, "api_path": f"models/{row.pk}"}
    if row.is_metadata:
        experiments = [one for one in usage.experiments_using(row) if one.trashed_at is None][:20]
        named = write({"metadata": {"kind": "artifact", "sha256": row.sha256}})
        context |= {"experiments": experiments, "yaml": named, "teacher": usage.collected_with(row)}
        return render(request, "trained/metadata_detail.html", _context(request, **context))
    if row.state == ModelState.READY:
        card = card_of(row.sha256)
        experiments = [one for one in usage.experiments_using(row) if one.trashed_at is None][:20]
        context |= {
            "table": None if card is None else layers_of(card),
            "is_of_zoo": row.architecture in models.members(),
            "experiments": experiments,
            "yaml": write({"teacher": {"kind": "artifact", "sha256": row.sha256}}),
        }
    return render(request, "trained/model_detail.html", _context(request, **context))


@member(Role.EDITOR)
@require_http_methods(["GET", "POST"])
def model_create(request: HttpRequest) -> HttpResponse:
    """Upload the weights of a model."""
    team = team_of(request)
    if request.method == "GET":
        return _form(request, WeightsForm.blank(team))
    form = WeightsForm.of_post(team, request.POST)
    if "_edit" in request.POST:
        return _form(request, form)
    try:
        row = form.take(team, user_of(request), request.FILES.get("file"))
    except SpecError as error:
        form.refuse(error.problems)
        return _form(request, form, status=422)
    use = "can stand for data" if row.is_metadata else "can be a teacher"
    messages.success(request, f"{row.name} is here and {use}.")
    return redirect("model-detail", pk=row.pk)


@member()
@require_GET
def model_download(request: HttpRequest, pk: UUID) -> FileResponse:
    """The model's file, always as a download."""
    row = get_object_or_404(_seen(request).filter(state=ModelState.READY), pk=pk)
    return FileResponse(row.file.open("rb"), as_attachment=True, filename=f"{row.content}.safetensors")


@member(Role.EDITOR)
@require_http_methods(["GET", "POST"])
def model_delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Put a model into the trash, after a question."""
    row = _model(request, pk)
    if request.method == "GET":
        experiments = [one for one in usage.experiments_using(row) if one.trashed_at is None]
        context = _context(request, row=row, experiments=experiments, days=settings.TRASH_DAYS)
        return render(request, "trained/model_confirm_delete.html", context)
    try:
        disposal.discard(row, user_of(request))
    except Conflict as error:
        messages.error(request, f"{error}. {error.remedy}".strip())
        return redirect("model-detail", pk=pk)
    is_kept = row.state == ModelState.READY
    messages.success(request, f"{row.name} is in the trash." if is_kept else f"Discarded the upload {row.name}.")
    return redirect("model-list")


def _form(request: HttpRequest, form: WeightsForm, *, status: int = 200) -> HttpResponse:
    context = _context(request, form=form, nodes=form.nodes, limit=settings.UPLOAD_FORM_BYTES)
    is_part = bool(getattr(request, "htmx", False))
    template = "trained/_model_form.html" if is_part else "trained/model_form.html"
    return render(request, template, context, status=200 if is_part else status)


def _seen(request: HttpRequest) -> QuerySet[TrainedModel]:
    return TrainedModel.objects.visible_to(user_of(request)).select_related(
        "team", "created_by", "artifact__run__cell__experiment"
    )


def _model(request: HttpRequest, pk: UUID) -> TrainedModel:
    return get_object_or_404(_seen(request), pk=pk)


def _context(request: HttpRequest, **more: Any) -> dict[str, Any]:
    user, team = user_of(request), team_of(request)
    return {
        "may_edit": at_least(user, team, Role.EDITOR),
        "may_run": at_least(user, team, Role.RUNNER),
        **more,
    }
