"""Named groups of arrays, flattened to the one-level names of states and blocks, and back."""

from collections.abc import Callable, Mapping

import numpy as np

from engine.federated.strategy import Groups, Strategy
from engine.models.graph import Graph
from engine.task.state import Tensors

SEPARATOR = "/"


def flat(prefix: str, groups: Groups) -> dict[str, np.ndarray]:
    """The arrays as ``prefix/group/name``."""
    return {
        SEPARATOR.join((prefix, group, name)): array
        for group, arrays in groups.items()
        for name, array in arrays.items()
    }


def grouped(prefix: str, tensors: Tensors) -> dict[str, dict[str, np.ndarray]]:
    """The groups that :func:`flat` wrote under this prefix."""
    groups: dict[str, dict[str, np.ndarray]] = {}
    for key, array in tensors.items():
        head, *rest = key.split(SEPARATOR, 2)
        if head == prefix and len(rest) == 2:
            groups.setdefault(rest[0], {})[rest[1]] = array
    return groups


def travels(strategy: Strategy, graph: Graph) -> Callable[[Groups], Groups]:
    """A filter that leaves out of a message what the strategy keeps on the clients."""
    private = {info.name for info in graph.parameters() if not strategy.is_shared(info)}

    def only_shared(message: Groups) -> Groups:
        if not private:
            return message
        return {
            group: {name: array for name, array in arrays.items() if name not in private}
            for group, arrays in message.items()
        }

    return only_shared


def combined_mean(summed: Groups, weight: float) -> dict[str, dict[str, np.ndarray]]:
    """The weighted mean from the weighted sum, in the type of the arrays."""
    return {
        group: {name: np.asarray(array / array.dtype.type(weight)) for name, array in arrays.items()}
        for group, arrays in summed.items()
    }


def shape_only(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Arrays of these shapes that take no memory: what counting bytes needs of a model's weights."""
    return {name: np.broadcast_to(np.float32(0), shape) for name, shape in shapes.items()}
