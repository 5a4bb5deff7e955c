"""Accuracy and loss on held-out samples, and mean activations; no gradients."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from engine.models.build import GraphModule, build
from engine.models.graph import Graph
from engine.training.arrays import as_tensor, as_tensors, channels_last, load
from engine.training.local import Tensors
from engine.training.rewrite import pool_before_relu

GENERATOR = threading.RLock()
"""Held by whoever draws from torch's own generator, of which a process has one."""

BATCH = 500
"""Samples at once; a fixed number, since sums in another order are other bits."""


@dataclass(frozen=True)
class Score:
    """How a model does on held-out samples.

    Attributes:
        accuracy: share of right answers, over positions where each has a label.
        loss: mean cross-entropy.
        num_samples: samples it was measured on.
    """

    accuracy: float
    loss: float
    num_samples: int


def module_for(graph: Graph, cache: dict[str, Any], dtype: torch.dtype = torch.float32) -> GraphModule:
    """The graph's network, built once per thread; whoever uses it loads weights first.

    It computes the same function as ``build(graph)`` in the order and memory layout in which torch's kernels are
    fastest: pooling before ReLU, channels last.

    Args:
        graph: the model.
        cache: where the process keeps it.
        dtype: type of its weights.
    """
    key = f"module {dtype} {threading.get_ident()}"
    if key not in cache:
        with GENERATOR:  # layers draw weights when they are made, which nobody uses
            cache[key] = build(pool_before_relu(graph)).to(dtype)
        cache[key].to(memory_format=torch.channels_last)
    module: GraphModule = cache[key]
    return module


def evaluate(module: GraphModule, weights: Mapping[str, np.ndarray], x: np.ndarray, y: np.ndarray) -> Score:
    """Measure a model.

    Args:
        module: the network; its weights are overwritten.
        weights: weights and buffers by name.
        x: (N, *sample), inputs.
        y: (N,) or (N, T), labels.
    """
    load(module, as_tensors(weights))
    module.eval()
    right, loss = 0, 0.0
    inputs, labels = as_tensor(x, next(iter(weights.values())).dtype), as_tensor(y)
    with torch.inference_mode():
        for first in range(0, len(labels), BATCH):
            logits = module(channels_last(inputs[first : first + BATCH])).flatten(0, -2)
            wanted = labels[first : first + BATCH].flatten()
            right += int((logits.argmax(-1) == wanted).sum())
            loss += float(functional.cross_entropy(logits, wanted, reduction="sum"))
    return Score(right / labels.numel(), loss / labels.numel(), len(labels))


def mean_losses(
    module: GraphModule, weights: Tensors, x: Tensor, y: Tensor, clients: Sequence[np.ndarray]
) -> np.ndarray:
    """The mean cross-entropy (C,) of one model over each client's samples.

    Args:
        module: the network; its weights are overwritten.
        weights: weights and buffers by name.
        x: (N, *sample), inputs of all samples at hand.
        y: (N,) or (N, T), labels.
        clients: rows of ``x`` of each client, at least one.
    """
    load(module, weights)

    def losses(logits: Tensor, labels: Tensor) -> Tensor:
        return functional.cross_entropy(logits.flatten(0, -2), labels.flatten(), reduction="none")

    return _means(module, x, y, clients, losses)


def accuracies(
    module: GraphModule, weights: Tensors, x: Tensor, y: Tensor, clients: Sequence[np.ndarray]
) -> np.ndarray:
    """The share of right answers (C,) of one model over each client's samples; arguments as of :func:`mean_losses`."""
    load(module, weights)

    def hits(logits: Tensor, labels: Tensor) -> Tensor:
        return (logits.argmax(-1) == labels).double()

    return _means(module, x, y, clients, hits)


def _means(
    module: GraphModule,
    x: Tensor,
    y: Tensor,
    clients: Sequence[np.ndarray],
    measure: Callable[[Tensor, Tensor], Tensor],
) -> np.ndarray:
    """(C,) means over each client's samples of what is measured of (logits, labels), one value per label."""
    module.eval()
    rows, values = torch.from_numpy(np.concatenate(clients)), []
    with torch.no_grad():
        for first in range(0, len(rows), BATCH):
            batch = rows[first : first + BATCH]
            each = measure(module(channels_last(x.index_select(0, batch))), y[batch])
            values.append(each.view(len(batch), -1).mean(1))
    sizes = np.array([len(places) for places in clients])
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    means: np.ndarray = np.add.reduceat(torch.cat(values).numpy(), starts) / sizes
    return means


def mean_features(module: GraphModule, weights: Tensors, x: Tensor, places: np.ndarray) -> np.ndarray:
    """The mean penultimate features (d,) of a model over some samples, and their positions where they have any.

    Args:
        module: the network; its weights are overwritten.
        weights: weights and buffers by name.
        x: (N, *sample), inputs of all samples at hand.
        places: rows of ``x`` to take.
    """
    load(module, weights)
    module.eval()
    total, count = torch.zeros(0), 0
    with torch.no_grad():
        for first in range(0, len(places), BATCH):
            rows = torch.from_numpy(places[first : first + BATCH])
            part = module.features(channels_last(x.index_select(0, rows))).flatten(0, -2)
            total = total + part.sum(0) if count else part.sum(0)
            count += len(part)
    result: np.ndarray = (total / count).numpy()
    return result
