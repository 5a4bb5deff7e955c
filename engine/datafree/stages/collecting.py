"""Collecting metadata: the one place where private samples are read for synthesis."""

from dataclasses import dataclass

import numpy as np
from typing_extensions import override

from engine.data.dataset import Split
from engine.datafree.pieces import PIECES
from engine.datafree.world import World
from engine.task.contract import State
from engine.task.jobs import Job, Turn

NOTHING = Split(np.zeros(0, dtype=np.float32), np.zeros(0, dtype=np.int64))
"""What a kind gets to see that reads no samples."""


@dataclass(frozen=True)
class Collect(Job[World]):
    """What the owner of the data hands out."""

    @override
    def advance(self, world: World, state: State, steps: range) -> Turn:
        draw = world.context.stream("metadata")
        method = world.metadata_method
        tensors = method.collect(world.teacher(state), world.train if method.reads_data else NOTHING, draw)
        return state.replace(clients={PIECES["metadata"]: tensors}), []
