"""Looking at parts of a task before it runs."""

from typing import Any, Literal
from uuid import UUID

from django.http import HttpResponse
from ninja import Query, Router
from pydantic import BaseModel, Field

from engine.core.errors import Problem, SpecError
from webapp.api.answers import answer
from webapp.api.bodies import envelope
from webapp.api.documents import takes_model
from webapp.api.filters import TeamQuery
from webapp.api.gate import Request, find, team_for
from webapp.api.resources import Json
from webapp.api.routes.datasets import DataSetSamples, answer_preview
from webapp.api.shapes import Exact
from webapp.library.models import Task
from webapp.previews.modeltable import model_table
from webapp.previews.panels import foreign_problem, partition_problems
from webapp.previews.parts import DEFAULT_DEVICES, MOST_DEVICES, Parts, read_parts
from webapp.previews.services import look
from webapp.previews.wanted import class_map_of, samples_of
from webapp.teams.models import Team

router = Router(tags=["previews"])

Part = Literal["samples", "class_map", "model"]


class PreviewQuery(BaseModel):
    """What to look at."""

    part: Part = Field(description="Which part: `samples` and classes, `class_map` (clients by classes), `model`.")
    devices: int = Field(DEFAULT_DEVICES, ge=1, le=MOST_DEVICES, description="Devices over which data are spread.")
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Seed by which data are spread.")


class PreviewBody(Exact):
    """A task, or as much of it as the part needs."""

    part: Part
    """Which part to look at."""
    task: Json
    """The block as it stands in a spec file: `dataset`, `partition`, `model`, `local`."""
    devices: int = Field(default=DEFAULT_DEVICES, ge=1, le=MOST_DEVICES)
    """Devices over which data are spread."""
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    """Seed by which data are spread."""


class PreviewAnswer(DataSetSamples):
    """What there is to see of a part of a task."""

    data: Json | None
    """What the part holds; null while waiting."""


@router.get(
    "/tasks/{uuid:task_id}/preview",
    response={200: PreviewAnswer, 202: PreviewAnswer},
    summary="Look at a task",
    operation_id="get_task_preview",
)
def get_task_preview(request: Request, task_id: UUID, query: Query[PreviewQuery]) -> HttpResponse:
    """Samples and classes, who holds what, or the table of its model; 202: a worker prepares it, ask again."""
    task = find(request, Task.objects.all(), "task", pk=task_id)
    return _preview(task.team, task.body, query.part, query.devices, query.seed)


@router.post(
    "/previews",
    response={200: PreviewAnswer, 202: PreviewAnswer},
    summary="Look at a task that is not saved",
    operation_id="create_preview",
    openapi_extra=takes_model(PreviewBody),
)
def create_preview(request: Request, query: Query[TeamQuery]) -> HttpResponse:
    """Nothing is stored but the preview itself; 202 means that a worker prepares it: send the same again."""
    team = team_for(request, query.team)
    sent = envelope(request, PreviewBody)
    return _preview(team, sent.task, sent.part, sent.devices, sent.seed)


def _preview(team: Team, task: Any, part: Part, devices: int, seed: int) -> HttpResponse:
    parts = read_parts(task)
    needed = {"samples": ("dataset",), "class_map": ("dataset", "partition"), "model": ("dataset", "model")}[part]
    _require(parts, needed)
    foreign = foreign_problem(parts, team)
    if foreign is not None:
        raise SpecError([_placed(foreign)])
    assert parts.dataset is not None
    if part == "samples":
        return answer_preview(look(samples_of(parts.dataset)))
    if part == "model":
        table, problems = model_table(parts)
        if table is None:
            raise SpecError(_placed(one, "model") for one in problems)
        return answer({"state": "done", "data": table.as_json()})
    assert parts.partition is not None
    problems = tuple(partition_problems(parts, devices))
    if problems:
        raise SpecError(map(_placed, problems))
    return answer_preview(look(class_map_of(parts.dataset, parts.partition, devices, seed)))


def _require(parts: Parts, needed: tuple[str, ...]) -> None:
    found = [problem for name in needed for problem in parts.problems.get(name, ())]
    found += [
        Problem(name, "missing", f"the task needs a {name} to look at this")
        for name in needed
        if name not in parts.problems and getattr(parts, name) is None and not (name == "partition" and found)
    ]
    if found:
        raise SpecError(map(_placed, found))


def _placed(problem: Problem, part: str = "") -> Problem:
    """The problem, at its place in the document that was sent."""
    path = ".".join(filter(None, ("task", part, problem.path)))
    return Problem(path, problem.code, problem.message)
