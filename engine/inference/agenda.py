"""The jobs of a distributed inference, in the order in which they are done: a function of the task alone."""

from collections.abc import Iterator, Mapping

from engine.datafree.teachers.train import TrainedTeacher
from engine.inference.nonn.rivals import Rival, graph_of, rival_network, rivals_of
from engine.inference.splitters.early_exit import EarlyExitSplitter
from engine.inference.splitters.ensemble import EnsembleSplitter
from engine.inference.stages.learning import Load, Train
from engine.inference.stages.leaving import MeasureExits, TeachExtended
from engine.inference.stages.measuring import Compare, Measure, MeasureCarried, Verify
from engine.inference.stages.rivals import DivideRival, MeasureRival, TeachRival
from engine.inference.stages.running import Book, Fail, Plan, Serve, num_sets
from engine.inference.stages.teaching import Divide, Reading, Show, Teach
from engine.inference.stages.training import WHOLE
from engine.inference.world import STUDENTS, TEACHER, World
from engine.models.graph import Graph
from engine.models.profile import profile
from engine.task.jobs import Agenda, Job, kept
from engine.task.pace import samples_at_once

STAGE_TITLES: Mapping[str, str] = {
    "plan": "Plan",
    "teacher": "Network",
    "exits": "Exits",
    "bottleneck": "Bottleneck",
    "students": "Students",
    "rivals": "Baselines",
    "comparison": "Comparison",
    "requests": "Requests",
    "failures": "Failures",
    "costs": "Costs",
}
"""Title of each stage."""


def agenda_of(world: World) -> Agenda[World]:
    """All jobs, kept by the process."""
    return kept(world, world.memory, _jobs, STAGE_TITLES)


def _jobs(world: World) -> Iterator[Job[World]]:
    splitter = world.task.splitter
    teaches = splitter.needs_training and not splitter.extends_network
    if not teaches:  # that of a network with exits is made again when it is known where requests leave
        yield Plan("plan", 1)
    if isinstance(world.task.teacher, TrainedTeacher):
        yield Train("teacher", world.num_steps)
    else:
        yield Load("teacher", 1)
    yield _measure(world, "teacher", TEACHER)
    if splitter.extends_network:
        yield from _extended(world)
    if teaches:
        yield from _students(world)
    if world.task.splitter.message_bits < 32 and world.answering == TEACHER:
        yield MeasureCarried("comparison", *_looks(world, world.graph))
    yield Compare("comparison", 1)
    yield Verify("comparison", 1)
    yield Serve("requests", 1)
    if count := num_sets(world):
        yield Fail("failures", count)
    yield Book("costs", 1)


def _extended(world: World) -> Iterator[Job[World]]:
    """Training with the layers that were added, and measuring; with exits a new plan by what was measured."""
    looks, steps = _looks(world, world.expected_network), world.task.training.steps
    if isinstance(world.task.splitter, EarlyExitSplitter):
        yield TeachExtended("exits", steps)
        yield MeasureExits("exits", *looks)
        yield Plan("plan", 1)
    else:
        yield TeachExtended("bottleneck", steps)
        yield MeasureCarried("bottleneck", *looks)


def _students(world: World) -> Iterator[Job[World]]:
    """What students learn from, who learns what, their training, and the plan, which follows from their sizes."""
    splitter, steps = world.task.splitter, world.task.training.steps
    yield Show("students", len(Reading.of(world).parts))
    if isinstance(splitter, EnsembleSplitter):
        for member in range(splitter.num_members):
            yield Teach("students", steps, member)
    else:
        yield Divide("students", 1)
        yield Teach("students", steps, WHOLE)
    yield Plan("plan", 1)
    yield _measure(world, "students", STUDENTS)
    for rival in rivals_of(world):
        yield from _rival(world, rival)


def _rival(world: World, rival: Rival) -> Iterator[Job[World]]:
    steps = world.task.training.steps
    if rival.is_divided:
        yield DivideRival("rivals", 1, rival)
    for member in range(rival.splitter.num_students) if rival.kind == "ensemble" else (WHOLE,):
        yield TeachRival("rivals", steps, member, rival)
    yield MeasureRival("rivals", *_looks(world, graph_of(rival_network(world, rival, ()))), rival)


def _measure(world: World, stage: str, piece: int) -> Measure:
    return Measure(stage, *_looks(world, world.graph if piece == TEACHER else world.expected_network), piece)


def _looks(world: World, graph: Graph) -> tuple[int, int]:
    """Steps in which a network looks at all test samples, and samples of a step."""
    width = samples_at_once(sum(profile(graph).macs.values()))
    return -(-world.task.dataset.num_samples("test") // width), width
