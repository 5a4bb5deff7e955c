"""How much a network's answers change when one weight of it is another."""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import torch
from torch.nn import functional

from engine.datafree.rounding.quantized_module import built
from engine.models.graph import Graph
from engine.training.arrays import as_tensor


def divergences(
    graph: Graph, weights: Mapping[str, np.ndarray], images: np.ndarray, changed: Iterable[tuple[str, np.ndarray]]
) -> Iterator[float]:
    """Mean Kullback-Leibler divergence, in nats, from the network's classes to those with one changed weight.

    Source: Y. Cai et al., ZeroQ, CVPR 2020, section 3.3, equation 4.

    Args:
        graph: the network.
        weights: its weights by name.
        images: (N, *sample.shape) on which they are compared.
        changed: names of weights with their other values, one at a time.
    """
    module, x = built(graph, weights), as_tensor(np.ascontiguousarray(images))
    state = module.state_dict()
    with torch.no_grad():
        exact = functional.log_softmax(module(x).double(), dim=-1)
        for name, value in changed:
            before = state[name].clone()
            state[name].copy_(torch.from_numpy(value))
            told = functional.log_softmax(module(x).double(), dim=-1)
            state[name].copy_(before)
            each = functional.kl_div(told, exact, reduction="none", log_target=True).sum(dim=-1)
            yield float(each.mean())
