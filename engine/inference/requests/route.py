"""What one inference asks of devices and links, in order: the operations that requests of a stream wait for."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from engine.core.errors import EngineError
from engine.core.nodes import node_name
from engine.costs.crossing import crossing_of
from engine.costs.legs import Legs
from engine.costs.model import CostModel
from engine.costs.trace import BARRIER, COMPUTE, NO_CAUSE, Trace

NOTHING = -1
"""The resource of an operation that waits for none."""

LEG_PARTS = ("before", "service", "after")


@dataclass(frozen=True)
class Operation:
    """Something that one inference asks of a device or a link.

    Attributes:
        resource: number of what serves it, one request at a time and first come first served; ``NOTHING`` if none.
        before_s: from the end of what it waits for until it reaches the resource.
        service_s: for how long it keeps the resource busy.
        after_s: from there until what follows may begin.
        causes: operations before it that must have ended; none begins with the request.
    """

    resource: int
    before_s: float = 0.0
    service_s: float = 0.0
    after_s: float = 0.0
    causes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Route:
    """All operations of one inference.

    Attributes:
        operations: each after those that it waits for.
        resources: names of devices and links by number.

    Raises:
        EngineError: an operation waits for a later one, or for a resource that is not there.
    """

    operations: tuple[Operation, ...]
    resources: tuple[str, ...]

    def __post_init__(self) -> None:
        for place, operation in enumerate(self.operations):
            if any(not 0 <= cause < place for cause in operation.causes):
                raise EngineError(f"operation {place} waits for one that does not come before it")
            if not NOTHING <= operation.resource < len(self.resources):
                raise EngineError(f"operation {place} waits for resource {operation.resource}, which is not there")

    @classmethod
    def of(cls, trace: Trace, cost_model: CostModel, *, period_s: float = 0.0) -> "Route":
        """The operations of a trace of one round.

        Every device computes for one request at a time. A message waits where the cost model lets it wait: for a
        channel that several share, and on a link that one pair of nodes has to itself for those that go the same way
        over their connection, which requests keep open.

        Args:
            trace: of one inference.
            cost_model: of the fleet and network.
            period_s: mean time between two requests: if an inference takes less, its connections are idle until the
                next one, and a window that timeouts of silence have made smaller opens again.

        Raises:
            EngineError: the trace has more than one round.
        """
        if trace.num_rounds != 1:
            raise EngineError(f"an inference is a round of its own; the trace has {trace.num_rounds}")
        still = cost_model.network
        if still.schedules is not None:
            still = replace(still, schedules=None)
        found = crossing_of(trace, cost_model.fleet, still, period_s=period_s)
        return _Reading(found.trace, found.duration, found.legs, still.num_media).route()

    @property
    def busy_s(self) -> np.ndarray:
        """(R,) seconds for which one request keeps each resource busy."""
        found = np.zeros(len(self.resources))
        for operation in self.operations:
            if operation.resource != NOTHING:
                found[operation.resource] += operation.service_s
        return found


class _Reading:
    """Reads the operations out of a trace that was laid over a network."""

    def __init__(self, trace: Trace, duration: np.ndarray, legs: Legs, num_shared: int) -> None:
        self._trace, self._duration, self._legs, self._num_shared = trace, duration, legs, num_shared
        self._numbers: dict[tuple[object, ...], int] = {}
        self._names: list[str] = []
        self._operations: list[Operation] = []

    def route(self) -> Route:
        """All operations, in the order of the items."""
        last: list[int] = []
        waits = dict(self._barriers())
        kinds, cause = self._trace["kind"], self._trace["cause"]
        message = 0
        for item, kind in enumerate(kinds.tolist()):
            before = waits.get(item, () if cause[item] == NO_CAUSE else (int(cause[item]),))
            causes = tuple(last[one] for one in before)
            if kind == BARRIER:
                self._add(Operation(NOTHING, causes=causes))
            elif kind == COMPUTE:
                node = int(self._trace["source"][item])
                device = self._number(("device", node), node_name(node))
                self._add(Operation(device, service_s=float(self._duration[item]), causes=causes))
            else:
                for leg in range(self._legs.num_legs):
                    self._add(self._leg(item, message, leg, causes))
                    causes = (len(self._operations) - 1,)
                message += 1
            last.append(len(self._operations) - 1)
        return Route(tuple(self._operations), tuple(self._names))

    def _barriers(self) -> Iterator[tuple[int, tuple[int, ...]]]:
        starts = self._trace.barrier_starts
        for number, item in enumerate(self._trace.barriers.tolist()):
            yield item, tuple(self._trace.members[starts[number] : starts[number + 1]].tolist())

    def _leg(self, item: int, message: int, leg: int, causes: tuple[int, ...]) -> Operation:
        before, service, after = (self._seconds(name, message, leg) for name in LEG_PARTS)
        channel = int(self._legs.channel[message, leg])
        if channel < 0:
            return Operation(NOTHING, before, service, after, causes)
        name = f"channel:{channel}"
        if channel >= self._num_shared:
            ends = int(self._trace["source"][item]), int(self._trace["target"][item])
            name = f"link:{node_name(ends[0])}>{node_name(ends[1])}"
        return Operation(self._number(("channel", channel), name), before, service, after, causes)

    def _seconds(self, name: str, message: int, leg: int) -> float:
        return float(self._legs.prices[name][leg, self._legs.kind[message]])

    def _number(self, key: tuple[object, ...], name: str) -> int:
        if key not in self._numbers:
            self._numbers[key] = len(self._names)
            self._names.append(name)
        return self._numbers[key]

    def _add(self, operation: Operation) -> None:
        self._operations.append(operation)
