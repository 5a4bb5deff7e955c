"""A quantized model as named arrays, as a state keeps it; and its size before it exists."""

from collections.abc import Mapping
from math import ceil

import numpy as np

from engine.datafree.quantizer import Quantizer
from engine.datafree.rounding.quantized import Grid, IntegerWeight, Quantized, quantizable
from engine.models.graph import Graph
from engine.models.layer import FLOAT_BYTES


def to_arrays(model: Quantized) -> dict[str, np.ndarray]:
    """Whole numbers with scales, floats, and grids, by names that begin with what they are."""
    found = {f"float:{name}": np.asarray(array) for name, array in model.floats.items()}
    for name, weight in model.integers.items():
        found[f"values:{name}"], found[f"scale:{name}"] = weight.values, weight.scale
        found[f"form:{name}"] = np.array([weight.zero_point, weight.bits], dtype=np.int64)
    for name, grid in model.grids.items():
        found[f"grid:{name}"] = np.array([grid.scale, grid.zero_point], dtype=np.float64)
    return found


def from_arrays(graph: Graph, arrays: Mapping[str, np.ndarray]) -> Quantized:
    """The model of :func:`to_arrays`, with its mappings in the order of the graph.

    Args:
        graph: the network, normalization folded.
        arrays: whole numbers, floats and grids.
    """
    integers, floats = {}, {}
    for info in graph.parameters():
        if f"values:{info.name}" in arrays:
            zero_point, bits = map(int, arrays[f"form:{info.name}"])
            values, scale = arrays[f"values:{info.name}"], arrays[f"scale:{info.name}"]
            integers[info.name] = IntegerWeight(values, scale, zero_point, bits)
        else:
            floats[info.name] = arrays[f"float:{info.name}"]
    names = ("input", *(node.name for node in graph.nodes))
    grids = {name: arrays[f"grid:{name}"] for name in names if f"grid:{name}" in arrays}
    return Quantized(graph, integers, floats, {name: Grid(float(a[0]), int(a[1])) for name, a in grids.items()})


def quantized_bytes(graph: Graph, quantizer: Quantizer) -> int:
    """Bytes of the weights of a model, scales included, once it is quantized; see :attr:`Quantized.num_bytes`. Where
    layers get bits under a budget, as many as the budget allows.

    Args:
        graph: the network, normalization folded.
        quantizer: says how many bits a weight has, and how many scales.
    """
    whole = {f"{node.name}.weight" for node in quantizable(graph)}
    total = 0
    for info in graph.parameters():
        if info.name in whole:
            scales = info.shape[0] if quantizer.per_channel else 1
            total += ceil(info.num_elements * quantizer.mean_weight_bits / 8) + FLOAT_BYTES * scales
        else:
            total += FLOAT_BYTES * info.num_elements
    return total
