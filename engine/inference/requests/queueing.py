"""Streams of requests over a plan: each device and each link serves them one at a time, first come first served."""

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.inference.requests.route import NOTHING, Route

Floats = NDArray[np.float64]
Places = NDArray[np.int64]

PERCENTILES = (50.0, 90.0, 99.0)
"""Those that are told of a stream."""


@dataclass(frozen=True)
class Stream:
    """What became of a stream of N requests.

    Attributes:
        arrival_s: (N,) when each request came, ascending.
        end_s: (N,) when its answer was there.
        busy_s: (R,) for how long each resource was busy.
    """

    arrival_s: Floats
    end_s: Floats
    busy_s: Floats

    @property
    def latency_s(self) -> Floats:
        """(N,) seconds from each request to its answer."""
        return self.end_s - self.arrival_s

    @property
    def throughput_rps(self) -> float:
        """Answers per second, from the first request to the last answer."""
        span = float(self.end_s.max() - self.arrival_s[0])
        return len(self.end_s) / span if span > 0 else float("inf")

    @property
    def utilization(self) -> Floats:
        """(R,) share of that time for which each resource was busy."""
        span = float(self.end_s.max() - self.arrival_s[0])
        return self.busy_s / span if span > 0 else np.zeros_like(self.busy_s)

    def percentile(self, percent: float) -> float:
        """Seconds within which that percentage of all requests was answered."""
        return float(np.percentile(self.latency_s, percent))

    def share_later_than(self, seconds: float) -> float:
        """Share of all requests that were answered later than that: those that a timeout gives up."""
        return float((self.latency_s > seconds).mean())


def simulate(route: Route, arrival_s: Floats) -> Stream:
    """Sends requests over a route, pipelined: a device begins with the next as soon as it is through with one.

    Args:
        route: what each request asks.
        arrival_s: (N,) when they come, ascending.
    """
    used = [operation.resource for operation in route.operations if operation.resource != NOTHING]
    if len(set(used)) == len(used):
        end = _in_columns(route, arrival_s)
    else:
        end = _in_time([route], np.zeros(len(arrival_s), dtype=np.int64), arrival_s)
    return Stream(arrival_s, end, route.busy_s * len(arrival_s))


def _in_columns(route: Route, arrival_s: Floats) -> Floats:
    """(N,) ends where no request comes to a resource twice.

    Requests then never overtake each other, so that each operation is one column: the n-th of them leaves at
    ``(n + 1) s + max_{k <= n} (a_k - k s)`` (Lindley's recursion with constant service, solved).
    """
    place = np.arange(len(arrival_s))
    ends: list[Floats] = []
    last = arrival_s
    for operation in route.operations:
        start = np.maximum.reduce([ends[cause] for cause in operation.causes]) if operation.causes else arrival_s
        start = start + operation.before_s
        if operation.resource != NOTHING:
            waited = np.maximum.accumulate(start - place * operation.service_s)
            start = waited + place * operation.service_s
        ends.append(start + operation.service_s + operation.after_s)
        last = np.maximum(last, ends[-1])
    return last


def simulate_each(routes: Sequence[Route], which: Places, arrival_s: Floats) -> Stream:
    """As :func:`simulate`, where requests take different routes over the same devices and links.

    Args:
        routes: the routes that there are.
        which: (N,) number of the route of each request.
        arrival_s: (N,) when they come, ascending.
    """
    if len(routes) == 1:
        return simulate(routes[0], arrival_s)
    shared = on_shared_resources(routes)
    busy = sum(route.busy_s * int((which == number).sum()) for number, route in enumerate(shared))
    return Stream(arrival_s, _in_time(shared, which, arrival_s), np.asarray(busy))


def on_shared_resources(routes: Sequence[Route]) -> list[Route]:
    """The same routes with one numbering of devices and links; the n-th queue of a link is the same one in all."""
    numbers: dict[tuple[str, int], int] = {}
    places = []
    for route in routes:
        seen: Counter[str] = Counter()
        mine = []
        for name in route.resources:
            mine.append(numbers.setdefault((name, seen[name]), len(numbers)))
            seen[name] += 1
        places.append(mine)
    names = tuple(name for name, _ in numbers)
    return [
        Route(
            tuple(
                replace(one, resource=mine[one.resource]) if one.resource != NOTHING else one
                for one in route.operations
            ),
            names,
        )
        for route, mine in zip(routes, places, strict=True)
    ]


@dataclass(frozen=True)
class _Steps:
    """A route as plain lists, which a loop reads faster."""

    plain: list[tuple[int, float, float, float]]
    followers: list[list[int]]
    num_causes: list[int]

    @classmethod
    def of(cls, route: Route) -> "_Steps":
        followers: list[list[int]] = [[] for _ in route.operations]
        for number, operation in enumerate(route.operations):
            for cause in operation.causes:
                followers[cause].append(number)
        plain = [(one.resource, one.before_s, one.service_s, one.after_s) for one in route.operations]
        return cls(plain, followers, [len(operation.causes) for operation in route.operations])


def _in_time(routes: Sequence[Route], which: Places, arrival_s: Floats) -> Floats:
    """(N,) ends on any routes, by a clock of events: what is ready first is served first."""
    steps = [_Steps.of(route) for route in routes]
    mine = [steps[number] for number in which.tolist()]
    free = [0.0] * max(len(route.resources) for route in routes)
    end = arrival_s.tolist()
    meets = any(max(one.num_causes, default=0) > 1 for one in steps)
    left = [list(one.num_causes) for one in mine] if meets else []
    ready = [[0.0] * len(one.plain) for one in mine] if meets else []
    # Equal moments are served in the order of requests, then of operations, as the cost model does.
    queue = [
        (moment + mine[request].plain[number][1], request, number)
        for request, moment in enumerate(end)
        for number, count in enumerate(mine[request].num_causes)
        if not count
    ]
    heapq.heapify(queue)
    while queue:
        moment, request, number = heapq.heappop(queue)
        plain, followers, num_causes = mine[request].plain, mine[request].followers, mine[request].num_causes
        resource, _, service, after = plain[number]
        if resource >= 0:
            moment = max(moment, free[resource]) + service
            free[resource] = moment
        else:
            moment += service
        moment += after
        end[request] = max(end[request], moment)
        for follower in followers[number]:
            start = moment
            if num_causes[follower] > 1:
                known = ready[request]
                start = known[follower] = max(known[follower], moment)
                left[request][follower] -= 1
                if left[request][follower]:
                    continue
            heapq.heappush(queue, (start + plain[follower][1], request, follower))
    return np.array(end)
