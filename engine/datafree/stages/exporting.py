"""Writing the final model into files, loading each again, and comparing it with the model in memory."""

import json
from dataclasses import dataclass

import numpy as np
from typing_extensions import override

from engine.datafree.export.files import ENDINGS, Exported, Format
from engine.datafree.pieces import PIECES
from engine.datafree.world import World
from engine.models.model_file import ModelCard
from engine.task import layout
from engine.task.contract import State, Tensors
from engine.task.jobs import Job, Turn, told
from engine.task.survey import Seen, Survey


def with_file(state: State, file: Exported) -> State:
    """The state with one more file."""
    number = PIECES["files"]
    content = np.frombuffer(file.content, dtype=np.uint8)
    files = {**layout.value(state, "files"), file.name: {"format": file.format, "precision": file.precision}}
    return state.replace(
        values={"files": files},
        clients={number: {**state.clients.get(number, {}), file.name: content}},
    )


def file_of(state: State, name: str) -> Exported:
    """A file of the state."""
    about = layout.value(state, "files")[name]
    content = state.clients[PIECES["files"]][name].tobytes()
    return Exported(name, about["format"], about["precision"], content)


def card_of(world: World, state: State, contender: str) -> ModelCard:
    """What a contender's file of weights says about itself."""
    task = world.task
    spec = {"teacher": getattr(task.teacher, "model", None), "student": task.student}.get(contender)
    return ModelCard(
        world.graph(contender, state),
        None if spec is None else spec.model_dump(mode="json"),
        task.dataset.model_dump(mode="json"),
        layout.value(state, "contenders")[contender]["accuracy"],
    )


def notes_of(world: World) -> dict[str, str]:
    """What an ONNX file tells its user: how raw pixels become its input, (pixel / largest - mean) / std by channel, and
    the names of the classes.
    """
    pixels, names = world.pixels, list(world.task.dataset.class_names())
    found = {"mean": pixels.mean, "std": pixels.std, "largest": pixels.largest, "classes": names}
    return {name: json.dumps(value) for name, value in found.items()}


@dataclass(frozen=True)
class Export(Job[World]):
    """Writes a model of floats in one format.

    Attributes:
        contender: its name.
        format: of the file.
    """

    contender: str
    format: Format

    @override
    def advance(self, world: World, state: State, steps: range) -> Turn:
        from engine.datafree.export.files import export

        card, weights = card_of(world, state, self.contender), world.weights(state, self.contender)
        (file,) = export(self.contender, weights, card, [self.format], notes_of(world))
        return with_file(state, file), []


@dataclass(frozen=True)
class Verify(Survey[World]):
    """Runs a file on the test samples, beside the model that it was made from.

    Attributes:
        contender: name of the model.
        format: of its file.
    """

    contender: str
    format: Format

    @override
    def look(self, world: World, state: State, rows: slice) -> Seen:
        from engine.datafree.export.runner import declared, load, rounding
        from engine.datafree.export.verification import compare

        file = file_of(state, self._name(state))
        run = world.remembered(f"file {file.name}", state, lambda: load(file))
        if self.contender == "quantized":
            model = world.remembered("rounding", state, lambda: rounding(world.quantized(state)))
        else:
            graph, weights = world.graph(self.contender, state), world.weights(state, self.contender)
            model = world.remembered("declared", state, lambda: declared(graph, weights))
        return compare(run, model, world.test.x[rows], world.test.y[rows]).to_arrays()

    @override
    def joined(self, before: Tensors, seen: Seen) -> Seen:
        from engine.datafree.export.verification import Tally

        return (Tally.from_arrays(before) + Tally.from_arrays(seen)).to_arrays() if before else seen

    @override
    def conclude(self, world: World, state: State, seen: Seen, step: int) -> Turn:
        from engine.datafree.export.verification import Tally

        file, found = file_of(state, self._name(state)), Tally.from_arrays(seen)
        event = told(
            state, "export", self.stage, name=file.name, contender=self.contender, format=file.format,
            precision=file.precision, num_bytes=len(file.content), max_abs_difference=found.max_abs_difference,
            accuracy=found.accuracy, top1_agreement=found.agreement,
        )  # fmt: skip
        exports = {**layout.value(state, "exports"), file.name: {**event.body}}
        return state.replace(values={"exports": exports}), [event]

    def _name(self, state: State) -> str:
        if self.contender == "quantized":
            return quantized_name(state)
        return f"{self.contender}{ENDINGS[self.format]}"


def quantized_name(state: State) -> str:
    """Name of the file of the quantized model."""
    files: dict[str, dict[str, str]] = layout.value(state, "files")
    return next(name for name, about in files.items() if about["precision"] != "fp32")
