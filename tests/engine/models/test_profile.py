"""Work and memory by hand, and the declaration against the built module for generated graphs."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.sample import SampleSpec
from engine.models.graph import Graph, Node, chain
from engine.models.layer import Layer
from engine.models.layers import (
    Add,
    AvgPool2d,
    BatchNorm2d,
    Concat,
    Conv2d,
    Dropout,
    Embedding,
    Flatten,
    GlobalAvgPool,
    Linear,
    MaxPool2d,
    Pair,
    Recurrent,
    ReLU,
    Sigmoid,
    Tanh,
)
from engine.models.profile import profile
from tests.engine.models.hooked import (
    WORK,
    batch_of,
    macs_by_node,
    module_with_weights,
    output_shapes,
    peak_bytes,
    saved_bytes_per_sample,
)
from tests.engine.models.test_graph import residual

KERNELS: list[Pair] = [1, 3, (1, 3)]
SAMPLE = SampleSpec(kind="image", shape=(2, 6, 6), num_classes=3)


def assert_declared_equals_built(graph: Graph) -> None:
    """Names, shapes, work and memory of a declaration are those of the torch module."""
    module, declared = module_with_weights(graph), profile(graph)
    assert list(module.state_dict()) == [info.name for info in graph.parameters()]
    assert {name for name, _ in module.named_parameters()} == {
        info.name for info in graph.parameters() if not info.is_buffer
    }
    x = batch_of(graph.sample, 2)
    assert output_shapes(module, x) == {node.name: graph.shapes()[node.name] for node in graph.nodes}
    measured = macs_by_node(module, x)
    for row in declared.rows():
        assert sum(count for operator, count in row.macs.items() if operator in WORK) == measured.get(row.name, 0)
    assert declared.total_macs == sum(measured.values())
    assert declared.peak_activation_bytes == peak_bytes(module, batch_of(graph.sample, 1))
    assert declared.saved_bytes == saved_bytes_per_sample(module, graph.sample)


@st.composite
def image_graphs(draw: st.DrawFn) -> Graph:
    """Small graphs of convolutions, pools, branches and element-wise layers."""
    nodes: list[Node] = []
    shape, last = SAMPLE.shape, "input"

    def append(layer: Layer, *inputs: str) -> str:
        nodes.append(Node(f"n{len(nodes)}", layer, inputs))
        return nodes[-1].name

    for _ in range(draw(st.integers(1, 6))):
        channels, height, width = shape
        branch = Conv2d(channels, 3, padding=1, bias=draw(st.booleans()))
        choices: list[Layer] = [
            Conv2d(
                draw(st.integers(1, 4)),
                draw(st.sampled_from(KERNELS)),
                padding=1,
                stride=draw(st.integers(1, 2)),
            ),
            Conv2d(channels * 2, 3, padding=1, groups=channels, bias=False),
            BatchNorm2d(),
            ReLU(),
            Tanh(),
            Sigmoid(),
            Dropout(0.5),
            Add(),
            Concat(),
        ]
        if min(height, width) >= 3:
            choices += [MaxPool2d(3, stride=2, padding=1), AvgPool2d(2)]
        layer = draw(st.sampled_from(choices))
        last = append(layer, append(branch, last), last) if isinstance(layer, Add | Concat) else append(layer, last)
        shape = Graph(
            SAMPLE,
            (*nodes, Node("flat", Flatten(), (last,)), Node("head", Linear(3), ("flat",))),
            output="head",
            features="flat",
        ).shapes()[last]
    last = append(draw(st.sampled_from([Flatten(), GlobalAvgPool()])), last)
    last = append(ReLU(), append(Linear(4), last)) if draw(st.booleans()) else last
    return Graph(SAMPLE, (*nodes, Node("head", Linear(3), (last,))), output="head", features=last)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(image_graphs())
def test_declared_equals_built_for_generated_graphs(graph: Graph) -> None:
    assert_declared_equals_built(graph)


@settings(max_examples=12, deadline=None)
@given(st.sampled_from(["gru", "lstm"]), st.booleans(), st.integers(1, 6), st.integers(1, 5), st.booleans())
def test_declared_equals_built_for_sequences(cell: str, sequence: bool, steps: int, hidden: int, tokens: bool) -> None:
    layers: list[tuple[str, Layer]] = [("rnn", Recurrent(cell, hidden, return_sequence=sequence)), ("head", Linear(7))]  # type: ignore[arg-type]
    if tokens:
        sample = SampleSpec(kind="tokens", shape=(steps,), num_classes=7, vocabulary=7, per_position=sequence)
        layers.insert(0, ("embed", Embedding(7, 3)))
    else:
        sample = SampleSpec(kind="sequence", shape=(steps, 3), num_classes=7, per_position=sequence)
    with torch.backends.mkldnn.flags(enabled=False):  # its fused LSTM hides its operators from torch's counter
        assert_declared_equals_built(chain(sample, layers))


def test_work_of_the_mcmahan_cnn_by_hand() -> None:
    """28*28*32*25, 14*14*64*32*25, 3136*512, 512*10 multiplications; pools and ReLUs apart."""
    sample = SampleSpec(kind="image", shape=(1, 28, 28), num_classes=10)
    layers: list[tuple[str, Layer]] = [
        ("conv1", Conv2d(32, 5, padding=2)),
        ("relu1", ReLU()),
        ("pool1", MaxPool2d(2)),
        ("conv2", Conv2d(64, 5, padding=2)),
        ("relu2", ReLU()),
        ("pool2", MaxPool2d(2)),
        ("flatten", Flatten()),
        ("fc1", Linear(512)),
        ("relu3", ReLU()),
        ("head", Linear(10)),
    ]
    found = profile(chain(sample, layers))
    assert found.macs == {
        "conv": 627_200 + 10_035_200,
        "depthwise": 0,
        "linear": 1_605_632 + 5_120,
        "recurrent": 0,
        "other": 25_088 + 25_088 + 12_544 + 12_544 + 512,
    }
    assert found.total_macs == 12_273_152
    # conv1's output and relu1's are alive together: 2 * 32*28*28 floats
    assert found.peak_activation_bytes == 2 * 4 * 25_088
    assert found.inference_bytes == 4 * 1_663_370 + 200_704


def test_the_residual_input_lives_until_it_is_added() -> None:
    """At the sum, relu1, conv2 and the sum are alive: 3 * 4*8*8 floats."""
    assert profile(residual()).peak_activation_bytes == 3 * 4 * 256


def test_training_memory_by_hand() -> None:
    """A 4-3-2 network: 23 weights; kept per sample are the input, relu's output and nothing else (4 + 3 floats)."""
    sample = SampleSpec(kind="features", shape=(4,), num_classes=2)
    found = profile(chain(sample, [("fc", Linear(3)), ("relu", ReLU()), ("head", Linear(2))]))
    assert found.num_parameters == 23
    assert found.saved_bytes == 4 * (4 + 3)
    assert found.gradient_bytes == 4 * (3 + 3)
    weights_and_gradients, activations = 2 * 4 * 23, 10 * 4 * (7 + 6)
    assert found.training_bytes(10) == weights_and_gradients + activations
    assert found.training_bytes(10, optimizer_copies=1) == 3 * 4 * 23 + activations
