"""The jobs of a distributed inference, in the order in which they are done: a function of the task alone."""

from collections.abc import Iterator, Mapping

from engine.core.json import JsonValue
from engine.datafree.stages.measuring import samples_at_once
from engine.datafree.teachers.train import TrainedTeacher
from engine.inference.stages.job import Job
from engine.inference.stages.learning import Load, Train
from engine.inference.stages.measuring import Measure, Verify
from engine.inference.stages.running import Book, Fail, Plan, Serve, num_sets
from engine.inference.world import World

STAGE_TITLES: Mapping[str, str] = {
    "plan": "Plan",
    "teacher": "Network",
    "comparison": "Comparison",
    "requests": "Requests",
    "failures": "Failures",
    "costs": "Costs",
}
"""Title of each stage."""


def agenda_of(world: World) -> tuple[Job, ...]:
    """All jobs, kept by the process."""
    if "agenda" not in world.memory:
        world.memory["agenda"] = tuple(_jobs(world))
    jobs: tuple[Job, ...] = world.memory["agenda"]
    return jobs


def stages_of(world: World) -> list[JsonValue]:
    """Name, title and steps of each stage, in the order in which they begin."""
    steps: dict[str, int] = {}
    for job in agenda_of(world):
        steps[job.stage] = steps.get(job.stage, 0) + job.num_steps
    return [{"name": name, "title": STAGE_TITLES[name], "num_steps": count} for name, count in steps.items()]


def _jobs(world: World) -> Iterator[Job]:
    yield Plan("plan", 1)
    if isinstance(world.task.teacher, TrainedTeacher):
        yield Train("teacher", world.num_steps)
    else:
        yield Load("teacher", 1)
    width = samples_at_once(sum(world.profile.macs.values()))
    yield Measure("comparison", -(-world.task.dataset.num_samples("test") // width), width)
    yield Verify("comparison", 1)
    yield Serve("requests", 1)
    if count := num_sets(world):
        yield Fail("failures", count)
    yield Book("costs", 1)
