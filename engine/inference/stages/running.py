"""What the plan does: requests over devices and links, losses of devices, and what all that costs."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from engine.core.json import JsonValue
from engine.inference.outages.losses import FailureTable, Loss
from engine.inference.plans.planning import CHOSEN, Planning
from engine.inference.requests.queueing import PERCENTILES, Stream, simulate_each
from engine.inference.telling import told_plan, told_stream
from engine.inference.world import World
from engine.task import layout
from engine.task.contract import State
from engine.task.jobs import Job, Turn, global_step, measured, told

FIGURES = (
    "energy_j_per_inference", "most_energy_j", "peak_memory_bytes", "parameter_bytes", "macs", "most_macs",
    "message_bytes",
)  # fmt: skip
"""Figures of the plan that become metrics of the run."""

SETS_AT_ONCE = 4
"""Losses of one step: each may make a new plan."""


@dataclass(frozen=True)
class Plan(Job[World]):
    """Tells all plans of the comparison, last the one that is carried out: they do not depend on weights."""

    @override
    def advance(self, world: World, state: State, steps: range) -> Turn:
        planning = world.planning_in(state)
        names = [*(name for name in planning.plans if name != CHOSEN), CHOSEN]
        plans = [told_plan(planning, name) for name in names]
        if rates := planning.pieces.exit_rates:
            plans[-1] |= {"exit_rates": [*rates], "is_assumed": not state.values["exit_rates"]}
        return state.replace(values={"plan": plans[-1]}), [told(state, "plan", self.stage, **plan) for plan in plans]


@dataclass(frozen=True)
class Serve(Job[World]):
    """Sends the requests over the plan."""

    @override
    def advance(self, world: World, state: State, steps: range) -> Turn:
        planning, requests = world.planning_in(state), world.task.requests
        step, timeout_s = global_step(state, steps), world.task.failures.timeout_s
        which = ways_taken(world, planning)
        if not requests.is_stream:
            values = _one_by_one(planning, which, timeout_s)
            return _measured(state, values), [measured(state, self.stage, step, values)]
        stream = simulate_each(planning.routes, which, requests.moments(world.context.stream("requests")))
        values = _told(stream, timeout_s) | {
            "latency_s": planning.chosen.latency_s,
            "load": planning.period_s * (requests.rate_rps or 0.0),
            "sustained_rps": 1 / planning.period_s if planning.period_s > 0 else 0.0,
        }
        shown = told_stream(stream, planning.routes[0].resources)
        return _measured(state, values), [
            measured(state, self.stage, step, values),
            told(state, "requests", self.stage, **shown),
        ]


def _measured(state: State, values: dict[str, float]) -> State:
    return state.replace(values={"metrics": {**layout.value(state, "metrics"), **values}})


def ways_taken(world: World, planning: Planning) -> NDArray[np.int64]:
    """(N,) number of the exit at which each request leaves, drawn by the shares of the exits."""
    count, shares = world.task.requests.count, planning.shares_of_ways
    if len(shares) == 1:
        return np.zeros(count, dtype=np.int64)
    return world.context.stream("exits").choice(len(shares), count, p=shares / shares.sum())


def _one_by_one(planning: Planning, which: NDArray[np.int64], timeout_s: float) -> dict[str, float]:
    seconds, each = planning.chosen.latency_s, np.array([way.seconds for way in planning.ways])[which]
    found = {f"latency_p{percent:g}_s": float(np.percentile(each, percent)) for percent in PERCENTILES}
    return {
        "latency_s": seconds,
        **found,
        "answered_rps": 1 / seconds,
        "share_timed_out": float((each > timeout_s).mean()),
    }


def _told(stream: Stream, timeout_s: float) -> dict[str, float]:
    return {
        **{f"latency_p{percent:g}_s": stream.percentile(percent) for percent in PERCENTILES},
        "mean_latency_s": float(stream.latency_s.mean()),
        "answered_rps": stream.throughput_rps,
        "share_timed_out": stream.share_later_than(timeout_s),
        "busiest": float(stream.utilization.max(initial=0.0)),
    }


@dataclass(frozen=True)
class Fail(Job[World]):
    """Tries every loss of devices that is to be tried."""

    @override
    def chunk(self, world: World) -> int:
        return SETS_AT_ONCE

    @override
    def advance(self, world: World, state: State, steps: range) -> Turn:
        planning = world.planning_in(state)
        guard = planning.guard(layout.value(state, "accuracies"))
        sets = planning.sets(guard)
        rows: list[JsonValue] = list(layout.value(state, "losses"))
        # Pieces that were learned may lie on other devices than was expected: the steps share the sets that there are.
        start, stop = (len(sets.sets) * edge // self.num_steps for edge in (steps.start, steps.stop))
        rows += [guard.loss(devices).as_json() for devices in sets.sets[start:stop]]
        state = state.replace(values={"losses": rows})
        if steps.stop < self.num_steps:
            return state, []
        table = FailureTable(tuple(_loss(row) for row in rows), sets.num_sets, guard.devices)
        values = _figures(table, planning.availability)
        body: dict[str, JsonValue] = {
            "losses": rows,
            "num_sets": sets.num_sets,
            "is_sample": table.is_sample,
            "critical": list(table.critical),
            "curve": [*table.curve()],
            "figures": {**values},
        }
        state = state.replace(
            values={"failures": body, "losses": [], "metrics": {**layout.value(state, "metrics"), **values}}
        )
        return state, [
            measured(state, self.stage, global_step(state, steps), values),
            told(state, "failures", self.stage, **body),
        ]


def _loss(row: Any) -> Loss:
    return Loss(**{**row, "devices": tuple(row["devices"]), "device_of": tuple(row["device_of"])})


def _figures(table: FailureTable, availability: dict[int, float]) -> dict[str, float]:
    """What a table comes to: the worst loss, and means over all losses by their probability."""
    accuracy, answer = table.expected_accuracy(availability), table.answer_probability(availability)
    figures = {
        "worst_accuracy": table.worst.accuracy,
        "num_critical": float(len(table.critical)),
        "expected_accuracy_low": accuracy.low,
        "expected_accuracy_high": accuracy.high,
        "answer_probability_low": answer.low,
        "answer_probability_high": answer.high,
    }
    times = [loss.latency_s for loss in table.losses if loss.latency_s is not None]
    return {**figures, "longest_latency_s": max(times)} if times else figures


@dataclass(frozen=True)
class Book(Job[World]):
    """Books weights and requests; the last job."""

    @override
    def advance(self, world: World, state: State, steps: range) -> Turn:
        trace = world.planning_in(state).trace()
        cost = world.context.cost_model.cost(trace)
        row = layout.value(state, "contenders")[CHOSEN]
        metrics = {**layout.value(state, "metrics"), **{name: float(row[name]) for name in FIGURES}}
        state = layout.booked(state, trace, cost.ledger).replace(values={"metrics": metrics, "reason": "served"})
        step = global_step(state, steps)
        rows: list[JsonValue] = [*cost.ledger.by_group()]
        return state, [
            measured(state, self.stage, step, {name: float(value) for name, value in metrics.items()}),
            told(state, "ledger", self.stage, round=step, rows=rows),
        ]


def num_sets(world: World) -> int:
    """How many losses are tried."""
    if not world.task.failures.most_lost:
        return 0
    planning = world.planning
    return len(planning.sets(planning.guard(planning.shares())).sets)
