"""Files that runs made."""

import re

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from ninja import Query, Router

from webapp.api.answers import unchanged
from webapp.api.documents import IF_NONE_MATCH, merged
from webapp.api.downloads import download
from webapp.api.filters import ArtifactQuery
from webapp.api.gate import Request, find
from webapp.api.pages import page
from webapp.api.problems import not_found
from webapp.api.resources import ARTIFACT, Artifact
from webapp.api.shapes import Listing
from webapp.api.versions import is_known
from webapp.experiments import files, models

router = Router(tags=["artifacts"])

_SHA256 = re.compile(r"[0-9a-f]{64}")

BYTES = {
    "responses": {
        200: {
            "description": "The bytes of the file.",
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    }
}


@router.get("", response=Listing[Artifact], summary="List artifacts", operation_id="list_artifacts")
def list_artifacts(request: Request, query: Query[ArtifactQuery]) -> HttpResponse:
    """Newest first; the bytes of each are at `/artifacts/{sha256}`."""
    found = request.auth.visible(models.Artifact.objects.all())
    if query.run is not None:
        found = found.filter(run=query.run)
    if query.text is not None:
        found = found.filter(name__icontains=query.text)
    return page(request, found, query, ARTIFACT)


@router.get(
    "/{str:sha256}",
    response={200: None},
    summary="Download an artifact",
    operation_id="get_artifact",
    openapi_extra=merged(BYTES, headers=(IF_NONE_MATCH,)),
)
def get_artifact(request: Request, sha256: str) -> HttpResponseBase:
    """The bytes, always as an attachment: no browser shows what a run made as a page of this platform."""
    if not _SHA256.fullmatch(sha256):
        raise not_found("artifact")
    artifact = find(request, models.Artifact.objects.order_by("created_at"), "artifact", sha256=sha256)
    etag = f'"{artifact.sha256}"'
    if is_known(request, etag):
        return unchanged(etag)
    path = files.path_of(artifact)
    if not path.is_file():
        raise not_found(f"file of the artifact {artifact.name}; it was removed from the store")
    response = download(request, path, artifact.name)
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    return response
