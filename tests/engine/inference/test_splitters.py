"""Splitters: joined outputs equal the whole network's, and work, bytes and memory are those worked out by hand."""

from typing import Any

import numpy as np
import pytest
import torch

from engine.core.sample import SampleSpec
from engine.inference.cuts.execution import execute
from engine.inference.cuts.parts import Part, needs
from engine.inference.cuts.pieces import SINK, SOURCE, Pieces, join
from engine.inference.splitter import CannotSplit, Splitter, splitters
from engine.models.build import build
from engine.models.graph import INPUT, Graph, Node, chain
from engine.models.layer import Layer, ShapeError
from engine.models.layers import Add, AvgPool2d, BatchNorm2d, Concat, Conv2d, Flatten, Linear, MaxPool2d, ReLU
from engine.models.model import models
from engine.models.profile import profile
from engine.models.weights import initial

PICTURE = SampleSpec(kind="image", shape=(3, 16, 16), num_classes=10)

ZOO: dict[str, dict[str, Any]] = {
    "mlp": {"hidden": [20, 12]},
    "lenet5": {},
    "resnet8": {},
    "wide_resnet": {"depth": 10, "width": 1},
    "mobilenet": {},
    "ds_cnn": {},
}
"""Networks without shortcuts, with them, and with depthwise convolutions."""

SPLITTERS: list[dict[str, Any]] = [
    {"kind": "layer"},
    {"kind": "layer", "fuse": False},
    {"kind": "pipeline"},
    {"kind": "spatial", "num_tiles": 3, "fused_layers": 2},
    {"kind": "spatial", "num_tiles": 2, "fused_layers": 100, "weights": [1, 3]},
    {"kind": "channel", "num_slices": 3},
    {"kind": "channel", "num_slices": 2, "weights": [1, 2.5]},
]


def splitter_of(settings: dict[str, Any]) -> Splitter:
    """The splitter with these settings."""
    return splitters[settings["kind"]].model_validate(settings)


def graph_of(kind: str) -> Graph:
    """A network of the zoo for small pictures."""
    return models[kind].model_validate(ZOO[kind]).declare(PICTURE)


def assert_joined(graph: Graph, pieces: Pieces) -> None:
    """The pieces compute what the whole network does, with statistics of normalization that are not neutral."""
    module = build(graph)
    module.load_state_dict({name: torch.from_numpy(value) for name, value in initial(graph, 0).items()}, strict=False)
    draw = torch.Generator().manual_seed(0)
    for name, tensor in module.state_dict().items():
        if name.endswith(("running_mean", "running_var")):
            tensor.copy_(torch.rand(tensor.shape, generator=draw) + 0.5)
    module.eval()
    x = torch.randn((2, *graph.sample.shape), generator=draw)
    with torch.no_grad():
        whole = module(x)
    joined = execute(module, pieces, x)
    assert joined.shape == whole.shape
    assert float((joined - whole).abs().max()) <= 1e-5 * max(1.0, float(whole.abs().max()))


@pytest.mark.parametrize("settings", SPLITTERS, ids=lambda s: "-".join(map(str, s.values())))
@pytest.mark.parametrize("kind", ZOO)
def test_the_joined_output_is_the_whole_networks(kind: str, settings: dict[str, Any]) -> None:
    graph = graph_of(kind)
    splitter = splitter_of(settings)
    if splitter.check(graph):
        assert (kind, settings["kind"]) == ("mlp", "spatial")
        return
    pieces = splitter.split(graph)
    assert pieces.exact
    assert_joined(graph, pieces)


@pytest.mark.parametrize("kind", ZOO)
def test_nothing_is_lost_or_done_twice(kind: str) -> None:
    """Only tiles of fused layers compute anything twice, and only they hold weights twice."""
    graph = graph_of(kind)
    whole = profile(graph)
    for settings in SPLITTERS:
        splitter = splitter_of(settings)
        if splitter.check(graph):
            continue
        pieces = splitter.split(graph)
        assert pieces.parameter_bytes == whole.parameter_bytes
        if settings["kind"] == "spatial":
            assert pieces.total_macs >= whole.total_macs
        else:
            assert pieces.total_macs == whole.total_macs


@pytest.mark.parametrize("kind", ZOO)
def test_one_piece_of_everything_is_the_whole_network(kind: str) -> None:
    """Its memory is that of the profile, by liveness."""
    graph = graph_of(kind)
    pieces = join(graph, [("all", [Part(node.name) for node in graph.nodes])])
    whole = profile(graph)
    assert pieces.pieces[0].peak_bytes == whole.inference_bytes
    assert dict(pieces.pieces[0].work.macs) == whole.macs
    assert pieces.pieces[0].work.parameter_count == whole.num_parameters
    assert [(m.source, m.target, m.num_bytes) for m in pieces.messages] == [
        (SOURCE, "all", 3 * 16 * 16 * 4), ("all", SINK, 40),
    ]  # fmt: skip


def test_bytes_and_work_of_a_tile_by_hand() -> None:
    """An 8x8 picture, two 3x3 convolutions, halves: 4 rows need 5 of the inner layer and 6 of the input."""
    sample = SampleSpec(kind="image", shape=(1, 8, 8), num_classes=2)
    layers = [("a", Conv2d(2, 3, padding=1)), ("b", Conv2d(4, 3, padding=1)), ("flat", Flatten()), ("fc", Linear(2))]
    graph = chain(sample, layers)
    pieces = splitter_of({"kind": "spatial", "num_tiles": 2}).split(graph)
    upper, lower, rest = pieces.pieces
    assert upper.parts == (Part("a", "rows", 0, 5), Part("b", "rows", 0, 4))
    assert lower.parts == (Part("a", "rows", 3, 8), Part("b", "rows", 4, 8))
    # a: 5 rows x 8 columns x 2 channels x 9; b: 4 x 8 x 4 x 2 x 9.
    assert upper.work.macs["conv"] == lower.work.macs["conv"] == 5 * 8 * 2 * 9 + 4 * 8 * 4 * 18
    assert [(m.source, m.target, m.num_bytes) for m in pieces.messages] == [
        (SOURCE, "block 0 tile 0", 6 * 8 * 4), (SOURCE, "block 0 tile 1", 6 * 8 * 4),
        ("block 0 tile 0", "rest", 4 * 8 * 4 * 4), ("block 0 tile 1", "rest", 4 * 8 * 4 * 4), ("rest", SINK, 8),
    ]  # fmt: skip
    # Weights of both layers, and the larger of (input, a) and (a, b).
    assert upper.peak_bytes == 4 * (2 * 9 + 2 + 4 * 18 + 4) + 4 * max(48 + 80, 80 + 128)
    assert rest.parameter_bytes == 4 * (256 * 2 + 2)


def test_bytes_of_slices_by_hand() -> None:
    """Four filters in two slices: each layer's halves go to both slices of the next one."""
    sample = SampleSpec(kind="image", shape=(1, 8, 8), num_classes=2)
    layers = [("a", Conv2d(4, 3, padding=1)), ("relu", ReLU()), ("pool", MaxPool2d(2)), ("flat", Flatten())]
    graph = chain(sample, [*layers, ("hidden", Linear(6)), ("fc", Linear(2))])
    pieces = splitter_of({"kind": "channel"}).split(graph)
    assert [piece.name for piece in pieces.pieces] == [
        "a slice 0", "a slice 1", "hidden slice 0", "hidden slice 1", "fc slice 0", "fc slice 1",
    ]  # fmt: skip
    assert pieces.pieces[0].work.macs["conv"] == 8 * 8 * 2 * 9
    assert pieces.pieces[0].parameter_bytes == 4 * (2 * 9 + 2)
    assert pieces.pieces[2].parameter_bytes == 4 * (3 * 64 + 3)
    sizes = {(m.source, m.target): m.num_bytes for m in pieces.messages}
    assert sizes["a slice 0", "hidden slice 1"] == sizes["a slice 1", "hidden slice 1"] == 2 * 4 * 4 * 4
    assert sizes["hidden slice 0", "fc slice 1"] == 12
    assert sizes["fc slice 1", SINK] == 4


def test_a_shortcut_makes_a_graph_and_its_pipeline_a_chain() -> None:
    graph = graph_of("resnet8")
    layers, stages = (splitter_of({"kind": kind}).split(graph) for kind in ("layer", "pipeline"))
    assert not layers.is_chain
    assert stages.is_chain
    assert len(stages.pieces) < len(layers.pieces) < len(graph.nodes)
    # Whatever crosses a cut of the declaration crosses it between pieces as well.
    cuts = {cut.after: cut.num_bytes for cut in graph.cuts() if cut.tensors == (cut.after,)}
    for message in stages.messages[1:-1]:
        assert message.num_bytes == cuts[message.part.tensor]


def test_joined_tensors_are_cut_through() -> None:
    """A range of channels may lie in one of the joined tensors or in both."""
    nodes = (
        Node("a", Conv2d(5, 3, padding=1), (INPUT,)), Node("b", Conv2d(3, 3, padding=1), (INPUT,)),
        Node("both", Concat(), ("a", "b")), Node("c", Conv2d(8, 3, padding=1), ("both",)),
        Node("sum", Add(), ("c", "both")), Node("flat", Flatten(), ("sum",)), Node("fc", Linear(10), ("flat",)),
    )  # fmt: skip
    graph = Graph(PICTURE, nodes, output="fc", features="flat")
    assert needs(graph, Part("both", "channels", 4, 8)) == [
        Part("a", "channels", 4, 5), Part("b", "channels", 0, 3),
    ]  # fmt: skip
    for settings in SPLITTERS:
        assert_joined(graph, splitter_of(settings).split(graph))


def fitting(sample: SampleSpec, layers: list[tuple[str, Layer]]) -> Graph:
    """The network of as many of the layers as fit the picture, and a classifier."""
    try:
        return chain(sample, [*layers, ("flat", Flatten()), ("fc", Linear(4))])
    except ShapeError:
        return fitting(sample, layers[:-2])


@pytest.mark.parametrize("seed", range(25))
def test_windows_of_any_shape_are_joined(seed: int) -> None:
    """Random kernels, steps, paddings and numbers of tiles and slices, on a picture that is not square."""
    draw = np.random.Generator(np.random.PCG64(seed))
    sample = SampleSpec(kind="image", shape=(3, int(draw.integers(17, 30)), int(draw.integers(15, 24))), num_classes=4)
    layers: list[tuple[str, Layer]] = []
    for number in range(int(draw.integers(1, 5))):
        kernel, stride = tuple(draw.integers(1, 5, 2).tolist()), tuple(draw.integers(1, 3, 2).tolist())
        padding = (int(draw.integers(0, kernel[0] // 2 + 1)), int(draw.integers(0, kernel[1] // 2 + 1)))
        match int(draw.integers(0, 4)):
            case 0:
                layers.append((f"max{number}", MaxPool2d(kernel, stride, padding)))
            case 1:
                layers.append((f"mean{number}", AvgPool2d(kernel, stride)))
            case _:
                layers.append((f"conv{number}", Conv2d(int(draw.integers(2, 7)), kernel, stride, padding)))
        layers.append((f"norm{number}", BatchNorm2d()) if draw.random() < 0.5 else (f"relu{number}", ReLU()))
    graph = fitting(sample, layers)
    tiles, fused = int(draw.integers(2, 6)), int(draw.integers(1, 5))
    assert_joined(graph, splitter_of({"kind": "spatial", "num_tiles": tiles, "fused_layers": fused}).split(graph))
    weights = draw.uniform(0.2, 3, tiles).tolist()
    assert_joined(graph, splitter_of({"kind": "channel", "num_slices": tiles, "weights": weights}).split(graph))


def test_what_cannot_be_split_says_why() -> None:
    with pytest.raises(CannotSplit, match="begins with a convolution"):
        splitter_of({"kind": "spatial"}).split(graph_of("mlp"))
    with pytest.raises(ValueError, match="3 positive numbers"):
        splitter_of({"kind": "spatial", "num_tiles": 3, "weights": [1, 2]})
