"""A chain divided into stages by dynamic programming."""

import math
from collections.abc import Callable
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.inference.placer import NoPlan, Placement, Placer, Size, placement_of, placers
from engine.inference.plans.problem import Objective, PlacementProblem
from engine.inference.plans.staging import (
    NOTHING,
    Found,
    Stages,
    in_any_order,
    in_order,
    lower_bound,
    num_stages,
    orders_near,
)

SET_SIZE = 9
"""Devices of a set that is searched exactly where all devices together are too many."""

TRIES_PER_SET = 20
"""Orders for whose time one set is searched."""

STEPS_PER_ROW, CELLS_PER_STEP = 12, 500
"""Steps of finding the best last stage on one device after others, and pairs of cuts that a further one looks at."""


@placers.register
class PipelineDp(Placer):
    """The best division of a chain into neighboring pieces, each stage on a device of its own.

    With a given order of the devices it is exact, and so it is over all orders of a few devices. With more, the order
    is improved by moving one device at a time and by exact search over small sets of devices, and the gap to a lower
    bound is told. Devices may stay unused.
    With a deadline it finds the best throughput that keeps to it.
    """

    source: ClassVar[str] = (
        "Hu et al., PipeEdge, DSD 2022 (arXiv 2110.14895), section IV (throughput); Zhang et al., EdgeShard, 2024 "
        "(arXiv 2405.14371), algorithms 1 and 2 (latency and throughput)"
    )
    equation: ClassVar[str] = "f(i, d) = min over j, d' of max(f(j, d'), t_way(j; d', d), t_stage(j..i; d))"
    objectives: ClassVar[tuple[Objective, ...]] = ("latency", "throughput")
    chains_only: ClassVar[bool] = True
    kind: Literal["pipeline_dp"] = "pipeline_dp"

    order: Literal["free", "given"] = "free"
    """Whether the devices may be used in any order, or only in that of the fleet."""

    exact_devices: int = Field(default=10, ge=1, le=14)
    """Devices up to which the best of all orders is found exactly; each more takes twice the time."""

    tries: int = Field(default=200, ge=1, le=100_000)
    """Orders that are tried at most where there are more devices than that."""

    def effort(self, size: Size) -> float:
        """The divisions over all sets of devices, or over the orders that are tried; with a deadline several times."""
        each = STEPS_PER_ROW + size.pieces**2 / CELLS_PER_STEP
        if self.order == "given":
            rows = size.nodes
        elif size.nodes <= self.exact_devices:
            rows = size.nodes * 2 ** (size.nodes - 1)
        else:
            of_a_set = min(self.exact_devices, SET_SIZE)
            rows = self.tries * size.nodes + self.tries // TRIES_PER_SET * of_a_set * 2 ** (of_a_set - 1)
        times = (size.nodes * (size.pieces + size.nodes) * size.pieces).bit_length() if size.has_deadline else 1
        return times * rows * each

    def find(self, problem: PlacementProblem) -> Placement:
        """The best stages."""
        stages = Stages.of(problem, is_sum=problem.objective == "latency")
        divide, is_exact = self._divider(problem)
        value, at = self._with_deadline(problem, stages, divide)
        if not at:
            raise NoPlan("no division into stages keeps to memory, deadline and batteries")
        how = "the best" if is_exact else "the best found"
        order = "in the given order" if self.order == "given" else "in any order"
        bound = value if is_exact else min(value, lower_bound(stages, problem))
        count = num_stages(at)
        told = "one stage" if count == 1 else f"{count} stages"
        return placement_of(problem, at, f"{how} division into {told} {order}", bound=bound)

    def _divider(self, problem: PlacementProblem) -> tuple[Callable[[Stages], Found], bool]:
        """How a chain is divided, and whether no division is better."""
        count = problem.prices.num_nodes
        if self.order == "given":
            return lambda stages: in_order(stages, range(count)), True
        if count <= self.exact_devices:
            return lambda stages: in_any_order(stages, range(count)), True
        return lambda stages: self._improved(problem, stages), False

    def _improved(self, problem: PlacementProblem, stages: Stages) -> Found:
        """The best order that moving single devices leads to, then the best of small sets of devices, exactly.

        A set has the devices in use, one of those that are not, and fast ones.
        """
        seconds = np.where(np.isfinite(problem.prices.compute_s), problem.prices.compute_s, 1e9).sum(axis=0)
        by_speed: list[int] = np.argsort(seconds).tolist()
        by_memory = np.argsort(-problem.prices.memory_bytes, kind="stable").tolist()
        best = self._moved(stages, [tuple(by_speed), tuple(by_memory), tuple(range(len(by_speed)))])
        size, left, is_better = min(self.exact_devices, SET_SIZE), self.tries // TRIES_PER_SET, True
        while is_better and left > 0:
            is_better = False
            in_use = sorted(set(best[1]), key=by_speed.index)[: size - 1]
            for other in [node for node in by_speed if node not in in_use][:left]:
                left -= 1
                members = list(dict.fromkeys([*in_use, other, *by_speed]))[:size]
                found = in_any_order(stages, members)
                if found[0] < best[0]:
                    best, is_better = found, True
                    break
        return best

    def _moved(self, stages: Stages, starts: list[tuple[int, ...]]) -> Found:
        """The best division that moving one device at a time in the best of some orders leads to."""
        best, order = min((in_order(stages, start), start) for start in starts)
        left, is_better = self.tries - len(starts), True
        while is_better and left > 0:
            is_better = False
            for near in orders_near(order)[:left]:
                left -= 1
                found = in_order(stages, near)
                if found[0] < best[0]:
                    best, order, is_better = found, near, True
                    break
        return best

    @staticmethod
    def _with_deadline(problem: PlacementProblem, stages: Stages, divide: Callable[[Stages], Found]) -> Found:
        """The best division that keeps to the deadline.

        For throughput, the least period at which the fastest division is fast enough: found by halving among the
        times of all stages and ways, of which the period must be one.
        """
        found, deadline_s = divide(stages), problem.constraints.deadline_s
        if stages.is_sum or not math.isfinite(deadline_s):
            return found
        times = np.unique(np.concatenate([stages.stage.ravel(), stages.way.ravel()]))
        times = times[np.isfinite(times)]
        latency = Stages.of(problem, is_sum=True)
        low, high, best = 0, len(times) - 1, NOTHING
        while low <= high:
            middle = (low + high) // 2
            seconds, at = divide(latency.capped(problem, float(times[middle])))
            if seconds <= deadline_s:
                best, high = (float(times[middle]), at), middle - 1
            else:
                low = middle + 1
        return best
