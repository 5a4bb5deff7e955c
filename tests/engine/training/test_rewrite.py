import numpy as np
import pytest
import torch

from engine.core.sample import SampleSpec
from engine.core.streams import stream
from engine.models.build import build
from engine.models.graph import Graph, chain
from engine.models.layers import Conv2d, Flatten, Linear, MaxPool2d, ReLU
from engine.models.weights import initial
from engine.models.zoo.mcmahan_cnn import McmahanCnn
from engine.training.rewrite import pool_before_relu

IMAGE = SampleSpec(kind="image", shape=(1, 12, 12), num_classes=3)


def outcome(graph: Graph, origin: Graph) -> list[torch.Tensor]:
    """Logits, features, and the gradients of all weights."""
    module = build(graph)
    module.load_state_dict({name: torch.from_numpy(array) for name, array in initial(origin, 1).items()})
    # rounding to eighths makes ties in windows, whose gradient must go the same way
    x = torch.from_numpy(
        np.round(8 * stream(1, "images").standard_normal((5, *origin.sample.shape)).astype(np.float32)) / 8
    )
    logits, features = module.forward_with_features(x)
    return [logits, features, *torch.autograd.grad(logits.square().sum(), list(module.parameters()))]


def test_same_bits_forward_and_backward() -> None:
    graph = McmahanCnn().declare(SampleSpec(kind="image", shape=(1, 28, 28), num_classes=10))
    rewritten = pool_before_relu(graph)
    kinds = [node.layer.kind for node in rewritten.nodes]
    assert kinds != [node.layer.kind for node in graph.nodes]
    assert rewritten.parameters() == graph.parameters()
    for left, right in zip(outcome(graph, graph), outcome(rewritten, graph), strict=True):
        assert torch.equal(left, right)


@pytest.mark.parametrize("pool", [MaxPool2d(2, padding=1), MaxPool2d(3, stride=2)])
def test_padded_pooling_stays_and_overlapping_windows_move(pool: MaxPool2d) -> None:
    layers = [("conv", Conv2d(4, 3)), ("relu", ReLU()), ("pool", pool), ("flat", Flatten()), ("head", Linear(3))]
    graph = chain(IMAGE, layers)
    rewritten = pool_before_relu(graph)
    assert (rewritten == graph) == (pool.padding != 0)
    for left, right in zip(outcome(graph, graph), outcome(rewritten, graph), strict=True):
        assert torch.allclose(left, right, atol=1e-6)
