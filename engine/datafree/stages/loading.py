"""Taking a teacher that is there already."""

from dataclasses import dataclass

from typing_extensions import override

from engine.datafree import layout
from engine.datafree.stages.job import Job, Turn
from engine.datafree.world import World
from engine.models.model_file import read_model
from engine.task.contract import State


@dataclass(frozen=True)
class Load(Job):
    """Reads the teacher's file."""

    @override
    def advance(self, world: World, state: State, steps: range) -> Turn:
        path = world.task.teacher.path_in(world.context.artifacts)
        assert path is not None, "a teacher that is trained is not loaded"
        _, weights = read_model(path)
        return state.replace(clients={layout.piece_of("teacher"): weights}), []
