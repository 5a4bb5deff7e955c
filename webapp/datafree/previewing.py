"""The panels beside a data-free task that is being designed: its models, where they fit, its samples."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from engine.core.errors import EngineError, Problem
from engine.core.registry import kind_of
from engine.core.sample import SampleSpec
from engine.datafree.facts import told_of
from engine.datafree.metadata import Subject
from engine.datafree.metadata_kinds.none import NoMetadata
from engine.datafree.teacher import Teacher
from engine.datafree.teachers.train import TrainedTeacher
from engine.fleet.fleet import Fleet
from engine.models.graph import Graph
from engine.models.model import Model
from engine.task.artifacts import ArtifactFolder
from webapp.datafree.fitting import ModelFit, model_fit
from webapp.previews.panels import own_parts
from webapp.previews.services import look
from webapp.previews.wanted import samples_of
from webapp.teams.models import Team
from webapp.trained.usage import foreign_part, model_of

TEMPLATE = "datafree/_panels.html"


def panels(team: Team, task: Mapping[str, Any], fleet: Fleet | None = None) -> dict[str, Any]:
    """What there is to see of a task's block, which may be unfinished.

    Args:
        team: whose uploads and models it may show.
        task: the block.
        fleet: the devices, where they are known.
    """
    parts, dataset, problems = own_parts(team, task, ("dataset", "teacher", "student", "metadata"))
    context: dict[str, Any] = {"panels_template": TEMPLATE, "problems": problems, "parts": {"dataset": dataset}}
    if dataset is None:
        return context
    sample, graph = dataset.sample(), None
    if "teacher" in parts:
        graph, wrong = teacher_graph(team, parts["teacher"], sample)
        problems += wrong
    found, wrong = _models(team, parts, graph, sample, fleet)
    problems += wrong
    if graph is not None and "metadata" in parts:
        context["given"], wrong = _handed_out(team, parts, graph, dataset.num_samples("train"))
        problems += wrong
    return {**context, "models": found, "has_fleet": fleet is not None, "samples": look(samples_of(dataset))}


def _models(
    team: Team, parts: Mapping[str, Any], teacher: Graph | None, sample: SampleSpec, fleet: Fleet | None
) -> tuple[list[ModelFit], list[Problem]]:
    """Teacher and student as far as they are right, and what is wrong with the student."""
    found: list[ModelFit] = []
    problems: list[Problem] = []
    if teacher is not None:
        named = _architecture(team, parts["teacher"] or TrainedTeacher())
        found.append(model_fit("Teacher", named, teacher, fleet))
    student: Model | None = parts.get("student")
    if student is not None:
        wrong = _below("student", student.check(sample))
        if not wrong:
            found.append(model_fit("Student", kind_of(type(student)), student.declare(sample), fleet))
        problems += wrong
    return found, problems


def _handed_out(
    team: Team, parts: Mapping[str, Any], graph: Graph, num_samples: int
) -> tuple[Mapping[str, Any] | None, list[Problem]]:
    """What is known of the metadata before the run, and what is wrong with it; its numbers follow from the teacher's
    declaration, so they are there even if the private data does not suffice.
    """
    chosen, artifacts = parts["metadata"] or NoMetadata(), ArtifactFolder(settings.ARTIFACTS_FOLDER)
    if wrong := foreign_part("metadata", chosen, team):
        return None, wrong
    weights = (parts["teacher"] or TrainedTeacher()).path_in(artifacts)
    problems = _below("metadata", chosen.problems(Subject(graph, num_samples, weights, artifacts)))
    try:
        return told_of(chosen, chosen.method(artifacts), graph), problems
    except (EngineError, OSError):  # the problems tell of it, at the field that names the file
        return None, problems


def teacher_graph(team: Team, teacher: Teacher | None, sample: SampleSpec) -> tuple[Graph | None, list[Problem]]:
    """The network of a teacher, or what is wrong with it.

    Args:
        team: whose models it may be.
        teacher: None for the default.
        sample: what it classifies.
    """
    chosen, artifacts = teacher or TrainedTeacher(), ArtifactFolder(settings.ARTIFACTS_FOLDER)
    if wrong := foreign_part("teacher", chosen, team) or _below("teacher", chosen.check(sample, artifacts)):
        return None, wrong
    try:
        return chosen.graph(sample, artifacts), []
    except EngineError as error:
        return None, [Problem("teacher", error.code, str(error))]


def _architecture(team: Team, teacher: Teacher) -> str:
    if isinstance(teacher, TrainedTeacher):
        return kind_of(type(teacher.model))
    rows = [model_of(team, sha256) for sha256 in teacher.uploads()]
    return next((row.architecture for row in rows if row is not None), "")


def _below(part: str, problems: list[Problem]) -> list[Problem]:
    return [Problem(f"{part}.{one.path}".rstrip("."), one.code, one.message) for one in problems]
