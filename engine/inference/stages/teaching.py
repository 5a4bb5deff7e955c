"""How students come to their weights: the teacher's outputs once, who learns what, and training against them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from typing_extensions import override

from engine.inference.nonn.remembered import WORTH_MACS, Outputs, digest_of, remembered, tidy
from engine.inference.nonn.students import StudentNetwork
from engine.inference.plans.planning import CHOSEN
from engine.inference.splitters.ensemble import EnsembleSplitter
from engine.inference.splitters.nonn import NonnSplitter
from engine.inference.stages.training import WHOLE, StudentTraining
from engine.inference.world import OUTPUTS, STUDENTS, TEACHER, World
from engine.models.graph import Graph
from engine.task.contract import State
from engine.task.jobs import Job, Turn, told

if TYPE_CHECKING:
    from engine.inference.nonn.filters import FilterNetwork
    from engine.inference.nonn.lessons import TaughtSamples
    from engine.inference.partition import FilterGroups
    from engine.training.supervised import Lesson

AT_ONCE = 500
"""Samples of one step of the teacher's; what it makes of so many is one piece of the state."""


@dataclass(frozen=True)
class Reading:
    """Which samples are for what, and where the teacher's outputs for them stand.

    Attributes:
        learned: rows that students learn from.
        linked: rows that links between filters are drawn from; none for an ensemble.
        views: times that the learned rows are augmented.
    """

    learned: np.ndarray
    linked: np.ndarray
    views: int

    @classmethod
    def of(cls, world: World) -> "Reading":
        """The reading of a task's training samples."""
        count = world.task.dataset.num_samples("train")
        match world.task.splitter:
            case NonnSplitter(filters=filters, views=views):
                learned, linked = filters.rows(count, world.context.seed)
                return cls(learned, linked, views if world.task.training.augment else 1)
            case _:
                return cls(np.arange(count), np.arange(0), 1)

    @property
    def parts(self) -> list[tuple[int, int, int]]:
        """Of each step the view, -1 for the rows of links, and the first and last place of its rows."""
        sizes = [(-1, len(self.linked)), *((view, len(self.learned)) for view in range(self.views))]
        return [
            (view, first, min(count, first + AT_ONCE)) for view, count in sizes for first in range(0, count, AT_ONCE)
        ]

    def samples(self, world: World) -> "TaughtSamples":
        """The samples that students learn from, without the teacher's outputs."""
        from engine.inference.nonn.lessons import TaughtSamples

        augment = world.task.training.augment if self.views > 1 or isinstance(world.task.splitter, NonnSplitter) else ()
        train, seed = world.train, world.context.seed
        return TaughtSamples(train.x[self.learned], train.y[self.learned], augment, seed)


def taught(world: World, state: State) -> "TaughtSamples":
    """The samples with the teacher's outputs, kept by the process."""
    if "taught" not in world.memory:
        from engine.inference.nonn.lessons import TeacherOutputs

        reading = Reading.of(world)
        samples = reading.samples(world)
        for view in range(reading.views):
            made = _outputs(state, reading, view)
            samples.outputs.append(TeacherOutputs(made["filters"], made["logits"]))
        world.memory["taught"] = samples
    found: TaughtSamples = world.memory["taught"]
    return found


def _outputs(state: State, reading: Reading, view: int) -> dict[str, np.ndarray]:
    mine = [OUTPUTS + number for number, part in enumerate(reading.parts) if part[0] == view]
    return {name: np.concatenate([state.clients[piece][name] for piece in mine]) for name in ("filters", "logits")}


@dataclass(frozen=True)
class Show(Job[World]):
    """Shows the teacher all samples, each view of them once."""

    @override
    def chunk(self, world: World) -> int:
        return 1

    @override
    def advance(self, world: World, state: State, steps: range) -> Turn:
        reading = Reading.of(world)
        if "shown" not in world.memory:
            world.memory["shown"] = reading.samples(world)
            world.memory["teacher"] = digest_of(state.clients[TEACHER])
        view, first, last = reading.parts[steps.start]
        x = (world.train.x[reading.linked] if view < 0 else world.memory["shown"].view(view))[first:last]

        def ask() -> Outputs:
            from engine.inference.nonn.lessons import teacher_outputs

            made = teacher_outputs(world.module(state, TEACHER), x)
            return {"filters": made.filters, "logits": made.logits}

        if world.profile.total_macs < WORTH_MACS:
            return state.replace(clients={OUTPUTS + steps.start: ask()}), []
        if steps.stop == self.num_steps:
            tidy()
        found = remembered(world.memory["teacher"], x, ask)
        return state.replace(clients={OUTPUTS + steps.start: found}), []


@dataclass(frozen=True)
class Divide(Job[World]):
    """Divides the teacher's filters over the students."""

    @override
    def advance(self, world: World, state: State, steps: range) -> Turn:
        from engine.inference.nonn.filter_page import filter_page

        assert isinstance(world.task.splitter, NonnSplitter), "only its filters are divided"
        network, groups = divided(world, state, world.task.splitter)
        told_of = filter_page(network, groups)
        values: dict[str, Any] = {"groups": [list(group) for group in groups.groups], "filters": told_of}
        return state.replace(values=values), [told(state, "filters", self.stage, **told_of)]


def divided(world: World, state: State, splitter: NonnSplitter) -> tuple["FilterNetwork", "FilterGroups"]:
    """The network of the teacher's filters, and the filters of each student of a splitter."""
    from engine.inference.nonn.filters import filter_network

    reading = Reading.of(world)
    made, labels = _outputs(state, reading, -1), world.train.y[reading.linked]
    network = filter_network(made["filters"], labels, world.task.dataset.sample().num_classes, splitter.filters)
    return network, splitter.divide(network, world.context.seed, _rooms(world, splitter))


def _rooms(world: World, splitter: NonnSplitter) -> Sequence[Any]:
    """What the devices take on which students are expected to be."""
    from engine.inference.nonn.sizes import rooms_of
    from engine.inference.nonn.students import num_filters

    planning = world.planning
    prices, devices = planning.problem.prices, []
    for piece, node in enumerate(planning.placements[CHOSEN].at[: splitter.num_students]):
        macs = sum(planning.pieces.pieces[piece].work.macs.values())
        devices.append((float(prices.memory_bytes[node]), macs / float(prices.compute_s[piece, node])))
    sample = world.task.dataset.sample()
    return rooms_of(sample, splitter.backbones(sample), devices, num_filters(world.graph))


@dataclass(frozen=True)
class Teach(StudentTraining):
    """Trains the students of the task."""

    @property
    @override
    def piece(self) -> int:
        return STUDENTS

    @override
    def expected(self, world: World) -> Graph:
        if self.member == WHOLE:
            return world.students(()).graph
        assert isinstance(world.task.splitter, EnsembleSplitter), "only these have members"
        return world.task.splitter.member(world.task.dataset.sample(), self.member)

    @override
    def network(self, world: World, state: State) -> Graph:
        return world.network(state) if self.member == WHOLE else self.expected(world)

    @override
    def ensemble(self, world: World, state: State) -> StudentNetwork:
        return world.students(())

    @override
    def lesson(self, world: World, state: State) -> "Lesson":
        from engine.inference.nonn.lessons import lesson

        groups: Any = state.values["groups"]
        order = [number for group in groups for number in group]
        splitter = world.task.splitter
        assert isinstance(splitter, NonnSplitter | EnsembleSplitter), "only these have students"
        slices = world.students(tuple(map(len, groups))).slices if self.member == WHOLE else ()
        samples = taught(world, state)
        return lesson(samples, world.task.training, self.num_steps, order, (splitter.transfer, slices))
