"""Channels that go together, by hand and on generated graphs."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.core.sample import SampleSpec
from engine.core.streams import stream
from engine.datafree.shrinking.channels import FIXED, NotPrunable, channels_of, without
from engine.models.build import build
from engine.models.graph import Graph, Node, chain
from engine.models.layer import Layer
from engine.models.layers import Add, BatchNorm2d, Concat, Conv2d, Flatten, GlobalAvgPool, Linear, ReLU, Sigmoid
from engine.models.model import models
from engine.models.weights import initial
from tests.engine.models.hooked import batch_of
from tests.engine.models.test_graph import residual
from tests.engine.models.test_profile import image_graphs

SAMPLE = SampleSpec(kind="image", shape=(1, 4, 4), num_classes=3)


def test_a_sum_ties_what_it_adds() -> None:
    channels = channels_of(residual())
    (group,) = channels.groups
    assert group.producers == ("conv1", "conv2")
    assert group.classes.tolist() == [1, 2, 3, 4]
    assert channels.classes["sum"].tolist() == [1, 2, 3, 4]
    assert channels.classes["input"].tolist() == [FIXED] * 3
    assert channels.classes["head"].tolist() == [FIXED] * 10


def test_concatenated_pictures_keep_their_own_channels() -> None:
    nodes = (
        Node("left", Conv2d(2, 1), ("input",)),
        Node("right", Conv2d(3, 1), ("input",)),
        Node("both", Concat(), ("left", "right")),
        Node("depth", Conv2d(10, 3, groups=5, padding=1), ("both",)),
        Node("flat", Flatten(), ("depth",)),
        Node("head", Linear(3), ("flat",)),
    )
    channels = channels_of(Graph(SAMPLE, nodes, "head", "flat"))
    assert [(group.producers, group.classes.tolist()) for group in channels.groups] == [
        (("left",), [1, 2]),
        (("right",), [3, 4, 5]),
    ]
    # two filters per input channel, and 16 pixels per channel
    assert channels.classes["depth"].tolist() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert channels.classes["flat"].tolist() == np.repeat([1, 1, 2, 2, 3, 3, 4, 4, 5, 5], 16).tolist()
    kept = np.array([True, True, False, True, True, False])
    smaller, weights = without(channels, initial(channels.graph, 1), kept)
    assert smaller.shapes()["depth"] == (6, 4, 4)
    assert weights["depth.weight"].shape == (6, 1, 3, 3)
    assert weights["head.weight"].shape == (3, 96)


def test_a_sum_with_the_input_stays_whole() -> None:
    nodes = (
        Node("conv", Conv2d(1, 3, padding=1), ("input",)),
        Node("sum", Add(), ("conv", "input")),
        Node("pool", GlobalAvgPool(), ("sum",)),
        Node("hidden", Linear(4), ("pool",)),
        Node("head", Linear(3), ("hidden",)),
    )
    assert [group.producers for group in channels_of(Graph(SAMPLE, nodes, "head", "hidden")).groups] == [("hidden",)]


def test_convolutions_in_groups_of_several_channels_stay_whole() -> None:
    layers: list[tuple[str, Layer]] = [
        ("first", Conv2d(4, 1)), ("grouped", Conv2d(6, 1, groups=2)), ("last", Conv2d(5, 1)),
        ("pool", GlobalAvgPool()), ("head", Linear(3)),
    ]  # fmt: skip
    channels = channels_of(chain(SAMPLE, layers))
    assert [group.producers for group in channels.groups] == [("last",)]
    kept = np.array([True, False, True, True, True, True])
    assert without(channels, initial(channels.graph, 1), kept)[1]["grouped.weight"].shape == (6, 2, 1, 1)


def test_the_groups_of_residual_networks() -> None:
    """WRN-16-1: one group per resolution that sums tie, and one inside of each of the six blocks."""
    sample = SampleSpec(kind="image", shape=(3, 32, 32), num_classes=10)
    groups = channels_of(models["wide_resnet"]().declare(sample)).groups
    assert [group.producers for group in groups if len(group.producers) > 1] == [
        ("conv1", "group1_block1_conv2", "group1_block2_conv2"),
        ("group2_block1_conv2", "group2_block1_shortcut", "group2_block2_conv2"),
        ("group3_block1_conv2", "group3_block1_shortcut", "group3_block2_conv2"),
    ]
    assert sum(len(group.producers) == 1 for group in groups) == 6


def test_a_network_over_time_is_refused() -> None:
    sample = SampleSpec(kind="tokens", shape=(12,), num_classes=30, vocabulary=30)
    with pytest.raises(NotPrunable, match=r"layer lstm1 \(recurrent\) has other than channels"):
        channels_of(models["char_lstm"]().declare(sample))


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(image_graphs(), st.integers(0, 1000))
def test_dead_channels_go_without_a_trace(graph: Graph, seed: int) -> None:
    """Channels of any classes are silenced in the large network; without them the outputs are the same."""
    assume(not any(isinstance(node.layer, Sigmoid) for node in graph.nodes))  # it makes 1/2 of silence
    channels = channels_of(graph)
    draw = stream(seed, "silence")
    kept = draw.random(channels.num_classes) < 0.6
    for group in channels.groups:
        kept[draw.choice(group.classes)] = True
    weights = {name: value.copy() for name, value in initial(graph, seed).items()}
    for node in graph.nodes:
        gone = ~kept[channels.classes[node.name]] & (channels.classes[node.name] != FIXED)
        for name in ("weight", "bias", "running_mean"):
            if (full := f"{node.name}.{name}") in weights:
                weights[full][gone] = 0
    smaller, cut = without(channels, weights, kept)
    assert [info.name for info in smaller.parameters()] == list(cut)
    assert all(cut[info.name].shape == info.shape for info in smaller.parameters())
    x = batch_of(graph.sample, 3, seed)
    expected, found = (_run(*pair, x) for pair in ((graph, weights), (smaller, cut)))
    assert torch.allclose(expected, found, atol=1e-5)


def _run(graph: Graph, weights: dict[str, np.ndarray], x: torch.Tensor) -> torch.Tensor:
    module = build(graph).eval()
    module.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    with torch.no_grad():
        found: torch.Tensor = module(x)
    return found


def test_tied_layers_are_counted_in_order_of_the_network() -> None:
    layers: list[tuple[str, Layer]] = [
        ("conv", Conv2d(3, 3, padding=1)), ("norm", BatchNorm2d()), ("relu", ReLU()), ("pool", GlobalAvgPool()),
        ("head", Linear(3)),
    ]  # fmt: skip
    channels = channels_of(chain(SAMPLE, layers))
    assert channels.num_classes == 4
    assert [node.name for node in channels.producers()] == ["conv"]
