"""Plans of distributed inference before anything is trained."""

from typing import Annotated, Any

from django.http import HttpResponse
from ninja import Query, Router
from pydantic import Field

from engine.core.errors import EngineError, Problem, SpecError
from engine.inference.placers.given import PieceName
from engine.specs.plan_sweep import PlanSweep
from webapp.api.answers import answer
from webapp.api.bodies import envelope
from webapp.api.documents import reference, takes_model
from webapp.api.filters import TeamQuery
from webapp.api.gate import Request, team_for
from webapp.api.resources import Json
from webapp.api.shapes import Exact
from webapp.inference.planner import design_of, plans_of, told

router = Router(tags=["specs"])


class PlanBody(Exact):
    """A design, and what is to be done with its plan."""

    spec: Json
    """A spec of kind `inference`, as in `POST /experiments`; its sweep is left out."""
    assignment: dict[PieceName, Annotated[int, Field(ge=0)]] | None = None
    """Number of the device of each piece, for a plan by hand; pieces that are not named stay where the placer has
    them."""
    sweep: PlanSweep | None = None
    """Where plans are compared as well: lists of factors on `bandwidth` or `rtt`, numbers of `devices`; one or two of
    them, at most nine values each."""


@router.post(
    "/plans",
    response=dict[str, Any],
    summary="Plan a distributed inference",
    operation_id="create_plans",
    openapi_extra={
        **takes_model(PlanBody),
        "responses": {200: {"content": {"application/json": {"schema": reference("Plans")}}}},
    },
)
def create_plans(request: Request, query: Query[TeamQuery]) -> HttpResponse:
    """Which device computes which piece, before anything is trained, and what that comes to: the placer's plan, all on
    the best device, all in the cloud; with `assignment` a plan by hand and the rules that it breaks; with
    `sweep` the best of them elsewhere. Nothing is stored.
    """
    team = team_for(request, query.team)
    sent = envelope(request, PlanBody)
    try:
        spec = design_of(team, sent.spec)
        return answer(plans_of(spec, sent.assignment, sent.sweep))
    except EngineError as error:
        raise SpecError(map(_placed, told(error))) from error


def _placed(problem: Problem) -> Problem:
    """The problem, at its place in the body."""
    if problem.path.partition(".")[0] in PlanBody.model_fields:
        return problem
    return Problem(f"spec.{problem.path}".rstrip("."), problem.code, problem.message)
