"""Making a trained network smaller without data: fewer channels, or whole numbers."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from typing_extensions import override

from engine.core.events import Event
from engine.datafree.pieces import PIECES
from engine.datafree.quantizer import QuantInputs
from engine.datafree.rounding.quantized import Quantized
from engine.datafree.rounding.quantized_state import to_arrays
from engine.datafree.stages.exporting import notes_of, with_file
from engine.datafree.stages.training import require_finite
from engine.datafree.world import World
from engine.fleet.device import TRAINING_PASSES
from engine.models.graph_json import to_json
from engine.task import layout
from engine.task.contract import State
from engine.task.jobs import Job, Turn, told
from engine.task.pace import chunk_of

MOST_IMAGES = 1000
"""Synthetic images that a quantizer looks at, spread over all of them."""

OWN_IMAGES = 64
"""Images of a step of a quantizer that makes its own: what its chunks are reckoned with."""


@dataclass(frozen=True)
class Prune(Job[World]):
    """Takes channels out of a contender.

    Attributes:
        origin: name of the contender.
    """

    origin: str

    @override
    def advance(self, world: World, state: State, steps: range) -> Turn:
        pruner = world.task.pruner
        assert pruner is not None, "this job exists only with a pruner"
        require_finite(self.origin, world.weights(state, self.origin))
        found = pruner.prune(world.graph(self.origin, state), world.weights(state, self.origin))
        state = state.replace(
            values={"graphs": {**layout.value(state, "graphs"), "pruned": to_json(found.graph)}},
            clients={PIECES["pruned"]: found.weights},
        )
        before, after = sum(cut.num_before for cut in found.cuts), sum(cut.num_after for cut in found.cuts)
        groups = "1 group" if len(found.cuts) == 1 else f"{len(found.cuts)} groups"
        message = f"{after} of {before} channels stay, in {groups} of channels that depend on each other"
        return state, [told(state, "log", self.stage, level="info", message=message)]


@dataclass(frozen=True)
class Quantize(Job[World]):
    """Brings a contender to whole numbers, with synthetic images where there are any.

    Attributes:
        origin: name of the contender.
    """

    origin: str

    @override
    def chunk(self, world: World) -> int:
        return chunk_of(TRAINING_PASSES.value * OWN_IMAGES * sum(world.profile(world.base).macs.values()))

    @override
    def advance(self, world: World, state: State, steps: range) -> Turn:
        quantizer = world.task.quantizer
        assert quantizer is not None, "this job exists only with a quantizer"
        graph, weights, inputs = (
            world.graph(self.origin, state),
            world.weights(state, self.origin),
            _inputs(world, state),
        )
        require_finite(self.origin, weights)
        working = layout.part(layout.WORK, state.tensors)
        count = quantizer.num_steps(graph, has_images=inputs.images is not None)
        if count:
            if steps.start == 0:
                working = quantizer.begin(graph, weights, inputs)
            working = quantizer.advance(graph, weights, working, steps.start, len(steps))
        if steps.stop < self.num_steps:
            return layout.with_part(state, layout.WORK, working), []
        from engine.datafree.export.files import export_quantized

        found = quantizer.quantize(graph, weights, inputs, working or None)
        file = export_quantized(self.origin, found, notes_of(world))
        state = with_file(layout.with_part(state, layout.WORK, {}), file)
        return state.replace(
            values={"graphs": {**layout.value(state, "graphs"), "quantized": to_json(found.graph)}},
            clients={PIECES["quantized"]: to_arrays(found)},
        ), list(self._told(state, found))

    def _told(self, state: State, found: Quantized) -> Iterator[Event]:
        """Which layers have how many bits, where these differ."""
        layers: dict[int, list[str]] = {}
        for name, weight in found.integers.items():
            layers.setdefault(weight.bits, []).append(name.removesuffix(".weight"))
        if len(layers) > 1:
            words = "; ".join(f"{bits} bits: {', '.join(names)}" for bits, names in sorted(layers.items()))
            message = f"weights have {found.mean_bits:.2f} bits on average; {words}"
            yield told(state, "log", self.stage, level="info", message=message)


def _inputs(world: World, state: State) -> QuantInputs:
    """The valid range, and some of the images that were made."""
    from engine.datafree.images.pools import some_of_bank
    from engine.datafree.learning.lessons import standardizer

    pixels, images = world.pixels, None
    if world.num_batches:
        images = standardizer(pixels)(some_of_bank(state, world.num_batches, MOST_IMAGES))
    low, high = ((edge - _column(pixels.mean)) / _column(pixels.std) for edge in (0.0, 1.0))
    return QuantInputs(low, high, world.context.stream("quantizer"), images)


def _column(values: tuple[float, ...]) -> np.ndarray:
    return np.array(values, dtype=np.float32)
