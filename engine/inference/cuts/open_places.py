"""Places of a network at which something can be added or cut: one tensor alone crosses there."""

from collections.abc import Sequence
from itertools import pairwise

from engine.inference.cuts.parts import SAME
from engine.inference.splitter import CannotSplit
from engine.models.graph import Graph
from engine.models.layers import Flatten


def nearest_places(graph: Graph, shares: Sequence[float], what: str) -> tuple[str, ...]:
    """Of each share of the network's multiply-accumulates the node after which so many are done, as nearly as can be.

    Of equally near ones it is that with the fewest bytes, such as after a pool.

    Args:
        graph: the network.
        shares: ascending.
        what: is to go there, for the message.

    Raises:
        CannotSplit: there are fewer places, or the network answers at each moment.
    """
    if len(graph.shapes()[graph.output]) != 1:
        raise CannotSplit(f"{what} needs a network with one answer per sample")
    done = _work_until(graph)
    there = [name for name in _open_places(graph) if len(graph.shapes()[name]) in (1, 3)]
    found: list[str] = []
    for number, share in enumerate(shares):
        left = len(shares) - number - 1
        choice = there[there.index(found[-1]) + 1 if found else 0 : len(there) - left]
        if not choice:
            raise CannotSplit(f"{what} needs a place of its own; {len(shares)} are wanted, there are {len(there)}")
        found.append(min(choice, key=lambda name: (abs(done[name] - share), graph.tensor_bytes(name))))
    return tuple(found)


def _open_places(graph: Graph) -> list[str]:
    """Nodes after which one tensor alone crosses and no activation, normalization or flattening follows."""
    follows = {one.name: isinstance(other.layer, (*SAME, Flatten)) for one, other in pairwise(graph.nodes)}
    return [
        cut.after
        for cut in graph.cuts()
        if cut.tensors == (cut.after,) and not follows[cut.after] and cut.after != graph.features
    ]


def _work_until(graph: Graph) -> dict[str, float]:
    """Share of the network's multiply-accumulates up to each node."""
    done, total = {}, 0
    for node in graph.nodes:
        macs = node.layer.macs(graph.input_shapes(node))
        total += sum(count for op, count in macs.items() if op != "other")
        done[node.name] = total
    return {name: count / max(1, total) for name, count in done.items()}
