"""The contract of quantizers: a trained model becomes whole numbers without a look at real data."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, final

import numpy as np
from pydantic import Field, model_validator

from engine.core.component import Component
from engine.core.errors import Problem, SpecError
from engine.core.registry import Registry
from engine.datafree.rounding.folding import Folded, fold
from engine.datafree.rounding.quantized import (
    Grid,
    IntegerWeight,
    Quantized,
    Tensors,
    keeps_grid,
    quantizable,
    quantized_tensors,
    readers_of,
)
from engine.datafree.rounding.ranges import Known, by_statistics, tells_all
from engine.models.graph import INPUT, Graph, Node
from engine.models.layer import Layer
from engine.models.layers import Sigmoid, Tanh

SATURATION: Mapping[type[Layer], float] = {Tanh: 4.0, Sigmoid: 8.0}
"""Beyond this a function that saturates is within 0.1 % of its end, so that a wider range of its input buys nothing."""

LARGEST_BIAS = 2**30
"""A scale of weights is not so small that a bias in units of it would leave int32."""


@dataclass(frozen=True)
class QuantInputs:
    """What a quantizer may look at beside the model; no real sample is among it.

    Attributes:
        low: smallest value of an input in standardized space, one number per channel.
        high: largest value, likewise.
        draw: the quantizer's own random stream.
        images: synthetic inputs, (N, *sample.shape) float32; None if there are none.
    """

    low: np.ndarray
    high: np.ndarray
    draw: np.random.Generator
    images: np.ndarray | None = None


class Quantizer(Component):
    """How a model is brought to whole numbers of few bits without its training data.

    Every kind folds normalization into the layers before, and rounds; it adds what it does better. Weights get a scale
    per output channel or tensor, symmetric or with a zero point; biases are int32, activations int8 with a zero point.
    """

    prefers_images: ClassVar[bool] = False
    """Whether ranges: auto takes images where there are any, before statistics."""

    weight_bits: Literal[8, 4] = 8
    """Bits of a weight of a convolution or fully connected layer."""

    activation_bits: Literal[8, 32] = 8
    """Bits of an activation; 32 leaves activations floats, so that only the file of weights becomes smaller."""

    per_channel: bool = True
    """Whether each output channel has a scale of its own, or each tensor."""

    symmetric: bool = True
    """Whether weights have their zero in the middle; else a zero point moves the range to where the weights lie."""

    ranges: Literal["auto", "batch_norm", "images"] = "auto"
    """Where the ranges of activations come from: the statistics in the model's normalization layers, synthetic images
    run through the model, or (auto) what the kind is known for: ZeroQ takes images where it can, all others take
    statistics where the model has them."""

    sigmas: float = Field(default=6.0, ge=1, le=12)
    """Half the width of a range that comes from statistics, in standard deviations around the mean."""

    @model_validator(mode="after")
    def _has_one_zero_point(self) -> "Quantizer":
        if self.per_channel and not self.symmetric:
            raise ValueError(
                "symmetric: false needs per_channel: false; a zero point for each channel is more than the runtimes of "
                "small devices take"
            )
        return self

    def check(self, graph: Graph, *, has_images: bool) -> list[Problem]:
        """Why the model cannot be quantized so; nothing if it can. Paths are relative to the quantizer.

        Args:
            graph: the model.
            has_images: whether there will be synthetic images.
        """
        if self.activation_bits == 32 or self._finds_images(graph, has_images=has_images):
            return []
        if self.ranges != "images" and tells_all(graph):
            return []
        what = {
            "auto": "its normalization layers do not tell the range of every activation, and there are no images",
            "batch_norm": "its normalization layers do not tell the range of every activation",
            "images": "there are no images",
        }[self.ranges]
        told = (
            f"The model cannot be quantized with ranges: {self.ranges}, since {what}. Choose a synthesizer, a model "
            "with normalization layers, or activation_bits: 32."
        )
        return [Problem("ranges", "no_ranges", told)]

    @property
    def mean_weight_bits(self) -> float:
        """Bits of a weight, on the mean of all weights, at most."""
        return self.weight_bits

    def num_steps(self, graph: Graph, *, has_images: bool) -> int:
        """Steps of an optimizer that the quantizer takes before :meth:`quantize`; 0 for most."""
        return 0

    def begin(self, graph: Graph, weights: Tensors, inputs: QuantInputs) -> dict[str, np.ndarray]:
        """Working tensors before the first of its own steps."""
        return {}

    def advance(
        self, graph: Graph, weights: Tensors, working: Tensors, first_step: int, num_steps: int
    ) -> dict[str, np.ndarray]:
        """Working tensors after so many further steps; a pure function."""
        return dict(working)

    @final
    def quantize(
        self, graph: Graph, weights: Tensors, inputs: QuantInputs, working: Tensors | None = None
    ) -> Quantized:
        """The quantized model.

        Args:
            graph: the trained model.
            weights: its weights and buffers by name.
            inputs: what may be looked at.
            working: what the last :meth:`advance` gave, where the quantizer has steps of its own.

        Raises:
            SpecError: there is nothing to take ranges of activations from.
        """
        if working and "images" in working:
            inputs = replace(inputs, images=working["images"])
        if problems := self.check(graph, has_images=inputs.images is not None):
            raise SpecError(problems)
        model = self.prepared(fold(graph, weights))
        known = self._known(model, inputs)
        grids = {} if self.activation_bits == 32 else _grids(model.graph, known)
        bits = self.bits(model, inputs)
        integers = {}
        floats = dict(model.weights)
        for node in quantizable(model.graph):
            name = f"{node.name}.weight"
            integers[name] = self._integers(node, floats, bits[node.name], grids.get(node.inputs[0]))
            error = integers[name].dequantized() - floats.pop(name)
            floats |= self.corrected(node, floats, error, known.get(node.inputs[0]))
        return Quantized(model.graph, integers, floats, grids)

    def prepared(self, model: Folded) -> Folded:
        """The folded model as it will be rounded: another one that computes the same, and is easier to round."""
        return model

    def bits(self, model: Folded, inputs: QuantInputs) -> Mapping[str, int]:
        """Bits of the weight of every layer that is quantized, by the name of its node."""
        return {node.name: self.weight_bits for node in quantizable(model.graph)}

    def rounded(self, scaled: np.ndarray, low: int, high: int) -> np.ndarray:
        """A weight in units of its scale, (outputs, ...) float64, as whole numbers from ``low`` to ``high``."""
        whole: np.ndarray = np.clip(np.rint(scaled), low, high)
        return whole

    def corrected(self, node: Node, floats: Tensors, error: np.ndarray, known: Known | None) -> Tensors:
        """Weights that change to make up for what rounding did to a layer's weight: its bias, or nothing.

        Args:
            node: the layer.
            floats: biases by name.
            error: rounded weight less the exact one.
            known: what is known of the layer's input; None if nothing.
        """
        return {}

    def _finds_images(self, graph: Graph, *, has_images: bool) -> bool:
        """Whether there are images to take ranges from, given or made by steps of its own."""
        return self.ranges != "batch_norm" and (has_images or self.num_steps(graph, has_images=has_images) > 0)

    def _known(self, model: Folded, inputs: QuantInputs) -> dict[str, Known]:
        told = by_statistics(model, self.sigmas, inputs.low, inputs.high)
        if inputs.images is None or self.ranges == "batch_norm":
            return told
        trusts_statistics = self.ranges == "auto" and not self.prefers_images
        if trusts_statistics and {node.name for node in model.graph.nodes} <= set(told):
            return told
        from engine.datafree.rounding.observation import by_images

        seen = by_images(model.graph, model.weights, inputs.images)
        first = replace(told[INPUT], moments=seen[INPUT].moments)
        learned = {name: known for name, known in told.items() if known.moments is not None}
        return seen | (learned if trusts_statistics else {}) | {INPUT: first}

    def _integers(self, node: Node, floats: Tensors, bits: int, grid: Grid | None) -> IntegerWeight:
        """A layer's weight as whole numbers."""
        weight = floats[f"{node.name}.weight"]
        rows = weight.reshape(len(weight) if self.per_channel else 1, -1).astype(np.float64)
        half = 2 ** (bits - 1) - 1
        if self.symmetric:
            scale, lowest = np.abs(rows).max(axis=1) / half, -half
        else:
            reach = np.maximum(rows.max(axis=1), 0) - np.minimum(rows.min(axis=1), 0)
            scale, lowest = reach / (2 * half + 1), -half - 1
        scale = np.where(scale > 0, scale, 1.0)
        if grid is not None and (bias := floats.get(f"{node.name}.bias")) is not None:
            least = np.abs(bias.astype(np.float64)) / (grid.scale * LARGEST_BIAS)
            scale = np.maximum(scale, least if self.per_channel else least.max())
        scale = scale.astype(np.float32)
        zero_point = 0
        if not self.symmetric:
            zero_point = int(np.clip(np.rint(lowest - min(rows.min(), 0.0) / scale[0]), lowest, half))
        scaled = weight.astype(np.float64) / scale.reshape(-1, *[1] * (weight.ndim - 1))
        values = self.rounded(scaled, lowest - zero_point, half - zero_point) + zero_point
        return IntegerWeight(values.astype(np.int8), scale, zero_point, bits)


def _grids(graph: Graph, known: Mapping[str, Known]) -> dict[str, Grid]:
    """The grid of every tensor that lies on one."""
    readers = readers_of(graph)
    layers = {node.name: node for node in graph.nodes}
    grids: dict[str, Grid] = {}
    for name in quantized_tensors(graph):
        if name in layers and keeps_grid(layers[name]):
            grids[name] = grids[layers[name].inputs[0]]
            continue
        low, high = float(known[name].low.min()), float(known[name].high.max())
        ends = [SATURATION.get(type(node.layer), np.inf) for node in readers[name]]
        if ends and max(ends) < np.inf:
            low, high = max(low, -max(ends)), min(high, max(ends))
        grids[name] = Grid.over(low, high)
    return grids


quantizers: Registry[Quantizer] = Registry("quantizers", "engine.datafree.quantizers", Quantizer, title="Quantizer")
"""All quantizers by kind."""
