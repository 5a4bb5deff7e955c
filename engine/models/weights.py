"""Initial weights by NumPy alone, so that every path and every process starts from the same bits."""

import numpy as np

from engine.core.streams import stream
from engine.models.graph import Graph
from engine.models.layer import Constant, Law, Normal, Shape, Uniform


def initial(graph: Graph, seed: int) -> dict[str, np.ndarray]:
    """Initial weights and buffers by name, float32, in the order of :meth:`Graph.parameters`.

    Each tensor has a random stream of its own, so a layer's values depend on its name and shape only.

    Args:
        graph: the model.
        seed: seed of the run.
    """
    return {info.name: draw(info.law, info.shape, (seed, "weights", info.name)) for info in graph.parameters()}


def draw(law: Law, shape: Shape, names: tuple[int, str, str]) -> np.ndarray:
    """Initial values of one tensor, float32.

    Args:
        law: their law.
        shape: shape of the tensor.
        names: seed of the run, what the tensor belongs to, and its name: together they name its random stream.
    """
    generator = stream(*names)
    match law:
        case Uniform(bound):
            values = generator.random(shape, dtype=np.float32)
            return (values * np.float32(2) - np.float32(1)) * np.float32(bound)
        case Normal(std):
            return generator.standard_normal(shape, dtype=np.float32) * np.float32(std)
        case Constant(value):
            return np.full(shape, value, dtype=np.float32)
