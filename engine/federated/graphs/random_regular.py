"""Random neighbors, as many for each."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.core.errors import Problem
from engine.federated.graph import DeviceGraph, Gathering, graphs, no_pairs
from engine.federated.rounds.sessions import Ints

if TYPE_CHECKING:
    from engine.task.contract import Context


@graphs.register
class RandomRegularGraph(DeviceGraph):
    """Every device of a round with the same number of others, drawn at random.

    Where fewer devices are there than a device has neighbors, all are joined; where so many neighbors each are not
    possible, because both numbers are odd, each has one less.
    """

    source: ClassVar[str] = "Steger and Wormald, Generating Random Regular Graphs Quickly, 1999"
    kind: Literal["random_regular"] = "random_regular"
    """Random neighbors, as many for each."""

    degree: Annotated[int, Field(ge=1, le=1000)] = 4
    """Neighbors of each device; less than the devices of a round."""

    redraw: bool = False
    """Whether neighbors are drawn anew in every round; else all rounds with as many devices share one draw."""

    def pairs(self, gathering: Gathering) -> Ints:
        """A draw of the run's own stream."""
        import networkx as nx

        count = len(gathering.devices)
        degree = min(self.degree, count - 1)
        degree -= (degree * count) % 2
        if degree < 1:
            return no_pairs()
        names = ("graph", gathering.round_number) if self.redraw else ("graph",)
        seed = int(gathering.context.stream(*names).integers(2**32))
        drawn = nx.random_regular_graph(degree, count, seed=seed)
        pairs = np.sort(np.array(list(drawn.edges), dtype=np.int64).reshape(-1, 2), axis=1)
        return np.asarray(pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))])

    def check(self, num_devices: int, context: "Context") -> list[Problem]:
        """Each device needs as many others."""
        if self.degree < num_devices:
            return []
        message = f"is less than the {num_devices} devices of a round; given: {self.degree}"
        return [Problem("degree", "too_many_neighbors", message)]
