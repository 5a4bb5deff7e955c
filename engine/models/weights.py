"""Initial weights by NumPy alone, so that every path and every process starts from the same bits."""

import numpy as np

from engine.core.streams import stream
from engine.models.graph import Graph, ParameterInfo
from engine.models.layer import Constant, Normal, Uniform


def initial(graph: Graph, seed: int) -> dict[str, np.ndarray]:
    """Initial weights and buffers by name, float32, in the order of :meth:`Graph.parameters`.

    Each tensor has a random stream of its own, so a layer's values depend on its name and shape only.

    Args:
        graph: the model.
        seed: seed of the run.
    """
    return {info.name: _draw(info, seed) for info in graph.parameters()}


def _draw(info: ParameterInfo, seed: int) -> np.ndarray:
    generator = stream(seed, "weights", info.name)
    match info.law:
        case Uniform(bound):
            values = generator.random(info.shape, dtype=np.float32)
            return (values * np.float32(2) - np.float32(1)) * np.float32(bound)
        case Normal(std):
            return generator.standard_normal(info.shape, dtype=np.float32) * np.float32(std)
        case Constant(value):
            return np.full(info.shape, value, dtype=np.float32)
