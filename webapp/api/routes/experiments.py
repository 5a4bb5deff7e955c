"""Experiments: submitted as text, launched, read, deleted."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from ninja import Query, Router
from pydantic import Field

from webapp.api import filters
from webapp.api.answers import answer, nothing
from webapp.api.bodies import document
from webapp.api.documents import IDEMPOTENCY_KEY, merged, reference, takes
from webapp.api.filters import ExperimentQuery, FieldsQuery, TeamQuery
from webapp.api.gate import Request, find, team_for
from webapp.api.idempotency import idempotent
from webapp.api.pages import page
from webapp.api.resources import EXPERIMENT, Experiment
from webapp.api.shapes import Listing
from webapp.experiments import models, services

router = Router(tags=["experiments"])

EXAMPLE = """\
version: 1
name: FedAvg against FedMAX on digits
seeds: [0, 1, 2]
fleet: {groups: [{name: boards, device: rpi_4b_4gb, count: 10}]}
task:
  kind: federated
  dataset: {kind: digits}
  partition: {kind: shards, classes_per_client: 2}
  model: {kind: mlp}
  sampler: {kind: uniform, num_clients: 5}
  rounds: 20
sweep:
  task.strategy: [{kind: fedavg}, {kind: fedmax}]
"""


class CreateQuery(TeamQuery):
    """Parameters of a submission."""

    launch: bool = Field(False, description="Launch at once.")
    parent: UUID | None = Field(None, description="The experiment that this one is a variation of.")


@router.get("", response=Listing[Experiment], summary="List experiments", operation_id="list_experiments")
def list_experiments(request: Request, query: Query[ExperimentQuery]) -> HttpResponse:
    """Newest first; `runs` counts the runs of each experiment by state."""
    found = filters.experiments(request.auth.visible(models.Experiment.objects.all()), query)
    return page(request, found, query, EXPERIMENT)


@router.post(
    "",
    response={201: Experiment},
    summary="Create an experiment",
    operation_id="create_experiment",
    openapi_extra=merged(takes(reference("ExperimentBody"), sweep=EXAMPLE), headers=(IDEMPOTENCY_KEY,)),
)
@idempotent()
def create_experiment(request: Request, query: Query[CreateQuery]) -> HttpResponse:
    """The body is a spec file. Saved parts are taken over by value, the sweep is expanded into cells, and every cell is
    checked with its fleet, network and data; if anything is wrong, all problems are listed and nothing is stored.
    """
    team = team_for(request, query.team)
    parent = None if query.parent is None else _find(request, query.parent)
    text = document(request)
    experiment = services.submit(team, request.auth.user, text, launch=query.launch, parent=parent)
    headers = {"Location": f"{request.path}/{experiment.pk}"}
    return answer(EXPERIMENT.of(experiment), status=201, headers=headers)


@router.get("/{uuid:experiment_id}", response=Experiment, summary="Get an experiment", operation_id="get_experiment")
def get_experiment(request: Request, experiment_id: UUID, query: Query[FieldsQuery]) -> HttpResponse:
    """With its canonical text, its cells and their runs."""
    return answer(EXPERIMENT.of(_find(request, experiment_id), query.fields))


@router.delete(
    "/{uuid:experiment_id}", response={204: None}, summary="Delete an experiment", operation_id="delete_experiment"
)
def delete_experiment(request: Request, experiment_id: UUID) -> HttpResponse:
    """With its runs, their events and their artifacts."""
    services.delete(_find(request, experiment_id), request.auth.user)
    return nothing()


@router.post(
    "/{uuid:experiment_id}/launch",
    response=Experiment,
    summary="Launch an experiment",
    operation_id="launch_experiment",
)
def launch_experiment(request: Request, experiment_id: UUID) -> HttpResponse:
    """Its runs are queued. Launching what was launched before changes nothing."""
    experiment = _find(request, experiment_id)
    services.launch(experiment, request.auth.user)
    return answer(EXPERIMENT.of(experiment))


@router.get(
    "/{uuid:experiment_id}/result",
    response=dict[str, Any],
    summary="Get the result of an experiment",
    operation_id="get_result",
    openapi_extra={"responses": {200: {"content": {"application/json": {"schema": reference("Result")}}}}},
)
def get_result(request: Request, experiment_id: UUID) -> HttpResponse:
    """Metrics over the seeds with mean, standard deviation and 95 % confidence interval, and the cost; per cell if
    there are several. Runs that have not ended are left out, and `state` says so.
    """
    return answer(services.result_of(_find(request, experiment_id)))


def _find(request: Request, experiment_id: UUID) -> models.Experiment:
    return find(request, models.Experiment.objects.all(), "experiment", pk=experiment_id)
