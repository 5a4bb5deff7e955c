"""The models of devices that have each their own: in the states of clients, mixed by a matrix, and their mean."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from engine.federated.rounds.sessions import Ints
from engine.task.contract import Clients, Tensors

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

MODEL, TRAINED = "model", "trained"
"""Prefixes of a client's tensors: its model at the start of the round, and after local training, until it is mixed."""

CHUNK = 1 << 20
"""Numbers of all devices that are mixed at once."""

Weights = Mapping[str, np.ndarray]


def model_of(tensors: Tensors, initial: Weights, prefix: str = MODEL) -> dict[str, np.ndarray]:
    """A device's model; that of the start where it has none of its own."""
    return {name: tensors.get(f"{prefix}/{name}", value) for name, value in initial.items()}


def kept(tensors: Tensors) -> dict[str, np.ndarray]:
    """A client's tensors without its models: what the strategy keeps."""
    return {key: value for key, value in tensors.items() if not key.startswith((f"{MODEL}/", f"{TRAINED}/"))}


def mixed(
    clients: Clients, devices: Ints, matrix: "csr_matrix", initial: Weights, *, beside: bool
) -> dict[int, dict[str, np.ndarray]]:
    """The tensors of a round's devices after their models were averaged.

    Args:
        clients: states with trained models.
        devices: (m,) who takes part.
        matrix: (m, m) how much each takes of each.
        initial: the model at the start of the run.
        beside: whether what was averaged is the models before training, to which each adds what it learned.
    """
    states = [clients[int(device)] for device in devices]
    result = [kept(tensors) for tensors in states]
    for name, value in initial.items():
        rows = [tensors[f"{TRAINED}/{name}"] for tensors in states]
        before = [tensors.get(f"{MODEL}/{name}", value) for tensors in states] if beside else rows
        means = _averaged(before, matrix)
        for tensors, mean, after, earlier in zip(result, means, rows, before, strict=True):
            whole = mean + (np.asarray(after, np.float64) - earlier) if beside else mean
            if np.issubdtype(value.dtype, np.integer):
                whole = np.rint(whole)
            tensors[f"{MODEL}/{name}"] = whole.astype(value.dtype).reshape(value.shape)
    return {int(device): tensors for device, tensors in zip(devices, result, strict=True)}


def _averaged(arrays: list[np.ndarray], matrix: "csr_matrix") -> Iterator[np.ndarray]:
    """The rows of ``matrix @ arrays`` in double precision, in the shape of the arrays."""
    shape, size = arrays[0].shape, arrays[0].size
    means = np.empty((len(arrays), size))
    width = max(1, CHUNK // len(arrays))
    for first in range(0, size, width):
        part = np.stack([array.reshape(-1)[first : first + width] for array in arrays]).astype(np.float64)
        means[:, first : first + width] = matrix @ part
    return (row.reshape(shape) for row in means)


def mean_model(clients: Clients, num_devices: int, initial: Weights) -> tuple[dict[str, np.ndarray], float]:
    """The mean of all devices' models, and how far they are from it.

    Args:
        clients: states of those devices that took part so far.
        num_devices: devices in all; the others still have the model of the start.
        initial: the model at the start of the run.

    Returns:
        The mean, and the root of the mean squared distance to it (the consensus distance; Kong et al., Consensus
        Control for Decentralized Deep Learning, ICML 2021, equation 2).
    """
    means: dict[str, np.ndarray] = {}
    squares, others = 0.0, num_devices - len(clients)
    for name, value in initial.items():
        total = value.astype(np.float64) * others
        for client in clients:
            total = total + clients[client].get(f"{MODEL}/{name}", value)
        mean = total / num_devices
        squares += others * float(np.sum((value - mean) ** 2))
        squares += sum(float(np.sum((clients[c].get(f"{MODEL}/{name}", value) - mean) ** 2)) for c in clients)
        whole = np.rint(mean) if np.issubdtype(value.dtype, np.integer) else mean
        means[name] = whole.astype(value.dtype)
    return means, float(np.sqrt(squares / num_devices))
