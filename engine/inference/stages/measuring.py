"""Measuring the network on the test samples, and the split one against the whole one."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from typing_extensions import override

from engine.core.errors import EngineError
from engine.datafree import layout
from engine.datafree.stages.job import Turn, global_step, measured, told
from engine.inference.comparison import rows_of
from engine.inference.stages.job import Job
from engine.inference.world import World
from engine.task.contract import State

if TYPE_CHECKING:
    from torch import Tensor

EXACTNESS = 1e-5
"""How far logits of an exact split may be off, as a share of the largest one of the whole network."""


@dataclass(frozen=True)
class Measure(Job):
    """Classifies the test samples and tells the row of every plan.

    Attributes:
        width: samples of a step.
    """

    width: int

    @override
    def chunk(self, world: World) -> int:
        return 1

    @override
    def advance(self, world: World, state: State, steps: range) -> Turn:
        rows = slice(steps.start * self.width, steps.stop * self.width)
        right, loss = _classify(world, state, rows)
        work = layout.part(layout.WORK, state.tensors)
        right, loss = right + int(work.get("right", [0])[0]), loss + float(work.get("loss", [0.0])[0])
        if steps.stop < self.num_steps:
            sums = {"right": np.array([right]), "loss": np.array([loss])}
            return layout.with_part(state, layout.WORK, sums), []
        count = len(world.test)
        found = {"accuracy": right / count, "loss": loss / count}
        state = layout.with_part(state, layout.WORK, {})
        state = state.replace(values={"metrics": {**layout.value(state, "metrics"), **found}})
        table = rows_of(world, found["accuracy"])
        state = state.replace(values={"contenders": {str(row["name"]): row for row in table}})
        return state, [
            measured(state, self.stage, global_step(state, steps), found),
            *(told(state, "contender", self.stage, **row) for row in table),
        ]


@dataclass(frozen=True)
class Verify(Job):
    """Runs samples piece by piece; each piece sees nothing but what messages bring it."""

    @override
    def advance(self, world: World, state: State, steps: range) -> Turn:
        from engine.inference.execution import execute
        from engine.training.arrays import as_tensor

        module = world.module(state)
        x = as_tensor(world.test.x[: world.task.verification.num_samples])
        whole = _forward(world, state, x)
        joined = execute(module, world.planning.pieces, x)
        difference = float((joined - whole).abs().max()) / max(1.0, float(whole.abs().max()))
        if world.task.splitter.exact and difference > EXACTNESS:
            raise EngineError(
                f"the pieces together are off by {difference:.3g} of the largest output, allowed are {EXACTNESS:g}"
            )
        values = {
            "joined_difference": difference,
            "joined_agreement": float((joined.argmax(-1) == whole.argmax(-1)).float().mean()),
        }
        state = state.replace(values={"metrics": {**layout.value(state, "metrics"), **values}})
        return state, [measured(state, self.stage, global_step(state, steps), values)]


def _forward(world: World, state: State, x: "Tensor") -> "Tensor":
    import torch

    with torch.no_grad():
        logits: Tensor = world.module(state)(x)
    return logits


def _classify(world: World, state: State, rows: slice) -> tuple[int, float]:
    """Right answers, and the sum of cross-entropies."""
    from torch.nn import functional

    from engine.training.arrays import as_tensor

    y = as_tensor(world.test.y[rows])
    logits = _forward(world, state, as_tensor(world.test.x[rows]))
    loss = functional.cross_entropy(logits, y, reduction="sum")
    return int((logits.argmax(dim=1) == y).sum()), float(loss)
