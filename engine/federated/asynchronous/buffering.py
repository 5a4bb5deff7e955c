"""The loop of asynchronous training: a step is the end of one session; every few updates the server makes a step."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.core.events import Event
from engine.core.json import JsonValue
from engine.costs.ledger import Ledger
from engine.federated.asynchronous.flights import Flights
from engine.federated.asynchronous.launching import (
    FLIGHT,
    VERSION,
    broken_off,
    cost_of,
    flights_of,
    launch,
    models_left,
)
from engine.federated.layout import DOWN, LEDGER, OPEN, ROWS, SERVER, SUM, ledger_of, reported_of
from engine.federated.measures.measuring import measured
from engine.federated.measures.personal import personal_metrics
from engine.federated.rounds import loop as rounds
from engine.federated.rounds import telling
from engine.federated.rounds.asking import Asked
from engine.federated.rounds.closing import TOTALS, closed_values, reason_after
from engine.federated.rounds.combining import combine
from engine.federated.rounds.history import with_record
from engine.federated.rounds.messages import flat, grouped
from engine.federated.rounds.telling import Round
from engine.federated.rounds.traffic import exchange_in, macs_per_sample
from engine.federated.scheduler import AWAY
from engine.federated.schedulers.buffered import Buffered
from engine.task.contract import Block, BlockResult, Context, State
from engine.task.layout import names_of, part, under
from engine.training.plans import Plan

if TYPE_CHECKING:
    from engine.federated.task import Federated

ENDED, SPENT = "ended", "spent"
"""Prefixes of a state's tensors: the sessions that ended since the server's last step, and their ledger."""

STALE, RUN_ENDED = "too stale", "the run ended"
"""Why a session does not count: its model was too old, or it was under way when the run was over."""


def begin(task: "Federated", context: Context) -> State:
    """The state before anybody begins."""
    state = rounds.begin(task, context)
    plan = replace(Plan.from_values(state.values["plan"]), clients_per_block=1)
    start: dict[str, JsonValue] = {
        "cohort": [], "sessions": 0, "begun": [], "freed_by": -1, "clock_s": 0.0, "step_s": 0.0,
    }  # fmt: skip
    return state.replace(values={**start, "plan": plan.to_values()})


def step(task: "Federated", context: Context, state: State) -> tuple[State, list[Event]]:
    """Idle clients begin, the next session ends, and with enough updates the server makes a step."""
    state = launch(task, context, state)
    flights = flights_of(state)
    if not len(flights):
        return _server_step(task, context, state)  # nobody can be reached for a month
    order = flights.order()
    state = _land(task, context, state, (flights, order))
    place: Any = state.values["block"]
    return (state, []) if place < _scheduler(task).buffer_size else _server_step(task, context, state)


def _scheduler(task: "Federated") -> Buffered:
    assert isinstance(task.scheduler, Buffered)
    return task.scheduler


def _land(task: "Federated", context: Context, state: State, under_way: tuple[Flights, np.ndarray]) -> State:
    """The session that ends first: its update is folded into the buffer, unless it drops out."""
    flights, order = under_way
    mine = flights.take(order[:1])
    number: Any = state.values["round"]
    staleness = number - 1 - int(mine.version[0])
    most, client = _scheduler(task).max_staleness, int(mine.sessions.client[0])
    reason = AWAY if not mine.sessions.counts[0] else STALE if most is not None and staleness > most else ""
    if reason:
        dropped: Any = state.values["dropped"]
        state = state.replace(values={"dropped": [*dropped, {"id": client, "reason": reason}]})
        mine = replace(mine, sessions=replace(mine.sessions, counts=np.zeros(1, dtype=np.int64)))
    else:
        coming = (_block(task, context, state, flights.take(row)) for row in order.reshape(-1, 1))
        context.executor.offer(task, context, coming)
        result = context.executor.run(task, context, _block(task, context, state, mine))
        state, mine = _folded(task, state, (mine, staleness), result)
    rest = flights.take(np.sort(order[1:]))
    return _booked(task, context, state, mine).replace(
        values={"clock_s": float(mine.ends_s[0]), "freed_by": int(mine.number[0])},
        tensors=under(FLIGHT, rest.columns()),
        drop=models_left(state, rest),
    )


def _block(task: "Federated", context: Context, state: State, flight: Flights) -> Block:
    client, version, number = (int(column[0]) for column in (flight.sessions.client, flight.version, flight.number))
    model = {f"{DOWN}/{name}": array for name, array in part(f"{VERSION}/{version}", state.tensors).items()}
    return Block(
        name=("train", version + 1, number),
        clients=(client,),
        inputs=model,
        values={
            "round": version + 1, "plan": state.values["plan"], "meter": False, "again": int(flight.again[0]),
        },
        client_states={client: state.clients[client]} if client in state.clients else {},
        macs=float(flight.sessions.samples[0]) * macs_per_sample(task, context),
    )  # fmt: skip


def _folded(task: "Federated", state: State, flight: tuple[Flights, int], result: BlockResult) -> tuple[State, Flights]:
    """Add an update to the buffer, weighted by its staleness."""
    mine, staleness = flight
    scheduler = _scheduler(task)
    factor = float(scheduler.staleness.weight(np.array([staleness]))[0]) * scheduler.rate
    pull = _pull(state, mine, result) if scheduler.mixes == "models" and staleness else {}
    place, weight, added = (_number(values, name) for values, name in (
        (state.values, "block"), (state.values, "weight"), (result.values, "weight"),
    ))  # fmt: skip
    folded = {f"{OPEN}/staleness": np.array([staleness])}
    folded |= {name: array for name, array in result.tensors.items() if name.startswith(f"{OPEN}/")}
    folded = {
        name: np.concatenate([state.tensors[name], column]) if name in state.tensors else column
        for name, column in folded.items()
    }
    for name in names_of(SUM, result.tensors):
        array = _scaled(result.tensors[name] + pull.get(name, 0), factor)
        folded[name] = state.tensors[name] + array if name in state.tensors else array
    for name in names_of(ROWS, result.tensors):
        column = name.rpartition("/")[2]
        array = result.tensors[name]
        folded[f"{ROWS}/{int(place)}/{column}"] = _scaled(array, factor) if column == "values" else array
    if f"{OPEN}/bytes_up" in result.tensors:
        mine = replace(mine, sessions=replace(mine.sessions, bytes_up=result.tensors[f"{OPEN}/bytes_up"]))
    values = {"block": int(place) + 1, "weight": weight + added}
    return state.replace(values=values, tensors=folded, clients=result.clients), mine


def _number(values: Any, name: str) -> float:
    return float(values[name])


def _scaled(array: np.ndarray, factor: float) -> np.ndarray:
    """The array times a factor, in its own type; a factor of 1 leaves it as it is."""
    return array if factor == 1.0 else np.asarray(array * array.dtype.type(factor))


def _pull(state: State, mine: Flights, result: BlockResult) -> dict[str, np.ndarray]:
    """What makes a weighted difference to the model that a client got one to the newest: weight * (got - newest)."""
    prefix, weight = f"{VERSION}/{int(mine.version[0])}/weights", _number(result.values, "weight")
    newest = grouped(SERVER, state.tensors)["weights"]
    return {
        f"{SUM}/weights/{name}": (got - newest[name]) * got.dtype.type(weight)
        for name, got in part(prefix, state.tensors).items()
    }


def _booked(task: "Federated", context: Context, state: State, ended: Flights) -> State:
    """The state with a session that ended, and what it cost."""
    cost, _ = cost_of(context, task, ended)
    arrays = part(SPENT, state.tensors)
    spent = Ledger.from_arrays(arrays).add(cost.ledger) if arrays else cost.ledger
    earlier = Flights.from_columns(part(ENDED, state.tensors))
    return state.replace(tensors={**under(ENDED, earlier.and_also(ended).columns()), **under(SPENT, spent.to_arrays())})


def _server_step(task: "Federated", context: Context, state: State) -> tuple[State, list[Event]]:
    """The server makes a step with the updates in the buffer, and the round is told."""
    number = int(_number(state.values, "round"))
    counted = _ended(state).sessions
    counted = counted.take(counted.counts > 0)
    server = combine(
        task, context, state, grouped(SERVER, state.tensors), clients=counted.client,
        num_clients=context.fleet.num_devices,
    )  # fmt: skip
    columns = reported_of(state)
    found = measured(task, context, number, server, columns)
    own = personal_metrics(task, context, number, server, state.clients)
    metrics = {**found.metrics, **own, **_staleness(columns)}
    reason = reason_after(task, number, metrics)
    if reason:
        state = _all_landed(task, context, state)
    done, ledger = _costed(context, state)
    booked = ledger.totals()
    totals = {name: float(booked[name]) for name in TOTALS}
    values = {
        **metrics, **totals, "round_time_s": totals["time_s"] - done.start_s,
        **telling.compression(task, exchange_in(task, context), done),
    }  # fmt: skip
    told = state.replace(values={"cohort": counted.client.tolist(), "absent": {}})
    events = telling.events(task, context, told, done, (found, values))
    kept: Any = state.values["metrics"]
    closed = state.replace(
        values={
            **closed_values(number + 1), "cohort": [], "begun": [], "step_s": state.values["clock_s"],
            "reason": reason, "totals": dict(totals), "metrics": {**kept, **metrics},
        },
        tensors={
            **flat(SERVER, server), **with_record(state.tensors, number, _ended(state).record()),
            **under(LEDGER, ledger.to_arrays()),
        },
        drop=[name for prefix in (SUM, ROWS, OPEN, ENDED, SPENT) for name in names_of(prefix, state.tensors)],
    )  # fmt: skip
    return closed, events


def _ended(state: State) -> Flights:
    return Flights.from_columns(part(ENDED, state.tensors))


def _staleness(columns: dict[str, np.ndarray]) -> dict[str, float]:
    if "staleness" not in columns:
        return {}
    return {
        "staleness_mean": float(columns["staleness"].mean()),
        "staleness_max": float(columns["staleness"].max()),
    }


def _all_landed(task: "Federated", context: Context, state: State) -> State:
    """Sessions under way when the run is over are broken off; what they spent until then is booked."""
    flights, clock_s = flights_of(state), _number(state.values, "clock_s")
    for row in flights.order().reshape(-1, 1):
        mine = broken_off(context, task, flights.take(row), clock_s)
        dropped: Any = state.values["dropped"]
        entry: JsonValue = {"id": int(mine.sessions.client[0]), "reason": RUN_ENDED}
        state = _booked(task, context, state.replace(values={"dropped": [*dropped, entry]}), mine)
    return state.replace(drop=[*names_of(FLIGHT, state.tensors), *names_of(VERSION, state.tensors)])


def _costed(context: Context, state: State) -> tuple[Round, Ledger]:
    """The round with what it cost, and the ledger of the whole run."""
    ended, clock_s, start_s = _ended(state), _number(state.values, "clock_s"), _number(state.values, "step_s")
    arrays = part(SPENT, state.tensors)
    empty = Ledger.empty(context.fleet.names, context.network.table.names)
    spent = replace(Ledger.from_arrays(arrays) if arrays else empty, elapsed_s=clock_s - start_s)
    counted = ended.sessions.counts > 0
    arrived_s = ended.ends_s[counted] - start_s
    number = int(_number(state.values, "round"))
    done = Round(number, ended.sessions, reported_of(state), arrived_s, None, spent, start_s, Asked.nobody())
    return done, replace(ledger_of(state).add(spent), elapsed_s=clock_s)
