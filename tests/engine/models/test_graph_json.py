"""Graphs as JSON: there and back, and files that are none."""

import json

import pytest
from hypothesis import given, settings

from engine.core.errors import EngineError
from engine.models.graph import Graph
from engine.models.graph_json import LAYERS, from_json, to_json
from tests.engine.models.test_graph import residual
from tests.engine.models.test_profile import image_graphs


@settings(max_examples=30, deadline=None)
@given(image_graphs())
def test_a_graph_comes_back(graph: Graph) -> None:
    assert from_json(json.loads(json.dumps(to_json(graph)))) == graph


def test_a_node_in_json() -> None:
    assert to_json(residual())["nodes"][0] == {  # type: ignore[index, call-overload]
        "name": "conv1", "kind": "conv", "inputs": ["input"], "out_channels": 4, "kernel_size": 3, "stride": 1,
        "padding": 1, "groups": 1, "bias": False,
    }  # fmt: skip
    assert len(LAYERS) == 15


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"nodes": [{"name": "a", "kind": "deconv", "inputs": ["input"]}]}, "no layer 'deconv'.* conv"),
        ({"nodes": [{"kind": "relu"}]}, "cannot be read"),
        ({"nodes": [3]}, "cannot be read"),
        ({"nodes": 3}, "cannot be read"),
        ({"nodes": [{"name": "head", "kind": "linear", "inputs": ["input"]}]}, "cannot be read"),
        ({"nodes": [{"name": "head", "kind": "linear", "inputs": ["input"], "out_features": 0}]}, "out_features is 0"),
        ({"sample": {"kind": "image"}}, "cannot be read"),
        ({"nodes": [{}] * 10_001}, "10,000"),
        ({"output": "relu1"}, "must be the last"),
    ],
)
def test_what_is_no_graph_is_refused(change: dict[str, object], words: str) -> None:
    with pytest.raises(EngineError, match=words):
        from_json({**to_json(residual()), **change})
