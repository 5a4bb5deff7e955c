"""The end of a round: the server steps, the model is measured, the round's cost is booked, the events are told."""

from typing import TYPE_CHECKING, Any

import numpy as np

from engine.core.events import Event
from engine.core.json import JsonValue
from engine.costs.spread import SHARES
from engine.federated.layout import (
    COLUMNS,
    LEDGER,
    OPEN,
    SERVER,
    SUM,
    TOOK_PART,
    graph_of,
    ledger_of,
    population_of,
    rounds_done,
)
from engine.federated.messages import combined_mean, flat, grouped, names
from engine.federated.power import Power
from engine.federated.strategy import Combined, num_bytes
from engine.federated.traffic import Exchange, Participation, exchange_of, round_trace
from engine.task.contract import Context, State
from engine.training.divergence import activation_divergence
from engine.training.plans import Plan

if TYPE_CHECKING:
    from engine.costs.ledger import Ledger
    from engine.costs.model import Cost
    from engine.federated.task import Federated

TOTALS = ("time_s", "energy_j", "bytes_up", "bytes_down")
"""Cumulative costs that every metrics event carries."""

MOST_ROWS = 1000
"""Rows of a round's client table in the log; larger cohorts show those with the lowest ids, and their number."""


def is_metered(task: "Federated", number: int) -> bool:
    """Whether the activations of a round's clients are measured."""
    return task.evaluation.divergence and is_evaluated(task, number)


def is_evaluated(task: "Federated", number: int) -> bool:
    """Whether the model is measured after a round."""
    return number % task.evaluation.every_rounds == 0 or number == task.rounds


def close_round(task: "Federated", context: Context, state: State) -> tuple[State, list[Event]]:
    """Complete the open round and open none."""
    number = rounds_done(state) + 1
    who = _participation(state)
    columns = {name: state.tensors[f"{OPEN}/{name}"] for name in COLUMNS if f"{OPEN}/{name}" in state.tensors}
    exchange = _exchange(task, context, state)
    server = _server_step(task, context, state, len(who.clients))
    start: Any = state.values["totals"]
    trace = round_trace(exchange, who)
    cost = context.cost_model.cost(trace, start_s=start["time_s"], first_round=number - 1)
    spent, power = cost.ledger, Power.of(context, state)
    if power is not None:
        power, standby = power.spend(context, cost.end_s_total - start["time_s"], cost.ledger)
        spent = spent.add(standby)
    ledger = ledger_of(state).add(spent)
    booked = ledger.totals()
    totals = {name: float(booked[name]) for name in TOTALS}
    round_time_s = totals["time_s"] - start["time_s"]
    metrics = _measured(task, context, number, server, columns)
    values = {
        **metrics, **totals, "round_time_s": round_time_s, **_percentiles(cost),
        **({} if power is None else power.metrics()),
    }  # fmt: skip
    reason = _reason(task, number, metrics)
    cohort = {"message_bytes": [exchange.bytes_down, exchange.bytes_up], **_cohort(state)}
    events = _events(cohort, who, columns, values, (cost, spent))
    if number == 1:
        events = [*_opening_remarks(task, context, state), *events]
    closed = state.replace(
        values={
            "round": number + 1, "cohort": None, "dropped": [], "absent": {}, "block": 0, "weight": 0.0,
            "reason": reason, "totals": dict(totals), "metrics": {**_kept(state), **metrics},
        },
        tensors={
            **flat(SERVER, server),
            f"{TOOK_PART}/{number}": np.stack([who.clients, who.samples, who.steps]).astype(np.int64),
            **{f"{LEDGER}/{name}": array for name, array in ledger.to_arrays().items()},
            **({} if power is None else power.tensors()),
        },
        drop=[*names(SUM, state.tensors), *names(OPEN, state.tensors)],
    )  # fmt: skip
    return closed, events


def _participation(state: State) -> Participation:
    cohort: Any = state.values["cohort"]
    none = np.zeros(0, dtype=np.int64)
    return Participation(
        clients=np.asarray(cohort, dtype=np.int64),
        samples=state.tensors.get(f"{OPEN}/samples", none),
        steps=state.tensors.get(f"{OPEN}/steps", none),
    )


def _exchange(task: "Federated", context: Context, state: State) -> Exchange:
    """Work and bytes of this round: those of the message that was sent and of the updates that came back."""
    if "exchange" not in context.cache:
        context.cache["exchange"] = exchange_of(task)
    declared: Exchange = context.cache["exchange"]
    summed = grouped(SUM, state.tensors)
    return Exchange(declared.work, declared.bytes_down, num_bytes(summed)) if summed else declared


def _server_step(task: "Federated", context: Context, state: State, num_updates: int) -> Any:
    server = grouped(SERVER, state.tensors)
    weight: Any = state.values["weight"]
    if not num_updates or weight == 0.0:
        return server
    combined = Combined(
        mean=combined_mean(grouped(SUM, state.tensors), weight), total_weight=weight, num_updates=num_updates,
        num_clients=context.fleet.num_devices,
    )  # fmt: skip
    return task.strategy.server_step(combined, server)


def _measured(
    task: "Federated", context: Context, number: int, server: Any, columns: dict[str, np.ndarray]
) -> dict[str, float]:
    """The round's metrics; those of an evaluation only in rounds that have one."""
    metrics: dict[str, float] = {}
    if "loss" in columns:
        metrics["train_loss"] = float(np.average(columns["loss"], weights=columns["samples"]))
    if "activations" in columns:
        metrics["divergence"] = activation_divergence(columns["activations"])
    if is_evaluated(task, number):
        from engine.training.evaluation import evaluate, module_for

        test = population_of(task, context).test()
        module = module_for(graph_of(task, context), context.cache)
        score = evaluate(module, server["weights"], test.x, test.y)
        metrics |= {"accuracy": score.accuracy, "loss": score.loss}
    return metrics


def _percentiles(cost: "Cost") -> dict[str, float]:
    """How the round's time is spread; nothing where chance was not drawn."""
    if cost.spread is None:
        return {}
    times = cost.spread.rounds_s
    return {f"round_time_{name}_s": float(np.quantile(times, SHARES[name])) for name in ("p50", "p95")}


def _reason(task: "Federated", number: int, metrics: dict[str, float]) -> str:
    target = task.evaluation.target_accuracy
    if target is not None and metrics.get("accuracy", 0.0) >= target:
        return "target_reached"
    return "all_rounds" if number == task.rounds else ""


def _kept(state: State) -> dict[str, JsonValue]:
    kept: Any = state.values["metrics"]
    return dict(kept)


def _cohort(state: State) -> dict[str, Any]:
    """Who was drawn in the open round, who was left out and who was away."""
    absent: Any = state.values.get("absent", {})  # a checkpoint of an older version has none
    return {
        "round": rounds_done(state) + 1,
        "clients": state.values["cohort"],
        "dropped": state.values["dropped"],
        **absent,
    }


def _events(
    cohort: dict[str, Any],
    who: Participation,
    columns: dict[str, np.ndarray],
    values: dict[str, float],
    costs: tuple["Cost", "Ledger"],
) -> list[Event]:
    cost, spent = costs
    number, at = cohort["round"], values["time_s"]
    shown, count = slice(MOST_ROWS), len(who.clients)
    start = at - values["round_time_s"]
    arrived = np.asarray(cost.end_s)[2 * count : 3 * count] - start
    table = {
        "round": number,
        "num_clients": count,
        "ids": who.clients[shown],
        "loss": columns.get("loss", np.zeros(0))[shown],
        "num_samples": who.samples[shown],
        "time_s": arrived[shown],
    }
    return [
        Event(kind="cohort", body=cohort, sim_time_s=start),
        Event(kind="metrics", body={"round": number, "values": values}, sim_time_s=at),
        Event(kind="clients", body=table, sim_time_s=at),
        Event(kind="ledger", body={"round": number, "rows": spent.by_group()}, sim_time_s=at),
    ]


def _opening_remarks(task: "Federated", context: Context, state: State) -> list[Event]:
    """What the log says once: how clients are computed, and data that nobody holds."""
    plan, population = Plan.from_values(state.values["plan"]), population_of(task, context)
    remarks = [("info", plan.describe())]
    idle = population.num_shards - context.fleet.num_devices
    if idle > 0:
        remarks.append(("warning", f"{idle} of {population.num_shards} parts of the data belong to no device"))
    return [Event(kind="log", body={"level": level, "message": text}, sim_time_s=0.0) for level, text in remarks]
