"""The schema of specs, and estimates of what one would cost."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from webapp.api.answers import answer
from webapp.api.bodies import document
from webapp.api.documents import reference, takes
from webapp.api.filters import TeamQuery
from webapp.api.gate import Request, team_for
from webapp.api.routes.experiments import EXAMPLE
from webapp.api.specschema import experiment_schema
from webapp.experiments import services

router = Router()


@router.get(
    "/schema", response=dict[str, Any], summary="Get the schema of specs", operation_id="get_schema", tags=["specs"]
)
def get_schema(request: HttpRequest) -> HttpResponse:
    """JSON schema (2020-12) of the document that `POST /experiments` and `./edgeloom run` take; editors complete and
    check spec files with it.
    """
    return answer(experiment_schema())


@router.post(
    "/estimates",
    response=dict[str, Any],
    summary="Estimate a spec",
    operation_id="create_estimate",
    tags=["specs"],
    openapi_extra={
        **takes(reference("ExperimentBody"), sweep=EXAMPLE),
        "responses": {200: {"content": {"application/json": {"schema": reference("Estimate")}}}},
    },
)
def create_estimate(request: Request, query: Query[TeamQuery]) -> HttpResponse:
    """What the spec would cost in simulated seconds, joules and bytes, without running or storing anything."""
    team = team_for(request, query.team)
    return answer(services.estimate(document(request), team=team))
