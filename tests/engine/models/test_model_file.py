"""A file of weights says which network it is, and nothing else is taken for one."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from engine.core.errors import EngineError
from engine.core.sample import SampleSpec
from engine.models.graph_json import from_json, to_json
from engine.models.model import models
from engine.models.model_file import MalformedModel, ModelCard, pack, read_card, read_model
from engine.models.weights import initial
from engine.models.zoo.lenet5 import Lenet5

IMAGES = SampleSpec(kind="image", shape=(3, 32, 32), num_classes=10)
GRAPH = Lenet5().declare(IMAGES)
CARD = ModelCard(GRAPH, {"kind": "lenet5"}, {"kind": "cifar10"}, 0.1 + 0.2)


def placed(folder: Path, content: bytes) -> Path:
    """A file with that content."""
    place = folder / "model.safetensors"
    place.write_bytes(content)
    return place


def test_card_and_weights_come_back(tmp_path: Path) -> None:
    weights = initial(GRAPH, 3)
    place = placed(tmp_path, pack(weights, CARD))
    card, found = read_model(place)
    assert card == read_card(place) == CARD
    assert list(found) == [info.name for info in GRAPH.parameters()]
    assert all(np.array_equal(found[name], weights[name]) for name in weights)
    assert pack(found, card) == place.read_bytes()


@pytest.mark.parametrize(
    "kind", sorted(kind for kind, model in models.members().items() if "image" in model.sample_kinds)
)
def test_every_network_comes_back_as_it_was(kind: str) -> None:
    model = models[kind]()
    if not model.check(IMAGES):
        graph = model.declare(IMAGES)
        assert from_json(json.loads(json.dumps(to_json(graph)))) == graph


def test_a_file_without_a_card_has_none(tmp_path: Path) -> None:
    place = placed(tmp_path, save({"a": np.zeros(3, np.float32)}))
    assert read_card(place) is None
    with pytest.raises(MalformedModel, match="no card"):
        read_model(place)


@pytest.mark.parametrize("content", [b"", b"\0" * 8, b"\xff" * 40, b"\x10" + b"\0" * 7 + b"not json, really"])
def test_what_is_no_such_file_is_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(MalformedModel):
        read_card(placed(tmp_path, content))


@pytest.mark.parametrize("value", [np.full(10, np.nan, np.float32), np.zeros(11, np.float32), np.zeros(10)])
def test_weights_that_are_not_the_graph_s_are_refused(value: np.ndarray, tmp_path: Path) -> None:
    content = pack({**initial(GRAPH, 0)}, CARD)
    size = int.from_bytes(content[:8], "little")
    about = json.loads(content[8 : 8 + size])["__metadata__"]
    name = f"{GRAPH.output}.bias"
    with pytest.raises(MalformedModel, match=name):
        read_model(placed(tmp_path, save({**initial(GRAPH, 0), name: value}, metadata=about)))


def test_a_file_that_ends_too_early_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MalformedModel, match="damaged"):
        read_model(placed(tmp_path, pack(initial(GRAPH, 0), CARD)[:-4]))


def broken(change: Any) -> dict[str, Any]:
    """A good tree after a change."""
    tree = json.loads(json.dumps(to_json(GRAPH)))
    change(tree)
    return dict(tree)


@pytest.mark.parametrize(
    "change",
    [
        lambda tree: tree.pop("nodes"),
        lambda tree: tree["nodes"][0].update(kind="exec"),
        lambda tree: tree["nodes"][0].update(stride=0),
        lambda tree: tree["nodes"][0].update(out_channels=1 << 40),
        lambda tree: tree["nodes"][0].update(out_channels="many"),
        lambda tree: tree["nodes"][0].update(inputs=["nowhere"]),
        lambda tree: tree.update(sample={"kind": "image"}),
        lambda tree: tree.update(nodes=tree["nodes"] * 2000),
    ],
)  # fmt: skip
def test_a_graph_that_is_none_is_refused(change: Any) -> None:
    with pytest.raises(EngineError):
        from_json(broken(change))
