"""Measuring a contender on the test samples."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from typing_extensions import override

from engine.datafree.contenders import Measured, row_of
from engine.datafree.pieces import TEACHER_SAYS
from engine.datafree.stages.exporting import file_of, quantized_name
from engine.datafree.stages.training import accuracy_names
from engine.datafree.world import World
from engine.task import layout
from engine.task.contract import State, Tensors
from engine.task.jobs import Turn, measured, told
from engine.task.survey import Seen, Survey, added, appended

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Measure(Survey[World]):
    """Classifies the test samples and tells the contender's row of the table.

    Attributes:
        contender: its name.
    """

    contender: str

    @override
    def look(self, world: World, state: State, rows: slice) -> Seen:
        says, loss = _classify(self._forward(world, state), world.test.x[rows], world.test.y[rows])
        return {"says": says, "loss": np.array([loss])}

    @override
    def joined(self, before: Tensors, seen: Seen) -> Seen:
        return {**appended(before, {"says": seen["says"]}), **added(before, {"loss": seen["loss"]})}

    @override
    def conclude(self, world: World, state: State, seen: Seen, step: int) -> Turn:
        test, says, loss = world.test, seen["says"], float(seen["loss"][0])
        if self.contender == "teacher":
            state = state.replace(tensors={TEACHER_SAYS: says})
        found = Measured.of(says, test.y, state.tensors[TEACHER_SAYS], loss / len(test), num_classes_of(world))
        row = row_of(world, state, self.contender, found)
        rows_so_far = {**layout.value(state, "contenders"), self.contender: row}
        state = state.replace(values={"contenders": rows_so_far})
        values = dict.fromkeys(accuracy_names(world, self.contender), found.accuracy)
        values[f"{self.contender}_test_loss"] = found.loss
        return state, [
            measured(state, self.stage, step, values),
            told(state, "contender", self.stage, **row),
        ]

    def _forward(self, world: World, state: State) -> "Callable[[Tensor], Tensor]":
        if self.contender == "quantized":
            return _run_file(world, state)
        weights = world.weights(state, self.contender)
        return world.module(
            "teacher" if self.contender == "teacher" else "measured", world.graph(self.contender, state), weights
        )


def _run_file(world: World, state: State) -> "Callable[[Tensor], Tensor]":
    """The file of the quantized model as its user runs it: its accuracy is the one that counts."""
    import torch

    from engine.datafree.export.runner import load

    file = file_of(state, quantized_name(state))
    run = world.remembered(f"file {file.name}", state, lambda: load(file))
    return lambda x: torch.from_numpy(run(x.contiguous().numpy()))


def num_classes_of(world: World) -> int:
    """Number of classes."""
    return world.task.dataset.sample().num_classes


def _classify(forward: "Callable[[Tensor], Tensor]", x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float]:
    """(B,) int64 classes, and the sum of cross-entropies."""
    import torch
    from torch.nn import functional

    from engine.training.arrays import as_tensor, channels_last

    with torch.no_grad():
        logits = forward(channels_last(as_tensor(x)))
        loss = functional.cross_entropy(logits, as_tensor(y), reduction="sum")
    return logits.argmax(dim=1).numpy(), float(loss)
