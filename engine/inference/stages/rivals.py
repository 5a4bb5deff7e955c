"""What stands beside the students: who learns what, training on the same budget, and how often it is right."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from typing_extensions import override

from engine.core.json import JsonValue
from engine.inference.cuts.pieces import Pieces
from engine.inference.nonn.rivals import Rival, graph_of, rival_network, rival_placements
from engine.inference.nonn.students import StudentNetwork
from engine.inference.nonn.survival import shares_of
from engine.inference.stages.teaching import divided, taught
from engine.inference.stages.training import WHOLE, StudentTraining
from engine.inference.world import RIVALS, World
from engine.models.graph import Graph
from engine.task import layout
from engine.task.contract import State
from engine.task.jobs import Job, Turn, measured
from engine.task.survey import Seen, Survey

if TYPE_CHECKING:
    from torch import Tensor

    from engine.training.supervised import Lesson


def groups_of(state: State, rival: Rival) -> list[list[int]]:
    """The filters of each of its students; none where it has no such students."""
    known: Any = state.values["rivals"]
    found: list[list[int]] = known.get(rival.name, {}).get("groups", [])
    return found


def network_in(world: World, state: State, rival: Rival) -> StudentNetwork | Graph:
    """A rival's network, once its filters are divided."""
    return rival_network(world, rival, tuple(map(len, groups_of(state, rival))))


def _noted(state: State, rival: Rival, **values: JsonValue) -> State:
    known: Any = state.values["rivals"]
    return state.replace(values={"rivals": {**known, rival.name: {**known.get(rival.name, {}), **values}}})


@dataclass(frozen=True)
class DivideRival(Job[World]):
    """Divides the teacher's filters in another way.

    Attributes:
        rival: whose students learn them.
    """

    rival: Rival

    @override
    def advance(self, world: World, state: State, steps: range) -> Turn:
        _, groups = divided(world, state, self.rival.splitter)
        return _noted(state, self.rival, groups=[list(group) for group in groups.groups]), []


@dataclass(frozen=True)
class TeachRival(StudentTraining):
    """Trains a rival, or one member of the ensemble.

    Attributes:
        rival: what is trained.
    """

    rival: Rival

    @property
    @override
    def told_as(self) -> str:
        return self.rival.name

    @property
    @override
    def piece(self) -> int:
        return RIVALS + self.rival.number

    @override
    def expected(self, world: World) -> Graph:
        return self._member(world) or graph_of(rival_network(world, self.rival, ()))

    @override
    def network(self, world: World, state: State) -> Graph:
        return self._member(world) or graph_of(network_in(world, state, self.rival))

    def _member(self, world: World) -> Graph | None:
        if self.member == WHOLE:
            return None
        return self.rival.members.member(world.task.dataset.sample(), self.member)

    @override
    def ensemble(self, world: World, state: State) -> StudentNetwork:
        network = network_in(world, state, self.rival)
        assert isinstance(network, StudentNetwork), "an ensemble has members"
        return network

    @override
    def lesson(self, world: World, state: State) -> "Lesson":
        from engine.inference.nonn.lessons import lesson

        order = [number for group in groups_of(state, self.rival) for number in group]
        network = network_in(world, state, self.rival) if self.rival.is_divided else None
        slices = network.slices if isinstance(network, StudentNetwork) else ()
        samples = taught(world, state)
        return lesson(samples, world.task.training, self.num_steps, order, (self.rival.transfer, slices))


def _carried(world: World, state: State, rival: Rival) -> Pieces | None:
    """The pieces of a rival's students with messages as they arrive where it is placed; all rounded where it fits
    nowhere, None where it has no students.
    """
    network = network_in(world, state, rival)
    if not isinstance(network, StudentNetwork):
        return None
    if rival.splitter.message_bits == 32:
        return network.pieces()
    planning = world.planning_in(state)
    _, _, pieces, placement = next(rival_placements(world, rival, network, planning))
    return pieces if placement is None else planning.problem_of(pieces).carried(placement.at)


@dataclass(frozen=True)
class MeasureRival(Survey[World]):
    """Counts the right answers of a rival on the test samples.

    Attributes:
        rival: what is measured.
    """

    rival: Rival

    @override
    def look(self, world: World, state: State, rows: slice) -> Seen:
        from engine.models.build import build
        from engine.training.arrays import as_tensor, as_tensors, load

        if world.memory.get("rival") is None or world.memory["rival"][0] != self.rival.name:
            module = build(graph_of(network_in(world, state, self.rival)))
            load(module, as_tensors(state.clients[RIVALS + self.rival.number]))
            pieces = _carried(world, state, self.rival)
            world.memory["rival"] = self.rival.name, module.eval().requires_grad_(False), pieces
        return {"right": self._right(world, state, as_tensor(world.test.x[rows]), world.test.y[rows])}

    @override
    def conclude(self, world: World, state: State, seen: Seen, step: int) -> Turn:
        accuracy, *lost = (float(each) / len(world.test) for each in seen["right"])
        values = {f"{self.rival.name}_accuracy": accuracy}
        if len(lost) > 1:
            values[f"{self.rival.name}_accuracy_one_lost"] = float(np.mean(lost))
        state = _noted(state, self.rival, accuracy=accuracy)
        state = state.replace(values={"metrics": {**layout.value(state, "metrics"), **values}})
        return state, [measured(state, self.stage, step, values)]

    def _right(self, world: World, state: State, x: "Tensor", y: np.ndarray) -> np.ndarray:
        """Right answers of the whole network, and without each one of its students, if it has some."""
        import torch

        from engine.inference.cuts.execution import joined

        _, module, pieces = world.memory["rival"]
        network = network_in(world, state, self.rival)
        if not isinstance(network, StudentNetwork):
            with torch.no_grad():
                return np.array([int((module(x).argmax(dim=1).numpy() == y).sum())])
        logits, features = joined(module, pieces, x)
        shares = shares_of(features.numpy(), state.clients[RIVALS + self.rival.number], network.slices)
        answers = [logits.numpy(), *(shares.without([number]) for number in range(len(network.slices)))]
        return np.array([int((answer.argmax(axis=1) == y).sum()) for answer in answers])
