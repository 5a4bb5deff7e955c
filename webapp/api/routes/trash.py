"""The trash: what was deleted and can be brought back or deleted for good."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from django.http import HttpResponse
from ninja import Query, Router
from pydantic import BaseModel, Field

from webapp.api.answers import answer, nothing
from webapp.api.gate import Request
from webapp.api.pages import MAX_LIMIT, Place, link
from webapp.api.problems import not_found
from webapp.api.shapes import Exact, Listing
from webapp.experiments.models import Experiment
from webapp.trash import items

router = Router(tags=["trash"])


class TrashItem(Exact):
    """A deleted experiment, fleet, network, task, data set or model."""

    id: UUID
    family: Literal["experiments", "fleets", "networks", "tasks", "datasets", "models"]
    """Where it is once it is restored: `/{family}/{id}`."""
    team: str
    """Slug of the team that owns it."""
    name: str
    trashed_at: datetime
    """When it was deleted."""
    trashed_by: str | None
    """E-mail address of who deleted it; null once the account is gone."""
    purged_after: datetime
    """When it is deleted for good."""


class TrashQuery(BaseModel):
    """Which part of the trash."""

    team: str | None = Field(None, description="Slug of a team; all of yours without.")
    cursor: str | None = Field(None, description="Where the page begins: `next` of the page before, unchanged.")
    limit: int = Field(50, ge=1, le=MAX_LIMIT, description="Most items of a page.")


@router.get("", response=Listing[TrashItem], summary="List the trash", operation_id="list_trash")
def list_trash(request: Request, query: Query[TrashQuery]) -> HttpResponse:
    """Deleted last comes first."""
    place = None if query.cursor is None else Place.read(query.cursor, Experiment)
    before = None if place is None else (place.moment, place.key)

    def seen(rows: items.Rows) -> items.Rows:
        mine = request.auth.visible(rows)
        return mine if query.team is None else mine.filter(team__slug=query.team)

    found = items.entries(seen, before=before, limit=query.limit + 1)
    shown, cursor = found[: query.limit], None
    if len(found) > query.limit:
        cursor = Place(shown[-1].trashed_at, shown[-1].item.pk).cursor()
    rows = [_row(entry) for entry in shown]
    return answer({"items": rows, "next": cursor}, headers=link(request, cursor))


@router.post("/{uuid:item_id}/restore", response=TrashItem, summary="Restore from the trash", operation_id="restore")
def restore(request: Request, item_id: UUID) -> HttpResponse:
    """It is back at `/{family}/{id}`; runs that were queued when it was deleted are paused and can be resumed."""
    entry = _find(request, item_id)
    row = _row(entry)
    items.restore(entry, request.auth.user)
    return answer(row)


@router.delete(
    "/{uuid:item_id}", response={204: None}, summary="Delete from the trash for good", operation_id="delete_trash_item"
)
def delete_item(request: Request, item_id: UUID) -> HttpResponse:
    """An experiment goes with its runs, their events and their artifacts, a data set or model with its file.
    `conflict` while an experiment, in the trash or not, names it.
    """
    items.purge(_find(request, item_id), request.auth.user)
    return nothing()


def _find(request: Request, item_id: UUID) -> items.Entry:
    entry = items.find(request.auth.visible, item_id)
    if entry is None:
        raise not_found("such thing in the trash")
    request.auth.require_role(entry.item.team)
    return entry


def _row(entry: items.Entry) -> dict[str, object]:
    item = entry.item
    return {
        "id": item.pk,
        "family": entry.family,
        "team": item.team.slug,
        "name": item.name,
        "trashed_at": entry.trashed_at,
        "trashed_by": item.trashed_by.email if item.trashed_by else None,
        "purged_after": entry.purged_after,
    }
