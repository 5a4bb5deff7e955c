"""What a finished run would have cost on another fleet or network, and how it used its own links."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from ninja import Router

from engine.specs.recosting import checked
from engine.specs.text import load
from webapp.api.answers import answer
from webapp.api.bodies import document
from webapp.api.documents import reference, takes
from webapp.api.gate import Request, find
from webapp.experiments import models
from webapp.recosting import services
from webapp.recosting.worlds import world_of
from webapp.texts import byte_limit

router = Router(tags=["runs"])

EXAMPLE = """\
bandwidth: 0.5
latency: 2
speed: {boards: 1.5}
links: {boards: ble5_1m}
"""


@router.post(
    "/{uuid:run_id}/recost",
    response=dict[str, Any],
    summary="Cost a run elsewhere",
    operation_id="recost_run",
    openapi_extra={
        **takes(reference("RecostBody"), slower=EXAMPLE),
        "responses": {200: {"content": {"application/json": {"schema": reference("Recost")}}}},
    },
)
def recost_run(request: Request, run_id: UUID) -> HttpResponse:
    """What the same computations and messages would have cost on another fleet or network, or with links and devices
    changed by factors; nothing is run or stored. Refused where learning depended on simulated time, and where the other
    fleet has more or fewer devices.
    """
    run = find(request, models.Run.objects.select_related("cell"), "run", pk=run_id)
    body = document(request)
    change = checked(load(body, max_bytes=byte_limit(body)))
    return answer(services.recost(run, change))


@router.get(
    "/{uuid:run_id}/use",
    response=dict[str, Any],
    summary="Read how a run used its links",
    operation_id="get_use",
    openapi_extra={"responses": {200: {"content": {"application/json": {"schema": reference("UseSheet")}}}}},
)
def get_use(request: Request, run_id: UUID) -> HttpResponse:
    """Bytes and time on air of each link over all rounds, and by round its bytes and the busy share of its busiest
    channel; of a run that is done. Of many rounds, stretches: mean bytes of a round, greatest share.
    """
    run = find(request, models.Run.objects.select_related("cell"), "run", pk=run_id)
    return answer(services.use_of(world_of(run)))
