"""Trained models: those that runs left, and weights that are announced, sent in parts, and checked."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from ninja import Query, Router
from pydantic import Field

from engine.core.errors import SpecError
from webapp.api.answers import answer, nothing
from webapp.api.bodies import envelope
from webapp.api.documents import IDEMPOTENCY_KEY, merged, takes_model
from webapp.api.downloads import download
from webapp.api.filters import DesignQuery, FieldsQuery, TeamQuery, by_name
from webapp.api.gate import Request, find, team_for
from webapp.api.idempotency import idempotent
from webapp.api.pages import page
from webapp.api.problems import ApiProblem, counted, not_found
from webapp.api.resources import Json
from webapp.api.routes.artifacts import BYTES
from webapp.api.routes.datasets import OCTETS, PART, PART_HEADER, PART_SHA256
from webapp.api.shapes import DETAIL, Attached, Column, Derived, Exact, Listing, Resource, Shape
from webapp.datasets import receiving
from webapp.experiments.models import Artifact
from webapp.trained import disposal, uploading
from webapp.trained.gathering import gather
from webapp.trained.models import Content, ModelState, TrainedModel

router = Router(tags=["models"])


def _missing(ids: list[UUID]) -> dict[UUID, list[int]]:
    rows = TrainedModel.objects.filter(pk__in=ids)
    return {row.pk: receiving.missing_parts(row) if row.state == ModelState.RECEIVING else [] for row in rows}


class Model(Resource):
    """A trained model, metadata that stands for private data, or a file that is being uploaded."""

    id: UUID
    team: Annotated[str, Column("team__slug")]
    """Slug of the team that owns it."""
    name: str
    origin: Annotated[
        Literal["run", "upload"], Derived(("artifact_id",), lambda artifact: "run" if artifact else "upload")
    ]
    """Whether a run made it or somebody uploaded it."""
    run: Annotated[UUID | None, Column("artifact__run_id")]
    """The run that made it; null for an upload."""
    content: Content
    """`model`, or `metadata` that stands for private data."""
    state: ModelState
    """`receiving` parts, or `ready` to be a teacher."""
    sha256: str
    """SHA-256 of the file; a spec names it by that: `teacher: {kind: artifact, sha256: ...}`, or `metadata`. Empty
    before."""
    size_bytes: int
    model: Json | None
    """The architecture as a spec names it; null where a graph was changed, by pruning for one."""
    dataset: Json | None
    """The data set whose samples it takes; null if that is not known."""
    accuracy: float | None
    """Share of right answers on that set's test split; null if it was not measured here."""
    facts: Json
    """Of a model `sample`, `num_parameters`, `parameter_bytes`, `total_macs`, `peak_activation_bytes`, `num_layers`; of
    metadata `sample`, `kind`, `num_samples`, `teacher` (digest of its weights), `guarantee`, `epsilon`, `leaks`."""
    created_by: Annotated[str | None, Column("created_by__email")]
    """E-mail address of who uploaded it or submitted the experiment; null once the account is gone."""
    created_at: datetime
    part_bytes: Annotated[int, Derived(("id",), lambda _: settings.UPLOAD_PART_BYTES)]
    """Size of every part of an upload but the last."""
    missing_parts: Annotated[list[int], DETAIL, Attached(_missing)]
    """Numbers of the parts that have not arrived, from 0."""


class ModelBody(Exact):
    """Weights that are about to be uploaded, as a safetensors file."""

    name: str
    """What people call the model."""
    sha256: str
    """SHA-256 of the whole file as 64 lower-case hex digits."""
    size_bytes: int
    """Size of the whole file."""
    model: Json | None = None
    """The architecture as a spec names it, such as `{kind: resnet8}`; without it the file has to say so itself, as
    models and metadata of this platform do."""
    dataset: Json | None = None
    """The data set whose samples it takes, such as `{kind: cifar10}`; goes with `model`."""


class ModelQuery(DesignQuery):
    """Filters of models."""

    state: Literal["receiving", "ready"] | None = Field(None, description="In this state.")
    content: Content | None = Field(None, description="Models, or metadata.")
    sha256: str | None = Field(None, description="With this file.")


MODEL = Shape(Model)


@contextmanager
def _as_upload_problem() -> Iterator[None]:
    """Answer what is wrong with the file as such, not as a problem of a spec.

    Raises:
        ApiProblem: something is wrong with it.
    """
    try:
        yield
    except SpecError as error:
        detail = f"The weights have {counted(error.problems)}; nothing of them was kept."
        raise ApiProblem("invalid_upload", detail, errors=error.problems) from error


@router.get("", response=Listing[Model], summary="List models", operation_id="list_models")
def list_models(request: Request, query: Query[ModelQuery]) -> HttpResponse:
    """Those that the team's runs left, and uploads."""
    gather(request.auth.visible(Artifact.objects.all()))
    found = by_name(request.auth.visible(TrainedModel.objects.all()), query)
    if query.state is not None:
        found = found.filter(state=query.state)
    if query.content is not None:
        found = found.filter(content=query.content)
    if query.sha256 is not None:
        found = found.filter(sha256=query.sha256)
    return page(request, found, query, MODEL)


@router.post(
    "",
    response={201: Model},
    summary="Begin an upload of weights",
    operation_id="create_model",
    openapi_extra=merged(takes_model(ModelBody), headers=(IDEMPOTENCY_KEY,)),
)
@idempotent()
def create_model(request: Request, query: Query[TeamQuery]) -> HttpResponse:
    """Announce a safetensors file. Then send its parts (`missing_parts`, each `part_bytes` long but the last), in any
    order, and call `complete`. The same file with the same words again gives the upload that was begun already.
    """
    team = team_for(request, query.team)
    sent = envelope(request, ModelBody)
    with _as_upload_problem():
        row = uploading.announce(team, request.auth.user, uploading.Wish(**sent.model_dump()))
    return answer(MODEL.of(row), status=201, headers={"Location": f"{request.path}/{row.pk}"})


@router.get("/{uuid:model_id}", response=Model, summary="Get a model", operation_id="get_model")
def get_model(request: Request, model_id: UUID, query: Query[FieldsQuery]) -> HttpResponse:
    """What it is and where it comes from, or how far its upload is."""
    return answer(MODEL.of(_row(request, model_id), query.fields))


@router.put(
    "/{uuid:model_id}/parts/{int:number}",
    response={204: None},
    summary="Send a part of weights",
    operation_id="put_model_part",
    openapi_extra=merged(PART, headers=(PART_SHA256,)),
)
def put_part(request: Request, model_id: UUID, number: int) -> HttpResponse:
    """The bytes from `number * part_bytes` on; a part may be sent again."""
    row = _row(request, model_id)
    if request.content_type != OCTETS:
        raise ApiProblem("unsupported_media_type", f"A part is {OCTETS}; given: {request.content_type or 'none'}.")
    with _as_upload_problem():
        checksum = request.headers.get(PART_HEADER, "")
        uploading.put_part(row, request.auth.user, number, request.body, checksum)
    return nothing()


@router.post(
    "/{uuid:model_id}/complete", response=Model, summary="Complete an upload of weights", operation_id="complete_model"
)
def complete_model(request: Request, model_id: UUID) -> HttpResponse:
    """Check every tensor by name, shape, type and value once all parts are there. Weights that cannot be used are
    answered with all their problems, and nothing of them is kept.
    """
    row = _row(request, model_id)
    with _as_upload_problem():
        row = uploading.complete(row, request.auth.user)
    return answer(MODEL.of(row))


@router.get(
    "/{uuid:model_id}/file",
    response={200: None},
    summary="Download a model",
    operation_id="get_model_file",
    openapi_extra=BYTES,
)
def get_model_file(request: Request, model_id: UUID) -> HttpResponseBase:
    """The safetensors file, with the declaration of the network in its header."""
    row = _row(request, model_id)
    if row.state != ModelState.READY or not row.file.is_file():
        raise not_found("file of this model")
    return download(request, row.file, f"{row.content}.safetensors")


@router.delete("/{uuid:model_id}", response={204: None}, summary="Delete a model", operation_id="delete_model")
def delete_model(request: Request, model_id: UUID) -> HttpResponse:
    """An upload goes to the trash, one that is not `ready` is gone at once. `conflict` for a model that a run made: it
    goes with its experiment.
    """
    disposal.discard(_row(request, model_id), request.auth.user)
    return nothing()


def _row(request: Request, model_id: UUID) -> TrainedModel:
    return find(request, TrainedModel.objects.select_related("artifact"), "model", pk=model_id)
