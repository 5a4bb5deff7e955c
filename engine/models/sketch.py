"""A small pen for declarations with branches: each call adds one node and gives its name."""

from engine.core.sample import SampleSpec
from engine.models.graph import INPUT, Graph, Node
from engine.models.layer import Layer
from engine.models.layers import Linear


class Sketch:
    """A graph in the making.

    Args:
        sample: shape and meaning of the input.
    """

    def __init__(self, sample: SampleSpec) -> None:
        self.sample = sample
        self.last = INPUT
        self._nodes: list[Node] = []

    def add(self, name: str, layer: Layer, *inputs: str) -> str:
        """Add a node that reads the named nodes, or the last one if none is named; gives its name."""
        self._nodes.append(Node(name, layer, inputs or (self.last,)))
        self.last = name
        return name

    def finish(self) -> Graph:
        """The graph with a classifier ``head`` on top of the last node.

        Raises:
            ShapeError: a layer does not fit its input.
        """
        features = self.last
        self.add("head", Linear(self.sample.num_classes))
        return Graph(self.sample, tuple(self._nodes), output="head", features=features)
