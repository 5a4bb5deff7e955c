"""Taking a teacher, and metadata, that are there already."""

from dataclasses import dataclass

from typing_extensions import override

from engine.core.json import JsonValue
from engine.datafree.owner.stored_metadata import TOLD, StoredMetadata
from engine.datafree.pieces import PIECES, piece_of
from engine.datafree.world import World
from engine.models.model_file import read_model
from engine.task.contract import State
from engine.task.jobs import Job, Turn


@dataclass(frozen=True)
class Load(Job[World]):
    """Reads the teacher's file."""

    @override
    def advance(self, world: World, state: State, steps: range) -> Turn:
        path = world.task.teacher.path_in(world.context.artifacts)
        assert path is not None, "a teacher that is trained is not loaded"
        _, weights = read_model(path)
        return state.replace(clients={piece_of("teacher"): weights}), []


@dataclass(frozen=True)
class LoadMetadata(Job[World]):
    """Reads the file that the owner of the data handed out before; no private sample is touched."""

    @override
    def advance(self, world: World, state: State, steps: range) -> Turn:
        named = world.task.metadata
        assert isinstance(named, StoredMetadata), "metadata that is collected is not loaded"
        file = named.read(world.context.artifacts, world.teacher_graph, world.teacher(state).sha256)
        told: JsonValue = {"settings": file.settings.model_dump(mode="json"), "num_samples": file.num_samples}
        return state.replace(values={TOLD: told}, clients={PIECES["metadata"]: file.tensors}), []
