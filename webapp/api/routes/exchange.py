"""Networks as files of other programs: taken in, and given out."""

from typing import Annotated
from uuid import UUID

from django.http import HttpResponse
from ninja import Query, Router
from pydantic import BaseModel, Field

from engine.network.exchange.formats import MEDIA_TYPES, Format
from engine.network.exchange.reading import Assumptions
from webapp.api.answers import answer
from webapp.api.bodies import envelope
from webapp.api.documents import IDEMPOTENCY_KEY, merged, takes_model
from webapp.api.filters import TeamQuery
from webapp.api.gate import Request, find, team_for
from webapp.api.idempotency import idempotent
from webapp.api.resources import DESIGN, Design, Json
from webapp.api.shapes import Exact
from webapp.api.versions import etag_of
from webapp.library.exchange import NetworkFile, export_network, import_network
from webapp.library.models import Fleet, Network

router = Router(tags=["networks"])

_FILES: Json = {
    media_type: {"schema": {"type": "object" if written == "json" else "string"}}
    for written, media_type in MEDIA_TYPES.items()
}


class NetworkImportBody(Exact):
    """A file that holds a network."""

    name: str
    """What people shall call the network."""
    data: str
    """The text of the file; up to a mebibyte."""
    format: Format | None = None
    """What it is; left out, told by how it begins: `<` is GraphML, `{` JSON, all else a CSV edge list."""
    server: str = ""
    """Name of the node that is the server, where the file does not say it."""
    group: Annotated[str, Field(pattern="^[A-Za-z][A-Za-z0-9_-]{0,39}$")] = "boards"
    """Group of the devices for which the file names none."""


class ExportQuery(BaseModel):
    """In what form, and over which fleet."""

    format: Format = Field("graphml", description="What to write.")
    fleet: UUID | None = Field(None, description="Fleet whose devices are the nodes; one that fits without.")


@router.post(
    "/import",
    response={201: Design},
    summary="Import a network",
    operation_id="import_network",
    openapi_extra=merged(takes_model(NetworkImportBody), headers=(IDEMPOTENCY_KEY,)),
)
@idempotent()
def import_(request: Request, query: Query[TeamQuery]) -> HttpResponse:
    """Keep the network of a GraphML, CSV or JSON file as one of topology `custom`.

    Nodes may say `role` (server, gateway, devices), `group` and `number`; edges `link` (an id of the catalogue) or
    figures such as `rate_bps`, `latency_s` and `loss`.
    """
    team = team_for(request, query.team)
    sent = envelope(request, NetworkImportBody)
    file = NetworkFile("", sent.data.encode(), Assumptions(sent.server, sent.group), sent.format)
    design = import_network(team, request.auth.user, sent.name, file)
    location = f"{request.path.removesuffix('/import')}/{design.pk}"
    return answer(DESIGN.of(design), status=201, headers={"ETag": etag_of(design.version), "Location": location})


@router.get(
    "/{uuid:design_id}/export",
    response={200: None},
    summary="Export a network",
    operation_id="export_network",
    openapi_extra={"responses": {200: {"description": "The network as a file.", "content": _FILES}}},
)
def export(request: Request, design_id: UUID, query: Query[ExportQuery]) -> HttpResponse:
    """Any network as a file that other programs read, each edge with its link; importing it gives the same network."""
    design = find(request, Network.objects.all(), "network", pk=design_id)
    fleets = Fleet.objects.of(design.team)
    chosen = None if query.fleet is None else find(request, fleets, "fleet", pk=query.fleet)
    headers = {
        "Content-Disposition": f'attachment; filename="network.{query.format}"',
        "X-Content-Type-Options": "nosniff",
    }
    text = export_network(design, fleets, chosen, query.format)
    return HttpResponse(text, content_type=f"{MEDIA_TYPES[query.format]}; charset=utf-8", headers=headers)
