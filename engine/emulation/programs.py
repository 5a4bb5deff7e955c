"""What each node does in a round: a trace, cut into the parts of its nodes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import EngineError
from engine.core.nodes import SERVER, node_name
from engine.costs.trace import BARRIER, COMPUTE, NO_CAUSE, SEND, TRAIN, Trace


@dataclass(frozen=True)
class Step:
    """An item of a trace, for the node at which it starts.

    Attributes:
        item: its number.
        cause: the item that ends before, at this node; -1 if it starts with the round.
        peer: place of the node that a message is for; -1 for a computation.
        size: bytes of a message.
        connects: whether a connection is opened for it.
        seconds: that a computation takes on the device, or that the radio needs before it can send.
        trains: whether it is training.
    """

    item: int
    cause: int
    peer: int = -1
    size: int = 0
    connects: bool = False
    seconds: float = 0.0
    trains: bool = False


@dataclass
class Program:
    """What one node does in a round.

    Attributes:
        steps: what starts here.
        barriers: for each barrier here, the items that it waits for.
        arrivals: messages that end here.
        opens: nodes to which this one opens a connection that is kept.
        accepts: nodes that open one to this.
    """

    steps: list[Step] = field(default_factory=list)
    barriers: dict[int, list[int]] = field(default_factory=dict)
    arrivals: list[int] = field(default_factory=list)
    opens: list[int] = field(default_factory=list)
    accepts: list[int] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The program as plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, tree: Mapping[str, Any]) -> "Program":
        """The program of :meth:`to_json`."""
        steps = [Step(**step) for step in tree["steps"]]
        barriers = {int(item): list(members) for item, members in tree["barriers"].items()}
        return cls(steps, barriers, *(list(tree[name]) for name in ("arrivals", "opens", "accepts")))


def nodes_of(trace: Trace) -> list[int]:
    """The nodes that take part: the server first, then gateways, then devices."""
    acting = trace["kind"] != BARRIER
    ids = np.unique(np.concatenate([[SERVER], trace["source"][acting], trace["target"][acting]]))
    return sorted(ids.tolist(), key=lambda node: (node >= 0, node if node >= 0 else -node))


def programs_of(trace: Trace, number: int, seconds: NDArray[np.float64]) -> list[Program]:
    """The programs of one round, by the places of :func:`nodes_of` over the whole trace.

    Args:
        trace: one or more rounds.
        number: of the round.
        seconds: (I,) what each computation takes on its device, and what the radio needs before each message.

    Raises:
        EngineError: an item starts at a node where its cause does not end.
    """
    place = {node: place for place, node in enumerate(nodes_of(trace))}
    programs = [Program() for _ in place]
    end_of: dict[int, int] = {}
    members = {
        int(item): trace.members[trace.barrier_starts[k] : trace.barrier_starts[k + 1]].tolist()
        for k, item in enumerate(trace.barriers)
    }
    for item in np.flatnonzero(trace["round"] == number).tolist():
        kind, cause = int(trace["kind"][item]), int(trace["cause"][item])
        if kind == BARRIER:
            end_of[item] = _common([end_of[member] for member in members[item]], item)
            programs[end_of[item]].barriers[item] = members[item]
            continue
        source, target = (int(trace[end][item]) for end in ("source", "target"))
        if cause != NO_CAUSE and end_of[cause] != place[source]:
            raise EngineError(f"item {item} starts at {node_name(source)}, where its cause {cause} does not end")
        end_of[item] = place[target]
        programs[place[source]].steps.append(_step(trace, item, place[target], float(seconds[item])))
        if kind == SEND:
            programs[place[target]].arrivals.append(item)
    _keep_connections(programs)
    return programs


def _step(trace: Trace, item: int, target: int, seconds: float) -> Step:
    cause = int(trace["cause"][item])
    if trace["kind"][item] == COMPUTE:
        return Step(item, cause, seconds=seconds, trains=int(trace["mode"][item]) == TRAIN)
    return Step(item, cause, target, int(trace["size"][item]), bool(trace["connects"][item] > 0), seconds)


def _common(places: list[int], item: int) -> int:
    if len(set(places)) != 1:
        raise EngineError(f"barrier {item} waits for items that end at different nodes")
    return places[0]


def _keep_connections(programs: list[Program]) -> None:
    """Connections between nodes that send each other something and never open one for a message."""
    kept: set[frozenset[int]] = set()
    single: set[frozenset[int]] = set()
    for place, program in enumerate(programs):
        for step in program.steps:
            if step.peer >= 0:
                (single if step.connects else kept).add(frozenset((place, step.peer)))
    for ends in kept - single:
        # The node farther from the server opens it, as devices behind address translation must.
        low, high = min(ends), max(ends)
        programs[high].opens.append(low)
        programs[low].accepts.append(high)
