"""Early exits: what is easy is answered by the first part of the network, and never leaves its device."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator
from typing_extensions import override

from engine.inference.cuts.exits import Policy
from engine.inference.cuts.open_places import nearest_places
from engine.inference.cuts.parts import Part
from engine.inference.cuts.pieces import Pieces, join
from engine.inference.splitter import Splitter, splitters
from engine.models.graph import Graph, Node
from engine.models.layer import Layer
from engine.models.layers import BatchNorm2d, Conv2d, GlobalAvgPool, Linear, ReLU

Share = Annotated[float, Field(gt=0, lt=1)]


@splitters.register
class EarlyExitSplitter(Splitter):
    """A chain of parts each of which can answer: a sample that an exit is sure of goes no further.

    Exits are trained together with the network, which starts from its trained weights. Each part is a piece with its
    exit, so that the first one may be on the device and the others on an edge or in the cloud. A plan counts what a
    request needs on average; before the training with an assumed share of answers at each exit, afterwards with the
    measured ones. Where the device of a later part is lost, the exit before it answers.
    """

    source: ClassVar[str] = (
        "S. Teerapittayanon, B. McDanel, H. T. Kung, BranchyNet, ICPR 2016, section III-B (joint loss) and III-C (exit "
        "by entropy); the same, DDNN, ICDCS 2017, section III-D (normalized entropy; device, edge, cloud)"
    )
    equation: ClassVar[str] = "L = Σₙ wₙ CE(zₙ, y); exit n answers if H(pₙ)/log K ≤ T"
    exact: ClassVar[bool] = False
    needs_training: ClassVar[bool] = True
    extends_network: ClassVar[bool] = True
    kind: Literal["early_exit"] = "early_exit"

    at: tuple[Share, ...] = Field(default=(0.33,), min_length=1, max_length=7)
    """Share of the network's multiply-accumulates before each early exit, ascending; the exit goes to the nearest place
    where one tensor alone crosses."""

    channels: int = Field(default=32, ge=0, le=4096)
    """Filters of the 3x3 convolution, with normalization and ReLU, in which an exit on a picture begins; 0 for an exit
    that is the mean of the picture and a classifier."""

    policy: Policy = "entropy"
    """When an exit answers: if the entropy of its probabilities, as a share of the largest there can be, is at most the
    threshold (entropy), or if its largest probability is at least the threshold (max_probability)."""

    threshold: float = Field(default=0.3, ge=0, le=1)
    """Of the policy, dimensionless."""

    weights: tuple[float, ...] = ()
    """Weight of the cross entropy of each exit, the last one included; all 1 if empty."""

    assumed_rate: Share = 0.5
    """Share of the requests which come to an early exit that it answers, as is assumed until it has been measured."""

    @model_validator(mode="after")
    def _check_lengths(self) -> Self:
        if any(one >= other for one, other in pairwise(self.at)):
            raise ValueError("at should be ascending shares of the work")
        if self.weights and (len(self.weights) != self.num_exits or min(self.weights) <= 0):
            raise ValueError(f"weights should be {self.num_exits} positive numbers: one per exit, and of the last one")
        return self

    @property
    def num_exits(self) -> int:
        """Exits, the end of the network included."""
        return len(self.at) + 1

    @property
    def loss_weights(self) -> tuple[float, ...]:
        """Weight of each exit in the loss."""
        return self.weights or (1.0,) * self.num_exits

    @property
    def assumed_rates(self) -> tuple[float, ...]:
        """Share of all requests that is assumed to leave at each exit."""
        stay = 1 - self.assumed_rate
        return (*(self.assumed_rate * stay**number for number in range(len(self.at))), stay ** len(self.at))

    def split(self, graph: Graph) -> Pieces:
        """The parts with their exits, and the shares that are assumed."""
        return self.parts(graph, self.assumed_rates)

    def parts(self, graph: Graph, rates: Sequence[float]) -> Pieces:
        """The parts of a network with their exits.

        Args:
            graph: the network without exits.
            rates: share of the requests that each exit answers, above 0.

        Raises:
            CannotSplit: there is no place for an exit.
        """
        whole = self.extended(graph)
        shares: list[tuple[str, list[Part]]] = [("part0", [])]
        for node in whole.nodes:
            shares[-1][1].append(Part(node.name))
            if node.name in self.heads:
                shares.append((f"part{len(shares)}", []))
        found = join(whole, shares, (*self.heads, whole.output))
        return replace(found, exact=False, exit_rates=tuple(rates))

    @property
    def heads(self) -> tuple[str, ...]:
        """Names of the classifiers of the early exits; that of the network keeps its own."""
        return tuple(f"exit{number}_head" for number in range(len(self.at)))

    @override
    def extended(self, graph: Graph) -> Graph:
        """The network with its exits; its other nodes keep their names, and so their weights.

        Raises:
            CannotSplit: there is no place for an exit.
        """
        places = nearest_places(graph, self.at, "an early exit")
        nodes: list[Node] = []
        for node in graph.nodes:
            nodes.append(node)
            if node.name in places:
                nodes += self._exit(graph, places.index(node.name), node.name)
        return Graph(graph.sample, tuple(nodes), graph.output, graph.features)

    def _exit(self, graph: Graph, number: int, after: str) -> list[Node]:
        layers: list[tuple[str, Layer]] = []
        if len(graph.shapes()[after]) == 3:
            if self.channels:
                layers = [("conv", Conv2d(self.channels, 3, padding=1, bias=False)), ("norm", BatchNorm2d())]
                layers.append(("relu", ReLU()))
            layers.append(("pool", GlobalAvgPool()))
        layers.append(("head", Linear(graph.sample.num_classes)))
        nodes: list[Node] = []
        for name, layer in layers:
            nodes.append(Node(f"exit{number}_{name}", layer, (nodes[-1].name if nodes else after,)))
        return nodes
