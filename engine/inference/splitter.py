"""How a network is cut into pieces: the family of splitters."""

from abc import abstractmethod
from typing import ClassVar

from engine.core.component import Component
from engine.core.errors import EngineError, Problem
from engine.core.registry import Registry
from engine.inference.cuts.narrowing import Bits
from engine.inference.cuts.pieces import Pieces
from engine.models.graph import Graph


class CannotSplit(EngineError):
    """A splitter does not apply to this network."""

    code = "cannot_split"


class Splitter(Component):
    """Cuts a network into pieces by its declaration alone, before anything is trained and without torch."""

    exact: ClassVar[bool]
    """Whether the pieces together compute what the whole network does."""

    needs_training: ClassVar[bool] = False
    """Whether the pieces are networks that must be trained."""

    extends_network: ClassVar[bool] = False
    """Whether the pieces are those of the trained network with further layers, trained together with it."""

    message_bits: Bits = 32
    """Bits of each value of a tensor on its way between two pieces: floats (32), or whole numbers (8, 4) between its
    least and its largest value, which travel with it. Inputs and answers are floats. The accuracy of the plan is
    measured with what arrives."""

    @abstractmethod
    def split(self, graph: Graph) -> Pieces:
        """The pieces of a network, with messages of floats.

        Raises:
            CannotSplit: it does not apply to this network.
        """

    def extended(self, graph: Graph) -> Graph:
        """The network with the layers that are added to it; its other nodes keep their names, and so their weights.

        Raises:
            CannotSplit: it does not apply to this network.
        """
        return graph

    def check(self, graph: Graph) -> list[Problem]:
        """Why this network cannot be split so; paths relative to the splitter."""
        try:
            self.split(graph)
        except CannotSplit as error:
            return [Problem("kind", error.code, str(error))]
        return []


splitters: Registry[Splitter] = Registry("splitters", "engine.inference.splitters", Splitter, title="Splitter")
"""All splitters."""
