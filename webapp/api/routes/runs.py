"""Runs: read, steered, and followed event by event."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from ninja import Query, Router
from pydantic import BaseModel, Field

from webapp.api import filters
from webapp.api.answers import answer
from webapp.api.documents import reference
from webapp.api.filters import FieldsQuery, RunQuery
from webapp.api.gate import Request, find
from webapp.api.pages import PageQuery, page
from webapp.api.resources import ARTIFACT, RUN, Artifact, EventPage, Run
from webapp.api.shapes import Listing
from webapp.experiments import models, services

router = Router(tags=["runs"])


class EventQuery(BaseModel):
    """Which part of a run's log."""

    after: int = Field(0, ge=0, le=2**31 - 1, description="Only events after the one with this number.")
    limit: int = Field(500, ge=1, le=5000, description="Most events of the answer.")


class SeriesQuery(BaseModel):
    """Which curves of a run, and how fine."""

    names: str | None = Field(None, description="Names of metrics, separated by commas; all without.")
    points: int = Field(
        0, ge=0, le=100_000, description="Largest number of points of a curve; more are thinned. 0 for every point."
    )


@router.get("", response=Listing[Run], summary="List runs", operation_id="list_runs")
def list_runs(request: Request, query: Query[RunQuery]) -> HttpResponse:
    """Newest first."""
    return page(request, filters.runs(request.auth.visible(models.Run.objects.all()), query), query, RUN)


@router.get("/{uuid:run_id}", response=Run, summary="Get a run", operation_id="get_run")
def get_run(request: Request, run_id: UUID, query: Query[FieldsQuery]) -> HttpResponse:
    """With its result or failure, and every change of its state."""
    return answer(RUN.of(_find(request, run_id), query.fields))


def _add_steering(verb: str, service: Callable[..., object], text: str) -> None:
    def steer(request: Request, run_id: UUID) -> HttpResponse:
        run = _find(request, run_id)
        service(run, request.auth.user)
        return answer(RUN.of(run))

    router.post(
        f"/{{uuid:run_id}}/{verb}",
        response=Run,
        summary=f"{verb.capitalize()} a run",
        description=text,
        operation_id=f"{verb}_run",
        url_name=f"{verb}_run",
    )(steer)


_add_steering(
    "cancel", services.cancel, "A running one stops at the next block border, within seconds; it can be resumed."
)
_add_steering("pause", services.pause, "It stops at the next block border and keeps its checkpoint.")
_add_steering("resume", services.resume, "A paused, cancelled or failed run goes on from its checkpoint.")


@router.get("/{uuid:run_id}/events", response=EventPage, summary="Read a run's events", operation_id="list_events")
def list_events(request: Request, run_id: UUID, query: Query[EventQuery]) -> HttpResponse:
    """The log in order, without gaps. To follow a run, ask again with `after` set to the last `seq` that you have;
    where sockets get through, `/ws/runs/{id}/` sends the same events as they happen.
    """
    run = _find(request, run_id)
    items = services.events_after(run, query.after, query.limit)
    return answer({"items": items, "last_seq": run.last_seq, "state": run.state})


@router.get(
    "/{uuid:run_id}/series",
    response=dict[str, Any],
    summary="Read a run's curves",
    operation_id="get_series",
    openapi_extra={"responses": {200: {"content": {"application/json": {"schema": reference("Series")}}}}},
)
def get_series(request: Request, run_id: UUID, query: Query[SeriesQuery]) -> HttpResponse:
    """Every point, or with `points` an envelope that holds the smallest and the largest value of each stretch, so that
    no extreme is lost.
    """
    run = _find(request, run_id)
    names = () if query.names is None else [name.strip() for name in query.names.split(",")]
    return answer(services.series(run, names, query.points))


@router.get(
    "/{uuid:run_id}/artifacts",
    response=Listing[Artifact],
    summary="List a run's artifacts",
    operation_id="list_run_artifacts",
)
def list_run_artifacts(request: Request, run_id: UUID, query: Query[PageQuery]) -> HttpResponse:
    """The files that it made; their bytes are at `/artifacts/{sha256}`."""
    run = _find(request, run_id)
    return page(request, request.auth.visible(models.Artifact.objects.filter(run=run)), query, ARTIFACT)


def _find(request: Request, run_id: UUID) -> models.Run:
    return find(request, models.Run.objects.all(), "run", pk=run_id)
