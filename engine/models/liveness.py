"""Which tensors of a network must be in memory at the same time: each from its making to its last reader."""

from collections import Counter
from collections.abc import Mapping

from engine.models.graph import INPUT, Graph
from engine.models.layers import ReLU


def storage(graph: Graph, *, training: bool = False, fused: bool = False) -> dict[str, str]:
    """The tensor whose memory each tensor lies in: itself, or what it is a view of.

    Args:
        graph: the network.
        training: whether layers that do nothing in use (dropout) have an output of their own.
        fused: whether a ReLU that alone reads its input is one with the layer before, as integer kernels compute it.
    """
    readers = Counter(name for node in graph.nodes for name in node.inputs)
    found = {INPUT: INPUT}
    for node in graph.nodes:
        source = node.inputs[0]
        is_shared = node.layer.is_view or (node.layer.is_identity_in_use and not training)
        is_fused = fused and isinstance(node.layer, ReLU) and readers[source] == 1 and source != INPUT
        found[node.name] = found[source] if is_shared or is_fused else node.name
    return found


def peak_bytes(graph: Graph, place: Mapping[str, str], sizes: Mapping[str, int]) -> int:
    """Most bytes of activations alive at once when one sample is classified.

    Args:
        graph: the network.
        place: the tensor in whose memory each tensor lies, see :func:`storage`.
        sizes: bytes of each tensor that has memory of its own.
    """
    end: dict[str, int] = {}
    for name, last in graph.last_use.items():
        end[place[name]] = max(end.get(place[name], -1), last)
    alive, peak = {INPUT}, 0
    for number, node in enumerate(graph.nodes):
        alive.add(place[node.name])
        peak = max(peak, sum(sizes[name] for name in alive))
        alive = {name for name in alive if end.get(name, -1) > number}
    return peak
