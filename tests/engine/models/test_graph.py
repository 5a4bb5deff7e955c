"""Graphs as data: shapes, names, cuts, and declarations that make no sense."""

import pytest

from engine.core.sample import SampleSpec
from engine.models.graph import Graph, GraphError, Node, chain
from engine.models.layer import Constant, Layer, Shape, ShapeError, Uniform
from engine.models.layers import (
    Add,
    AvgPool2d,
    BatchNorm2d,
    Concat,
    Conv2d,
    Embedding,
    Flatten,
    GlobalAvgPool,
    Linear,
    MaxPool2d,
    Recurrent,
    ReLU,
)

IMAGE = SampleSpec(kind="image", shape=(3, 8, 8), num_classes=10)


def residual() -> Graph:
    """A block conv -> relu -> conv, added to the output of the relu, then pooled and classified."""
    return Graph(
        IMAGE,
        (
            Node("conv1", Conv2d(4, 3, padding=1, bias=False), ("input",)),
            Node("norm1", BatchNorm2d(), ("conv1",)),
            Node("relu1", ReLU(), ("norm1",)),
            Node("conv2", Conv2d(4, 3, padding=1), ("relu1",)),
            Node("sum", Add(), ("conv2", "relu1")),
            Node("pool", GlobalAvgPool(), ("sum",)),
            Node("head", Linear(10), ("pool",)),
        ),
        output="head",
        features="pool",
    )


@pytest.mark.parametrize(
    ("layer", "inputs", "expected"),
    [
        (Linear(5), ((7,),), (5,)),
        (Linear(5), ((9, 7),), (9, 5)),
        (Conv2d(8, 3), ((3, 8, 8),), (8, 6, 6)),
        (Conv2d(8, 3, padding=1, stride=2), ((3, 8, 8),), (8, 4, 4)),
        (Conv2d(64, (10, 4), stride=(2, 2), padding=(5, 1)), ((1, 49, 10),), (64, 25, 5)),  # DS-CNN: Zhang et al. 2017
        (MaxPool2d(2), ((4, 7, 7),), (4, 3, 3)),
        (MaxPool2d(3, stride=2, padding=1), ((4, 8, 8),), (4, 4, 4)),
        (AvgPool2d((2, 4)), ((4, 8, 8),), (4, 4, 2)),
        (GlobalAvgPool(), ((4, 7, 9),), (4,)),
        (Flatten(), ((4, 3, 3),), (36,)),
        (Concat(), ((4, 3, 3), (2, 3, 3)), (6, 3, 3)),
        (Embedding(90, 8), ((80,),), (80, 8)),
        (Recurrent("lstm", 256), ((80, 8),), (256,)),
        (Recurrent("gru", 32, return_sequence=True), ((80, 8),), (80, 32)),
    ],
)
def test_output_shapes_by_hand(layer: Layer, inputs: tuple[Shape, ...], expected: Shape) -> None:
    assert layer.output_shape(inputs) == expected


@pytest.mark.parametrize(
    ("layer", "inputs", "words"),
    [
        (Conv2d(8, 5), ((3, 4, 4),), "window of 5x5, larger than its .* 4x4"),
        (Conv2d(8, 3, groups=2), ((3, 8, 8),), "2 groups"),
        (Conv2d(8, 3), ((10,),), "3 axes"),
        (Linear(3), ((3, 8, 8),), "3x8x8"),
        (Add(), ((3, 8, 8), (3, 4, 4)), "3x8x8, 3x4x4"),
        (Concat(), ((3, 8, 8), (3, 4, 4)), "first axis"),
        (Recurrent("gru", 4), ((3,),), "2 axes"),
    ],
)
def test_a_layer_that_does_not_fit_says_why(layer: Layer, inputs: tuple[Shape, ...], words: str) -> None:
    with pytest.raises(ShapeError, match=words):
        layer.output_shape(inputs)


def test_the_layer_is_named_that_does_not_fit() -> None:
    with pytest.raises(ShapeError, match="layer deep has a window"):
        chain(IMAGE, [("conv", Conv2d(2, 3)), ("deep", MaxPool2d(9)), ("flatten", Flatten()), ("head", Linear(2))])


def test_parameters_carry_names_places_and_laws() -> None:
    parameters = {info.name: info for info in residual().parameters()}
    assert list(parameters) == [
        "conv1.weight",
        "norm1.weight",
        "norm1.bias",
        "norm1.running_mean",
        "norm1.running_var",
        "conv2.weight",
        "conv2.bias",
        "head.weight",
        "head.bias",
    ]
    assert parameters["conv1.weight"].shape == (4, 3, 3, 3)
    assert parameters["conv1.weight"].law == Uniform(1 / 27**0.5)
    assert parameters["norm1.running_var"].is_buffer
    assert parameters["norm1.running_var"].law == Constant(1.0)
    assert {parameters["head.weight"].place, parameters["head.weight"].num_places} == {3, 4}
    # 108 + 8 (buffers apart) + 148 + 50
    assert residual().num_parameters == 314
    assert residual().parameter_bytes == 4 * (314 + 8)


def test_a_cut_inside_a_residual_block_carries_both_branches() -> None:
    cuts = {cut.after: cut for cut in residual().cuts()}
    assert cuts["relu1"].tensors == ("relu1",)
    assert cuts["conv2"].tensors == ("relu1", "conv2")
    assert cuts["conv2"].num_bytes == 2 * 4 * 4 * 64
    assert cuts["pool"].num_bytes == 16
    assert "head" not in cuts


@pytest.mark.parametrize(
    ("nodes", "output", "features", "words"),
    [
        ((Node("a", Flatten(), ("b",)), Node("head", Linear(2), ("a",))), "head", "a", "before it is made"),
        ((Node("a", Flatten(), ("input",)), Node("a", Linear(2), ("a",))), "a", "a", "taken"),
        ((Node("a.b", Flatten(), ("input",)), Node("head", Linear(2), ("a.b",))), "head", "a.b", "form"),
        ((Node("a", Add(), ("input",)), Node("head", Linear(2), ("a",))), "head", "a", "two or more"),
        ((Node("a", Flatten(), ("input",)),), "a", "input", "Linear"),
        ((Node("a", Flatten(), ("input",)), Node("head", Linear(2), ("a",))), "head", "input", "features"),
        ((), "head", "input", "last node"),
    ],
)
def test_wrong_declarations_are_refused(nodes: tuple[Node, ...], output: str, features: str, words: str) -> None:
    with pytest.raises(GraphError, match=words):
        Graph(IMAGE, nodes, output, features)


def test_graphs_are_values() -> None:
    assert residual() == residual()
    assert hash(residual()) == hash(residual())


def test_the_stages_of_a_network_are_its_last_pictures_at_each_size() -> None:
    layers: list[tuple[str, Layer]] = [
        ("conv1", Conv2d(2, 3, padding=1)),
        ("relu1", ReLU()),
        ("pool1", MaxPool2d(2)),
        ("pool2", MaxPool2d(2)),  # 2x2 by pooling, and again by a convolution
        ("conv2", Conv2d(2, 1)),
        ("pool3", MaxPool2d(2)),
        ("conv3", Conv2d(2, 1)),  # one pixel is no picture
        ("flatten", Flatten()),
        ("head", Linear(2)),
    ]
    assert dict(chain(IMAGE, layers).stages) == {(8, 8): "relu1", (2, 2): "conv2"}
    assert dict(residual().stages) == {(8, 8): "sum"}
    assert dict(chain(IMAGE, [("flatten", Flatten()), ("head", Linear(2))]).stages) == {}
