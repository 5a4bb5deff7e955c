"""Collecting metadata: the one place where private samples are read for synthesis."""

from dataclasses import dataclass

from typing_extensions import override

from engine.datafree import layout
from engine.datafree.stages.job import Job, Turn
from engine.datafree.world import World
from engine.task.contract import State


@dataclass(frozen=True)
class Collect(Job):
    """What the owner of the data hands out."""

    @override
    def advance(self, world: World, state: State, steps: range) -> Turn:
        draw = world.context.stream("metadata")
        tensors = world.task.metadata.collect(world.teacher(state), world.train, draw)
        return state.replace(clients={layout.PIECES["metadata"]: tensors}), []
