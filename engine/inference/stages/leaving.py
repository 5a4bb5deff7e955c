"""Networks with further layers: their training together with these, and which samples leave at which exit."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from typing_extensions import override

from engine.core.errors import EngineError
from engine.core.json import JsonValue
from engine.core.streams import seed_of
from engine.inference.cuts.exits import Outcomes, confidence
from engine.inference.splitters.bottleneck import BottleneckSplitter
from engine.inference.splitters.early_exit import EarlyExitSplitter
from engine.inference.stages.training import Training
from engine.inference.world import STUDENTS, TEACHER, World
from engine.models.graph import Graph
from engine.models.weights import initial
from engine.task import layout
from engine.task.contract import State, Tensors
from engine.task.jobs import Turn, measured, told
from engine.task.survey import Seen, Survey, appended

if TYPE_CHECKING:
    from engine.training.supervised import Lesson, Loss


def exits_of(world: World) -> EarlyExitSplitter:
    """The splitter of a task whose network has early exits."""
    splitter = world.task.splitter
    assert isinstance(splitter, EarlyExitSplitter), "only its network has exits"
    return splitter


@dataclass(frozen=True)
class TeachExtended(Training):
    """Trains the network with its further layers, from the weights that it has without them."""

    @override
    def expected(self, world: World) -> Graph:
        return world.expected_network

    @override
    def first(self, world: World, state: State, graph: Graph) -> Mapping[str, np.ndarray]:
        return {**initial(graph, seed_of(world.context.seed, "exits")), **state.clients[TEACHER]}

    @override
    def lesson(self, world: World, state: State) -> "Lesson":
        return self.labeled(world, _loss(world, state), "exits")

    @override
    def finished(self, world: World, state: State, weights: Tensors) -> State:
        return state.replace(clients={STUDENTS: weights})


def _loss(world: World, state: State) -> "Loss":
    from engine.inference.cuts.exit_lessons import distilling_loss, joint_loss

    match world.task.splitter:
        case EarlyExitSplitter() as splitter:
            return joint_loss(splitter.heads, splitter.loss_weights)
        case BottleneckSplitter() as splitter:
            return distilling_loss(world.module(state, TEACHER), splitter.soft_weight, splitter.temperature)
        case _:
            raise EngineError("only networks that are extended are trained so")


@dataclass(frozen=True)
class MeasureExits(Survey[World]):
    """What each exit says to the test samples, and how sure it is: rates, accuracy as far as each exit, and the curve
    over thresholds.
    """

    @override
    def look(self, world: World, state: State, rows: slice) -> Seen:
        import torch
        from torch.nn import functional

        from engine.inference.cuts.execution import answers
        from engine.training.arrays import as_tensor

        splitter, y, module = exits_of(world), as_tensor(world.test.y[rows]), world.module(state, STUDENTS)
        with torch.no_grad():
            said = answers(module, world.planning_in(state).pieces, as_tensor(world.test.x[rows]))
            logits = [value for _, value in said]
            losses = [functional.cross_entropy(one, y, reduction="none").numpy() for one in logits]
        return {
            "right": np.stack([(one.argmax(dim=1) == y).numpy() for one in logits], axis=1),
            "sureness": np.stack([confidence(one.numpy(), splitter.policy) for one in logits[:-1]], axis=1),
            "loss": np.stack(losses, axis=1),
        }

    @override
    def joined(self, before: Tensors, seen: Seen) -> Seen:
        return appended(before, seen)

    @override
    def conclude(self, world: World, state: State, seen: Seen, step: int) -> Turn:
        splitter = exits_of(world)
        outcomes = Outcomes(seen["right"], seen["sureness"], splitter.policy)
        rates, leaving = outcomes.rates(splitter.threshold), outcomes.leaving(splitter.threshold)
        last = splitter.num_exits - 1
        # With the last n parts lost, the exit before them answers all that come to it.
        accuracies = [outcomes.accuracy(splitter.threshold, last - lost) for lost in range(splitter.num_exits)]
        values = {
            "accuracy": accuracies[0],
            "loss": float(seen["loss"][np.arange(len(leaving)), leaving].mean()),
            **{f"exit{number}_rate": rate for number, rate in enumerate(rates)},
        }
        rows: list[JsonValue] = [
            {"name": name, "accuracy": float(outcomes.right[:, number].mean())}
            for number, name in enumerate((*splitter.heads, world.graph.output))
        ]
        body: dict[str, JsonValue] = {
            "policy": splitter.policy,
            "threshold": splitter.threshold,
            "rates": [*rates],
            "exits": rows,
            "curve": [*outcomes.curve()],
        }
        metrics = {**layout.value(state, "metrics"), **values}
        kept: dict[str, JsonValue] = {"metrics": metrics, "accuracies": [*accuracies], "exit_rates": [*rates]}
        state = state.replace(values={**kept, "exits": body})
        return state, [measured(state, self.stage, step, values), told(state, "exits", self.stage, **body)]
