"""Measuring the network on the test samples, and the split one against the whole one."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from typing_extensions import override

from engine.core.errors import EngineError
from engine.core.json import JsonValue
from engine.inference.plans.comparison import rival_rows, rows_of
from engine.inference.world import STUDENTS, TEACHER, World
from engine.task import layout
from engine.task.contract import State
from engine.task.jobs import Job, Turn, global_step, measured, told
from engine.task.survey import Seen, Survey

EXACTNESS = 1e-5
"""How far logits of an exact split may be off, as a share of the largest one of the whole network."""


@dataclass(frozen=True)
class Measure(Survey[World]):
    """Classifies the test samples with the trained network, or with the students that stand for it.

    Attributes:
        piece: of the state with the weights that are measured.
    """

    piece: int

    @override
    def look(self, world: World, state: State, rows: slice) -> Seen:
        """Right answers without each set of students, that of none first, and the sum of cross-entropies."""
        import torch
        from torch.nn import functional

        from engine.inference.cuts.execution import joined
        from engine.inference.nonn.survival import shares_of
        from engine.training.arrays import as_tensor

        y, module = world.test.y[rows], world.module(state, self.piece)
        with torch.no_grad():
            logits, features = module.forward_with_features(as_tensor(world.test.x[rows]))
            if self.piece == STUDENTS and world.task.splitter.message_bits < 32:
                logits, features = joined(module, world.planning_in(state).carried, as_tensor(world.test.x[rows]))
        loss = float(functional.cross_entropy(logits, as_tensor(y), reduction="sum"))
        right = [int((logits.argmax(dim=1).numpy() == y).sum())]
        if self.piece == STUDENTS:
            groups: Any = state.values["groups"]
            slices = world.students(tuple(map(len, groups))).slices
            shares = shares_of(features.numpy(), state.clients[STUDENTS], slices)
            for missing in range(1, 1 << len(slices)):
                lost = [number for number in range(len(slices)) if missing >> number & 1]
                right.append(int((shares.without(lost).argmax(axis=1) == y).sum()))
        return {"right": np.array(right), "loss": np.array([loss])}

    @override
    def conclude(self, world: World, state: State, seen: Seen, step: int) -> Turn:
        count, loss = len(world.test), float(seen["loss"][0])
        accuracies = [float(each) / count for each in seen["right"]]
        found = {"teacher_accuracy": accuracies[0]} if self.piece == TEACHER else {}
        if self.piece == world.answering:
            found |= {"accuracy": accuracies[0], "loss": loss / count}
        if len(accuracies) > 2:  # of every set of students, in the order of the bits of their numbers
            one_lost = [accuracies[1 << number] for number in range((len(accuracies) - 1).bit_length())]
            found["accuracy_one_lost"] = float(np.mean(one_lost))
        values: dict[str, JsonValue] = {
            "metrics": {**layout.value(state, "metrics"), **found},
            "accuracies": [*accuracies],
        }
        state = state.replace(values=values)
        return state, [measured(state, self.stage, step, found)]


@dataclass(frozen=True)
class MeasureCarried(Survey[World]):
    """Classifies the test samples piece by piece, with what arrives of messages that are rounded."""

    @override
    def look(self, world: World, state: State, rows: slice) -> Seen:
        from torch.nn import functional

        from engine.inference.cuts.execution import execute
        from engine.training.arrays import as_tensor

        y, pieces = as_tensor(world.test.y[rows]), world.planning_in(state).carried
        logits = execute(world.module(state, world.answering), pieces, as_tensor(world.test.x[rows]))
        seen = [float((logits.argmax(dim=-1) == y).sum()), float(functional.cross_entropy(logits, y, reduction="sum"))]
        return {"totals": np.array(seen)}

    @override
    def conclude(self, world: World, state: State, seen: Seen, step: int) -> Turn:
        totals, count = seen["totals"], len(world.test)
        found = {"accuracy": float(totals[0]) / count, "loss": float(totals[1]) / count}
        metrics: dict[str, JsonValue] = {**layout.value(state, "metrics"), **found}
        state = state.replace(values={"metrics": metrics, "accuracies": [found["accuracy"]]})
        return state, [measured(state, self.stage, step, found)]


@dataclass(frozen=True)
class Compare(Job[World]):
    """Tells the row of every plan."""

    @override
    def advance(self, world: World, state: State, steps: range) -> Turn:
        metrics = layout.value(state, "metrics")
        planning = world.planning_in(state)
        table = rows_of(planning, metrics["accuracy"], metrics["teacher_accuracy"])
        table += rival_rows(world, state, planning)
        state = state.replace(values={"contenders": {str(row["name"]): row for row in table}})
        return state, [told(state, "contender", self.stage, **row) for row in table]


@dataclass(frozen=True)
class Verify(Job[World]):
    """Runs samples piece by piece; each piece sees nothing but what messages bring it."""

    @override
    def advance(self, world: World, state: State, steps: range) -> Turn:
        import torch

        from engine.inference.cuts.execution import execute
        from engine.training.arrays import as_tensor

        module = world.module(state, world.answering)
        x = as_tensor(world.test.x[: world.task.verification.num_samples])
        with torch.no_grad():
            whole = module(x)
        joined = execute(module, world.planning_in(state).carried, x)
        difference = float((joined - whole).abs().max()) / max(1.0, float(whole.abs().max()))
        if world.planning_in(state).pieces.exact and difference > EXACTNESS:
            raise EngineError(
                f"the pieces together are off by {difference:.3g} of the largest output, allowed are {EXACTNESS:g}"
            )
        values = {
            "joined_difference": difference,
            "joined_agreement": float((joined.argmax(-1) == whole.argmax(-1)).float().mean()),
        }
        state = state.replace(values={"metrics": {**layout.value(state, "metrics"), **values}})
        return state, [measured(state, self.stage, global_step(state, steps), values)]
