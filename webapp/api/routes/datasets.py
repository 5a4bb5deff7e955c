"""Uploaded data sets: announced, sent in parts, looked through, shown, reworded, deleted."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from ninja import Query, Router
from pydantic import Field

from engine.core.errors import Problem, SpecError
from webapp.api.answers import answer, nothing
from webapp.api.bodies import envelope
from webapp.api.documents import IDEMPOTENCY_KEY, IF_MATCH, merged, takes_model
from webapp.api.filters import DesignQuery, FieldsQuery, TeamQuery, by_name
from webapp.api.gate import Request, find, team_for
from webapp.api.idempotency import idempotent
from webapp.api.pages import page
from webapp.api.problems import ApiProblem, counted
from webapp.api.resources import Json
from webapp.api.shapes import DETAIL, Attached, Column, Derived, Exact, Listing, Resource, Shape
from webapp.api.versions import etag_of, expected_version
from webapp.datasets import receiving, services
from webapp.datasets.models import Upload, UploadState
from webapp.previews import cache
from webapp.previews import services as previews
from webapp.previews.parts import read_part
from webapp.previews.wanted import samples_of

router = Router(tags=["datasets"])

OCTETS = "application/octet-stream"
PART_HEADER = "X-Part-Sha256"


class UploadProblem(Exact):
    """Why a file was refused."""

    path: str
    code: str
    message: str


def _missing(ids: list[UUID]) -> dict[UUID, list[int]]:
    rows = Upload.objects.filter(pk__in=ids)
    return {row.pk: receiving.missing_parts(row) if row.state == UploadState.RECEIVING else [] for row in rows}


class DataSet(Resource):
    """An uploaded data set, or one that is being uploaded."""

    id: UUID
    team: Annotated[str, Column("team__slug")]
    """Slug of the team that owns it."""
    name: str
    kind: str
    """Which data set of the catalogue reads it: `image_folder` or `arrays`."""
    sha256: str
    """SHA-256 of the file; a spec names the set by it: `dataset: {kind: arrays, sha256: ...}`."""
    size_bytes: int
    license: str
    citation: str
    state: UploadState
    """`receiving` parts, `checking` the whole, `ready` to be used, or `refused`."""
    version: int
    """Rises with every change of name, license or citation; the ETag holds it."""
    created_by: Annotated[str | None, Column("created_by__email")]
    """E-mail address of who began it; null once the account is gone."""
    created_at: Any
    part_bytes: Annotated[int, Derived(("id",), lambda _: settings.UPLOAD_PART_BYTES)]
    """Size of every part but the last."""
    missing_parts: Annotated[list[int], DETAIL, Attached(_missing)]
    """Numbers of the parts that have not arrived, from 0."""
    problems: Annotated[list[UploadProblem], DETAIL]
    """Why it was refused."""
    info: Annotated[Json | None, DETAIL]
    """What was found in it: shape of a sample, classes, numbers of samples; null until it is ready."""


class DataSetBody(Exact):
    """A file that is about to be uploaded."""

    name: str
    """What people call it."""
    kind: str
    """What it is to be read as: `image_folder` or `arrays`."""
    sha256: str
    """SHA-256 of the whole file as 64 lower-case hex digits."""
    size_bytes: int
    """Size of the whole file."""
    license: str = ""
    """Under which terms it may be used, as an SPDX name or in words."""
    citation: str = ""
    """Whom to name for it."""


class DataSetWords(Exact):
    """What people say about a data set."""

    name: str
    """What people call it."""
    license: str = ""
    """Under which terms it may be used, as an SPDX name or in words."""
    citation: str = ""
    """Whom to name for it."""


class DataSetSamples(Exact):
    """Some samples of a data set and how many of each class it has."""

    state: str
    """`done`, or `waiting` while a worker prepares them: ask again."""
    data: Json | None
    """`classes` with counts and `samples` with index, label, and `png` (base64) or `text`; null while waiting."""


class SamplesQuery(FieldsQuery):
    """How many samples to show."""

    count: int = Field(20, ge=1, le=100, description="How many samples; of all classes in turn.")


DATA_SET = Shape(DataSet)

PART: Json = {
    "requestBody": {
        "required": True,
        "content": {OCTETS: {"schema": {"type": "string", "format": "binary"}}},
    }
}
PART_SHA256: Json = {
    "in": "header",
    "name": PART_HEADER,
    "required": False,
    "schema": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    "description": "SHA-256 of this part; if it is not what arrived, the part is refused.",
}


@contextmanager
def _as_upload_problem() -> Iterator[None]:
    """Answer what is wrong with a file as such, not as a problem of a spec.

    Raises:
        ApiProblem: something is wrong with the file.
    """
    try:
        yield
    except SpecError as error:
        detail = f"The file has {counted(error.problems)}; nothing of it was kept."
        raise ApiProblem("invalid_upload", detail, errors=error.problems) from error


@router.get("", response=Listing[DataSet], summary="List data sets", operation_id="list_datasets")
def list_datasets(request: Request, query: Query[DesignQuery]) -> HttpResponse:
    """Those that were uploaded; the built-in ones are in the catalogue under `datasets`."""
    return page(request, by_name(request.auth.visible(Upload.objects.all()), query), query, DATA_SET)


@router.post(
    "",
    response={201: DataSet},
    summary="Begin an upload",
    operation_id="create_dataset",
    openapi_extra=merged(takes_model(DataSetBody), headers=(IDEMPOTENCY_KEY,)),
)
@idempotent()
def create_dataset(request: Request, query: Query[TeamQuery]) -> HttpResponse:
    """Announce a file. Then send its parts (`missing_parts`, each `part_bytes` long but the last), in any order, and
    call `complete`. The same file of the same kind again gives the upload that there is already, so an interrupted one
    goes on with what is missing.
    """
    team = team_for(request, query.team)
    sent = envelope(request, DataSetBody)
    wish = services.Announcement(**sent.model_dump())
    with _as_upload_problem():
        upload = services.announce(team, request.auth.user, wish)
    return answer(DATA_SET.of(upload), status=201, headers={"Location": f"{request.path}/{upload.pk}"})


@router.get(
    "/{uuid:dataset_id}",
    response=DataSet,
    summary="Get a data set",
    operation_id="get_dataset",
)
def get_dataset(request: Request, dataset_id: UUID, query: Query[FieldsQuery]) -> HttpResponse:
    """What was found in it, or how far its upload is."""
    upload = find(request, Upload.objects.all(), "data set", pk=dataset_id)
    return answer(DATA_SET.of(upload, query.fields), headers={"ETag": etag_of(upload.version)})


@router.put(
    "/{uuid:dataset_id}",
    response=DataSet,
    summary="Change the words of a data set",
    operation_id="replace_dataset",
    openapi_extra=merged(takes_model(DataSetWords), headers=(IF_MATCH,)),
)
def replace_dataset(request: Request, dataset_id: UUID) -> HttpResponse:
    """Name, license and citation; what was uploaded stays as it is."""
    upload = find(request, Upload.objects.all(), "data set", pk=dataset_id)
    expected = expected_version(request, upload.version, required=True)
    words = services.Words(**envelope(request, DataSetWords).model_dump())
    upload = services.reword(upload, request.auth.user, words, expected_version=expected)
    return answer(DATA_SET.of(upload), headers={"ETag": etag_of(upload.version)})


@router.put(
    "/{uuid:dataset_id}/parts/{int:number}",
    response={204: None},
    summary="Send a part",
    operation_id="put_dataset_part",
    openapi_extra=merged(PART, headers=(PART_SHA256,)),
)
def put_part(request: Request, dataset_id: UUID, number: int) -> HttpResponse:
    """The bytes from `number * part_bytes` on; a part may be sent again."""
    upload = find(request, Upload.objects.all(), "data set", pk=dataset_id)
    if request.content_type != OCTETS:
        raise ApiProblem("unsupported_media_type", f"A part is {OCTETS}; given: {request.content_type or 'none'}.")
    with _as_upload_problem():
        checksum = request.headers.get(PART_HEADER, "")
        services.put_part(upload, request.auth.user, number, request.body, checksum)
    return nothing()


@router.post(
    "/{uuid:dataset_id}/complete",
    response={200: DataSet, 202: DataSet},
    summary="Complete an upload",
    operation_id="complete_dataset",
)
def complete_dataset(request: Request, dataset_id: UUID) -> HttpResponse:
    """Have the file looked through once all parts are there. 202 means that a worker does so: ask again. A file that
    cannot be used is answered with all its problems, and nothing of it is kept.
    """
    upload = find(request, Upload.objects.all(), "data set", pk=dataset_id)
    with _as_upload_problem():
        upload = services.complete(upload, request.auth.user)
    return answer(DATA_SET.of(upload), status=200 if upload.state == UploadState.READY else 202)


@router.get(
    "/{uuid:dataset_id}/samples",
    response={200: DataSetSamples, 202: DataSetSamples},
    summary="Look at a data set",
    operation_id="get_dataset_samples",
)
def get_samples(request: Request, dataset_id: UUID, query: Query[SamplesQuery]) -> HttpResponse:
    """Some samples and the histogram of classes; 202 means that a worker prepares them: ask again."""
    upload = find(request, Upload.objects.all(), "data set", pk=dataset_id)
    if upload.state != UploadState.READY:
        message = f"the data set is not ready: it is {upload.get_state_display().lower()}"
        raise ApiProblem("invalid_upload", f"T{message[1:]}.", errors=[Problem("state", "not_ready", message)])
    preview = previews.look(samples_of(read_part("dataset", upload.spec), query.count))
    return answer_preview(preview)


@router.delete("/{uuid:dataset_id}", response={204: None}, summary="Delete a data set", operation_id="delete_dataset")
def delete_dataset(request: Request, dataset_id: UUID) -> HttpResponse:
    """It goes to the trash; an upload that is not `ready` is gone at once. Its file stays until it is deleted from the
    trash, so experiments that name it can go on.
    """
    upload = find(request, Upload.objects.all(), "data set", pk=dataset_id)
    services.discard(upload, request.auth.user)
    return nothing()


def answer_preview(preview: previews.Preview) -> HttpResponse:
    """A preview with its pictures within, or 202 while a worker makes it.

    Raises:
        ApiProblem: it cannot be made.
    """
    if preview.state == "failed":
        failure = preview.failure
        problem = Problem("", "preview_failed", failure["message"])
        raise ApiProblem("preview_failed", failure["message"], errors=[problem], remedy=failure["remedy"])
    if preview.data is None:
        return answer({"state": "waiting", "data": None}, status=202, headers={"Retry-After": "1"})
    return answer({"state": "done", "data": _with_pictures(preview)})


def _with_pictures(preview: previews.Preview) -> Json:
    data = dict(preview.data or {})
    if preview.kind == "samples":
        data["samples"] = [_with_picture(preview.digest, sample) for sample in data["samples"]]
    return data


def _with_picture(digest: str, sample: Json) -> Json:
    rest = {name: value for name, value in sample.items() if name != "picture"}
    path = None if sample["picture"] is None else cache.picture(digest, sample["picture"])
    png = base64.b64encode(path.read_bytes()).decode() if path is not None else None
    return {**rest, "png": png}
