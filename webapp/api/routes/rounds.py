"""Single rounds of runs: who took part, who was away and why, what crossed each connection."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from ninja import Router

from webapp.api.answers import answer
from webapp.api.documents import reference
from webapp.api.gate import Request, find
from webapp.api.problems import not_found
from webapp.experiments import models
from webapp.topologies.rounds import round_of

router = Router(tags=["runs"])


@router.get(
    "/{uuid:run_id}/rounds/{int:number}",
    response=dict[str, Any],
    summary="Read a round of a run",
    operation_id="get_round",
    openapi_extra={"responses": {200: {"content": {"application/json": {"schema": reference("Round")}}}}},
)
def get_round(request: Request, run_id: UUID, number: int) -> HttpResponse:
    """The state of every device in a round that has ended, with the reason of those that were left out, and the bytes
    on every connection; where there are more than 300 devices, by group and gateway or distance. Also while the run
    goes on.
    """
    run = find(request, models.Run.objects.select_related("cell"), "run", pk=run_id)
    found = round_of(run, number)
    if found is None:
        raise not_found(f"round {number} of this run; {run.progress_done} have ended")
    return answer(found)
