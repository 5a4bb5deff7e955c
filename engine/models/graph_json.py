"""A declared model as JSON and back, so that a file of weights says which network they belong to."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter, ValidationError

from engine.core.errors import EngineError
from engine.core.json import JsonValue, plain
from engine.core.sample import SampleSpec
from engine.models import layers
from engine.models.graph import Graph, Node
from engine.models.layer import Layer

LAYERS: Mapping[str, type[Layer]] = {
    found.kind: found
    for name in layers.__all__
    if isinstance(found := getattr(layers, name), type) and issubclass(found, Layer) and "kind" in vars(found)
}
"""Every layer by its kind."""

MOST_NODES = 10_000
"""Nodes of a graph that is read; the deepest networks of the zoo have some hundred."""

LARGEST = 1 << 24
"""Largest number that a layer may hold."""


class MalformedGraph(EngineError):
    """A text that should describe a network does not."""

    code = "malformed_graph"


def to_json(graph: Graph) -> dict[str, JsonValue]:
    """The graph as a JSON tree."""
    nodes: list[JsonValue] = [
        {"name": node.name, "kind": node.layer.kind, "inputs": list(node.inputs), **_fields(node.layer)}
        for node in graph.nodes
    ]
    sample: JsonValue = plain(graph.sample.model_dump())
    return {"sample": sample, "nodes": nodes, "output": graph.output, "features": graph.features}


def from_json(tree: Any) -> Graph:
    """The graph of :func:`to_json`; the tree may come from a stranger.

    Raises:
        MalformedGraph: it describes no network.
    """
    try:
        nodes = tree["nodes"]
        if len(nodes) > MOST_NODES:
            raise MalformedGraph(f"the graph has {len(nodes):,} nodes; at most {MOST_NODES:,} are read")
        sample = SampleSpec.model_validate(tree["sample"])
        return Graph(sample, tuple(map(_node, nodes)), output=str(tree["output"]), features=str(tree["features"]))
    except (AttributeError, KeyError, TypeError, ValueError, ValidationError) as error:
        raise MalformedGraph(f"the graph cannot be read: {error}") from error


def _fields(layer: Layer) -> dict[str, JsonValue]:
    fields: dict[str, JsonValue] = {name: plain(value) for name, value in asdict(layer).items()}  # type: ignore[call-overload]
    return fields


def _node(tree: Mapping[str, Any]) -> Node:
    fields = {name: _checked(name, value) for name, value in tree.items() if name not in ("name", "kind", "inputs")}
    layer = LAYERS.get(tree["kind"])
    if layer is None:
        raise MalformedGraph(f"there is no layer {tree['kind']!r}; allowed: {', '.join(LAYERS)}")
    made: Layer = TypeAdapter(layer).validate_python(fields)
    return Node(str(tree["name"]), made, tuple(map(str, tree["inputs"])))


def _checked(name: str, value: Any) -> Any:
    """Numbers within bounds, pairs as tuples: a stride of 0 or a width below 1 would only fail much later."""
    least = 0 if name in ("padding", "probability") else 1
    numbers = value if isinstance(value, list | tuple) else [value]
    for number in numbers:
        if isinstance(number, int | float) and not isinstance(number, bool) and not least <= number <= LARGEST:
            raise MalformedGraph(f"{name} is {number}; allowed are {least} to {LARGEST:,}")
    return tuple(value) if isinstance(value, list) else value
