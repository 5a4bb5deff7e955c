"""The end of a round: the server steps, the model is measured, the round's cost is booked, the events are told."""

from typing import TYPE_CHECKING, Any

import numpy as np

from engine.core.events import Event
from engine.core.json import JsonValue
from engine.costs.ledger import Ledger
from engine.federated import budget, telling
from engine.federated.asking import Asked
from engine.federated.cohorts import learned
from engine.federated.combining import combine
from engine.federated.history import with_record
from engine.federated.layout import (
    CALLED,
    DOWN,
    LEDGER,
    OPEN,
    ROWS,
    SERVER,
    SUM,
    called_of,
    ledger_of,
    reported_of,
    rounds_done,
)
from engine.federated.measuring import measured
from engine.federated.messages import flat, grouped, names, part, under
from engine.federated.power import Power
from engine.federated.sessions import Sessions
from engine.federated.telling import Round
from engine.federated.traffic import exchange_in, round_trace
from engine.task.contract import Context, State

if TYPE_CHECKING:
    from engine.federated.task import Federated

TOTALS = ("time_s", "energy_j", "bytes_up", "bytes_down")
"""Cumulative costs that every metrics event carries."""

BUDGET_SPENT = "privacy_budget"
"""Why a run ends whose next round would cost more privacy than is allowed."""

LASTS_A_ROUND = (SUM, ROWS, OPEN, CALLED, DOWN)
"""Prefixes of what a state holds of an open round only."""


def close_round(task: "Federated", context: Context, state: State) -> tuple[State, list[Event]]:
    """Complete the open round and open none."""
    server: Any = grouped(SERVER, state.tensors)
    counted = called_of(state).client[called_of(state).counts > 0]
    server = combine(task, context, state, server, clients=counted, num_clients=context.fleet.num_devices)
    done, power = _costed(task, context, state)
    ledger = ledger_of(state).add(done.spent)
    booked = ledger.totals()
    totals = {name: float(booked[name]) for name in TOTALS}
    spent = budget.after_round(task, context, state, done.counted.client, done.columns.get("norm"))
    found = measured(task, context, done.number, server, done.columns)
    metrics = found.metrics | spent.metrics
    values = {
        **metrics, **totals, "round_time_s": totals["time_s"] - done.start_s, **telling.percentiles(done.spread),
        **telling.compression(task, exchange_in(task, context), done),
        **({} if power is None else power.metrics()),
    }  # fmt: skip
    events = telling.events(task, context, state, done, (found, values))
    kept: Any = state.values["metrics"]
    closed = state.replace(
        values={
            **closed_values(done.number + 1), "totals": dict(totals), "metrics": {**kept, **metrics}, **spent.values,
            "reason": _reason(task, done.number, metrics) or (BUDGET_SPENT if spent.is_spent else ""),
        },
        tensors={
            **flat(SERVER, server),
            **with_record(state.tensors, done.number, {**done.sessions.columns(), **done.asked.columns()}),
            **under(LEDGER, ledger.to_arrays()),
            **spent.tensors,
            **({} if power is None else power.tensors()),
            **learned(task, state, telling.feedback(task, context, done)),
        },
        drop=[name for prefix in LASTS_A_ROUND for name in names(prefix, state.tensors)],
    )  # fmt: skip
    return closed, events


def closed_values(number: int) -> dict[str, JsonValue]:
    """The values of a state between rounds, before the round of that number."""
    return {"round": number, "cohort": None, "whole": True, "dropped": [], "absent": {}, "block": 0, "weight": 0.0}


def _costed(task: "Federated", context: Context, state: State) -> tuple[Round, Power | None]:
    """The round with what it cost, and the batteries after it."""
    number, start = rounds_done(state) + 1, _start_s(state)
    sessions, columns = _sessions(state), reported_of(state)
    asked = Asked.from_columns(part(CALLED, state.tensors))
    made = round_trace(exchange_in(task, context).work, sessions, asked=asked)
    cost = context.cost_model.cost(made.trace, start_s=start, first_round=number - 1)
    spent: Ledger = cost.ledger
    power = Power.of(context, state)
    if power is not None:
        power, standby = power.spend(context, cost.end_s_total - start, cost.ledger)
        spent = spent.add(standby)
    arrived_s = np.asarray(cost.end_s)[made.items.sent[sessions.counts > 0]] - start
    return Round(number, sessions, columns, arrived_s, cost.spread, spent, start, asked), power


def _start_s(state: State) -> float:
    totals: Any = state.values["totals"]
    return float(totals["time_s"])


def _sessions(state: State) -> Sessions:
    """What each client did, with the bytes that were really sent."""
    called, columns = called_of(state), reported_of(state)
    if "bytes_up" not in columns:
        return called
    sent = called.bytes_up.copy()
    sent[called.counts > 0] = columns["bytes_up"]
    return Sessions.from_columns({**called.columns(), "bytes_up": sent})


def _reason(task: "Federated", number: int, metrics: dict[str, float]) -> str:
    target = task.evaluation.target_accuracy
    if target is not None and metrics.get("accuracy", 0.0) >= target:
        return "target_reached"
    return "all_rounds" if number == task.rounds else ""
