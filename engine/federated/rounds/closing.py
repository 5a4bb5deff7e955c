"""The end of a round: the server steps, the model is measured, the round's cost is booked, the events are told."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.core.events import Event
from engine.core.json import JsonValue
from engine.costs.model import Cost
from engine.federated.layout import (
    CALLED,
    DOWN,
    LEDGER,
    OPEN,
    ROWS,
    SERVER,
    SUM,
    WAYS,
    called_of,
    ledger_of,
    reported_of,
    rounds_done,
)
from engine.federated.measures.measuring import measured
from engine.federated.measures.personal import personal_metrics
from engine.federated.private import budget, secrecy
from engine.federated.rounds import telling
from engine.federated.rounds.asking import Asked
from engine.federated.rounds.cohorts import learned
from engine.federated.rounds.history import with_record
from engine.federated.rounds.messages import flat
from engine.federated.rounds.power import Power
from engine.federated.rounds.sessions import Sessions
from engine.federated.rounds.telling import Round
from engine.federated.rounds.traffic import Course, RoundTrace, exchange_in, round_trace
from engine.task.contract import Context, State
from engine.task.layout import names_of, part, under

if TYPE_CHECKING:
    from engine.federated.task import Federated

TOTALS = ("time_s", "energy_j", "bytes_up", "bytes_down")
"""Cumulative costs that every metrics event carries."""

LASTS_A_ROUND = (SUM, ROWS, OPEN, CALLED, WAYS, DOWN)
"""Prefixes of what a state holds of an open round only."""


def close_round(task: "Federated", context: Context, state: State) -> tuple[State, list[Event]]:
    """Complete the open round and open none."""
    counted = called_of(state).client[called_of(state).counts > 0]
    met = task.coordination.meet(task, context, state, counted)
    done, power = _costed(task, context, state)
    ledger = ledger_of(state).add(done.spent)
    booked = ledger.totals()
    totals = {name: float(booked[name]) for name in TOTALS}
    spent = budget.after_round(task, context, state, done.counted, done.columns.get("norm"))
    found = measured(task, context, done.number, met.server, done.columns)
    own = personal_metrics(task, context, done.number, met.server, state.clients.updated(met.clients))
    metrics = found.metrics | own | dict(met.metrics) | spent.metrics
    values = {
        **metrics, **totals, "round_time_s": totals["time_s"] - done.start_s, **telling.percentiles(done.spread),
        **telling.compression(task, exchange_in(task, context), done),
        **secrecy.metrics(done.columns),
        **({} if power is None else power.metrics()),
    }  # fmt: skip
    events = telling.events(task, context, state, done, (found, values))
    kept: Any = state.values["metrics"]
    closed = state.replace(
        values={
            **closed_values(done.number + 1), "totals": dict(totals), "metrics": {**kept, **metrics}, **spent.values,
            "reason": reason_after(task, done.number, metrics),
            **met.values,
        },
        tensors={
            **flat(SERVER, met.server),
            **with_record(state.tensors, done.number, _record(state, done)),
            **under(LEDGER, ledger.to_arrays()),
            **spent.tensors,
            **({} if power is None else power.tensors()),
            **learned(task, state, telling.feedback(task, context, done)),
        },
        clients=met.clients,
        drop=[*met.drop, *(name for prefix in LASTS_A_ROUND for name in names_of(prefix, state.tensors))],
    )  # fmt: skip
    return closed, events


def _record(state: State, done: Round) -> dict[str, np.ndarray]:
    """What the history keeps of the round."""
    ways = dict(sorted(part(WAYS, state.tensors).items()))  # a state from disk has them in another order
    return {**done.sessions.columns(), **done.asked.columns(), **ways}


def closed_values(number: int) -> dict[str, JsonValue]:
    """The values of a state between rounds, before the round of that number."""
    return {
        "round": number, "cohort": None, "whole": True, "length_s": None, "dropped": [], "absent": {}, "block": 0,
        "weight": 0.0,
    }  # fmt: skip


def _costed(task: "Federated", context: Context, state: State) -> tuple[Round, Power | None]:
    """The round with what it cost, and the batteries after it."""
    number, start = rounds_done(state) + 1, _start_s(state)
    columns = _by_client(task, state)
    sessions = _sessions(state, columns)
    asked = Asked.from_columns(part(CALLED, state.tensors))
    course = Course(exchange_in(task, context), task.coordination, part(WAYS, state.tensors))
    made = round_trace(course, sessions, asked=asked)
    cost = context.cost_model.cost(made.trace, start_s=start, first_round=number - 1)
    spent = replace(cost.ledger, elapsed_s=_elapsed_s(state, made, cost))
    power = Power.of(context, state)
    if power is not None:
        power, standby = power.spend(context, spent.elapsed_s, spent)
        spent = spent.add(standby)
    arrived_s = np.asarray(cost.end_s)[made.items.arrived[sessions.counts > 0]] - start
    return Round(number, sessions, columns, arrived_s, cost.spread, spent, start, asked), power


def _elapsed_s(state: State, made: RoundTrace, cost: Cost) -> float:
    """How long the round lasts: as its scheduler says, and from then on what follows its sessions, such as gateways."""
    length: Any = state.values["length_s"]
    if length is None or not len(made.items.last):
        return cost.ledger.elapsed_s
    return float(length) + max(0.0, cost.end_s_total - float(cost.end_s[made.items.last].max()))


def _start_s(state: State) -> float:
    totals: Any = state.values["totals"]
    return float(totals["time_s"])


def _by_client(task: "Federated", state: State) -> dict[str, np.ndarray]:
    """What the clients reported, in the order of their ids."""
    trained = [client for _, clients in task.coordination.parts(state) for client in clients]
    order = np.argsort(np.array(trained, dtype=np.int64), kind="stable")
    return {name: column[order] for name, column in reported_of(state).items()}


def _sessions(state: State, columns: dict[str, np.ndarray]) -> Sessions:
    """What each client did, with the bytes that were really sent."""
    called = called_of(state)
    if "bytes_up" not in columns:
        return called
    sent = called.bytes_up.copy()
    sent[called.counts > 0] = columns["bytes_up"]
    return Sessions.from_columns({**called.columns(), "bytes_up": sent})


def reason_after(task: "Federated", number: int, metrics: dict[str, float]) -> str:
    """Why the run is over after a round; empty if it is not."""
    target = task.evaluation.target_accuracy
    if target is not None and metrics.get("accuracy", 0.0) >= target:
        return "target_reached"
    return "all_rounds" if number == task.rounds else ""
