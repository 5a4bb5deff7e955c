"""Streams of requests over a plan: each device and each link serves them one at a time, first come first served."""

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.inference.route import NOTHING, Route

Floats = NDArray[np.float64]

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
    end = _in_columns(route, arrival_s) if len(set(used)) == len(used) else _in_time(route, arrival_s)
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


def _in_time(route: Route, arrival_s: Floats) -> Floats:
    """(N,) ends on any route, by a clock of events: what is ready first is served first."""
    operations = route.operations
    followers: list[list[int]] = [[] for _ in operations]
    for number, operation in enumerate(operations):
        for cause in operation.causes:
            followers[cause].append(number)
    first = [number for number, operation in enumerate(operations) if not operation.causes]
    num_causes = [len(operation.causes) for operation in operations]
    plain = [(one.resource, one.before_s, one.service_s, one.after_s) for one in operations]
    free = [0.0] * len(route.resources)
    end = arrival_s.tolist()
    left = [list(num_causes) for _ in end] if max(num_causes, default=0) > 1 else []
    ready: list[list[float]] = [[0.0] * len(operations) for _ in end] if left else []
    # Equal moments are served in the order of requests, then of operations, as the cost model does.
    queue = [(moment + plain[number][1], request, number) for request, moment in enumerate(end) for number in first]
    heapq.heapify(queue)
    while queue:
        moment, request, number = heapq.heappop(queue)
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
