"""Messages as one long vector: what clipping by rows, masks and robust rules compute on."""

from collections.abc import Mapping

import numpy as np

from engine.federated.rounds.messages import SEPARATOR
from engine.federated.strategy import Groups
from engine.task.state import Tensors


def named(groups: Groups) -> dict[str, np.ndarray]:
    """The arrays of a message as ``group/name``, in alphabetical order.

    Groups that were stored and read again come in another order, so the order of a message must not follow theirs.
    """
    arrays = {SEPARATOR.join((group, name)): array for group, found in groups.items() for name, array in found.items()}
    return dict(sorted(arrays.items()))


def ungrouped(tensors: Tensors) -> dict[str, dict[str, np.ndarray]]:
    """The groups of which :func:`named` made these arrays."""
    groups: dict[str, dict[str, np.ndarray]] = {}
    for key, array in tensors.items():
        group, _, name = key.partition(SEPARATOR)
        groups.setdefault(group, {})[name] = array
    return groups


class Packing:
    """Where each array of a message lies in one long vector.

    Args:
        like: a message of the names, shapes and types that are meant; values are not read.
    """

    def __init__(self, like: Groups) -> None:
        self._shapes: Mapping[str, tuple[int, ...]] = {name: array.shape for name, array in named(like).items()}
        sizes = [array.size for array in named(like).values()]
        self.size = sum(sizes)
        """Number of values, P."""
        self._ends = np.cumsum(sizes)
        floats = [array.dtype for array in named(like).values() if np.issubdtype(array.dtype, np.floating)]
        self.dtype = np.result_type(*floats) if floats else np.dtype(np.float32)
        """Type of the vector; counters among the buffers travel as floating-point numbers in it."""

    def vector(self, groups: Groups) -> np.ndarray:
        """(P,) all values of a message with these names, in this order."""
        arrays = named(groups)
        return np.concatenate([arrays[name].ravel() for name in self._shapes]).astype(self.dtype, copy=False)

    def groups(self, vector: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
        """The message of which :meth:`vector` made this one."""
        parts = np.split(vector, self._ends[:-1])
        return ungrouped(
            {name: part.reshape(shape) for (name, shape), part in zip(self._shapes.items(), parts, strict=True)}
        )
