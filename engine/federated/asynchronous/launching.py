"""How clients begin without waiting for each other: who takes a free place, with which model, and until when."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.costs.model import Cost
from engine.costs.trace import TraceBuilder
from engine.federated.asynchronous.flights import Flights
from engine.federated.layout import SERVER, message_down, population_of
from engine.federated.rounds.cohorts import draw_among, pauses, reachable
from engine.federated.rounds.leaving import departures
from engine.federated.rounds.messages import flat, grouped
from engine.federated.rounds.packing import named
from engine.federated.rounds.sessions import Ints, SessionItems, Sessions, Times, add_sessions, cut
from engine.federated.rounds.traffic import exchange_in, local_work
from engine.fleet.availability import Moment
from engine.task.contract import Context, State
from engine.task.layout import names_of, part, under

if TYPE_CHECKING:
    from engine.federated.task import Federated

FLIGHT, VERSION = "flight", "version"
"""Prefixes of a state's tensors: sessions under way, and by its number each model that some of them got."""

MOST_REMEMBERED = 4096
"""Sessions whose costs a process remembers; with more under way it finds some of them twice."""


def flights_of(state: State) -> Flights:
    """The sessions under way."""
    return Flights.from_columns(part(FLIGHT, state.tensors))


def launch(task: "Federated", context: Context, state: State) -> State:
    """Let idle clients begin as long as there are free places and anybody can be reached."""
    state = _with_model(task, context, state)
    flights = flights_of(state)
    if not len(flights):
        state = _wait(task, context, state)
    free = task.sampler.cohort_size(context.fleet.num_devices) - len(flights)
    is_first = not state.values["sessions"]
    for _ in range(1 if is_first else free):
        chosen = _drawn(task, context, state, flights)
        if not len(chosen):
            break
        for client in chosen.tolist():
            state, begun = _begun(task, context, state, client)
            flights = flights.and_also(begun)
    return state.replace(tensors=under(FLIGHT, flights.columns()))


def cost_of(context: Context, task: "Federated", flight: Flights) -> tuple[Cost, SessionItems]:
    """What one session costs on its own; what was found when it began is remembered until it ends."""
    known: dict[tuple[float, ...], tuple[Cost, SessionItems]] = context.cache.setdefault("session_costs", {})
    key = tuple(float(column[0]) for column in flight.columns().values())[:-1]  # all but the end, which follows
    if key in known:
        return known.pop(key)
    builder = TraceBuilder()
    items = add_sessions(builder, exchange_in(task, context).work, flight.sessions)
    start_s, version = float(flight.begun_s[0]), int(flight.version[0])
    known[key] = context.cost_model.cost(builder.build(), start_s=start_s, first_round=version), items
    while len(known) > MOST_REMEMBERED:
        known.pop(next(iter(known)))
    return known[key]


def broken_off(context: Context, task: "Federated", flight: Flights, moment_s: float) -> Flights:
    """A session under way as it stands at a moment."""
    if not flight.sessions.counts[0]:
        return flight  # it was cut already, when its client was going to leave
    times = _times(context, task, flight)
    return replace(flight, sessions=cut(flight.sessions, times, moment_s - flight.begun_s))


def models_left(state: State, flights: Flights) -> list[str]:
    """Names of the models that nobody under way needs and no further session will get."""
    current: Any = state.values["round"]
    needed = {*flights.version.tolist(), current - 1}
    return [name for name in names_of(VERSION, state.tensors) if int(name.split("/")[1]) not in needed]


def _times(context: Context, task: "Federated", flight: Flights) -> Times:
    """The times of one session, from its own start."""
    cost, items = cost_of(context, task, flight)
    return items.times(cost.start_s - flight.begun_s[0], cost.end_s - flight.begun_s[0])


def _with_model(task: "Federated", context: Context, state: State) -> State:
    """The state with the newest model as it arrives at clients."""
    number: Any = state.values["round"]
    prefix = f"{VERSION}/{number - 1}"
    if any(name.startswith(f"{prefix}/") for name in state.tensors):
        return state
    message = message_down(task, context, grouped(SERVER, state.tensors))
    if task.encoding.plain_down:
        whole = {"model_bytes": exchange_in(task, context).bytes_down}
        return state.replace(values=whole, tensors=flat(prefix, message))
    delivery = task.encoding.send_down(named(message), context.stream("encoding", "down", number))
    return state.replace(values={"model_bytes": delivery.num_bytes}, tensors=under(prefix, delivery.tensors))


def _able(task: "Federated", context: Context, moment: Moment, flights: Flights) -> np.ndarray:
    """(N,) who is idle, can be reached and has samples."""
    if "holders" not in context.cache:
        everybody = np.arange(context.fleet.num_devices)
        context.cache["holders"] = population_of(task, context).num_samples(everybody) > 0
    able = reachable(context, moment) & context.cache["holders"]
    able[flights.sessions.client] = False
    return np.asarray(able)


def _wait(task: "Federated", context: Context, state: State) -> State:
    """Let time pass until somebody can be reached."""
    if not context.fleet.is_timed:
        return state
    number, clock_s, waited = _moment(state)
    none = Flights.from_columns({})
    for pause in pauses():
        if _able(task, context, Moment(number, clock_s + waited), none).any():
            break
        waited += pause
    return state.replace(values={"clock_s": clock_s + waited})


def _moment(state: State) -> tuple[int, float, float]:
    number, clock_s = state.values["round"], state.values["clock_s"]
    assert isinstance(number, int)
    assert isinstance(clock_s, float)
    return number, clock_s, 0.0


def _drawn(task: "Federated", context: Context, state: State, flights: Flights) -> Ints:
    """Who begins: at first a whole cohort, then one of those that the sampler draws among the idle."""
    number, clock_s, _ = _moment(state)
    count: Any = state.values["sessions"]
    able = _able(task, context, Moment(number, clock_s), flights)
    draw = context.stream("cohort", number, *([count] if count else []))
    chosen = draw_among(task, context, number, able, draw)
    return chosen if not count or not len(chosen) else chosen[draw.integers(len(chosen))].reshape(1)


def _begun(task: "Federated", context: Context, state: State, client: int) -> tuple[State, Flights]:
    """A client begins: its session, with the time at which it will end."""
    number, clock_s, _ = _moment(state)
    values: Any = state.values
    sizes = population_of(task, context).num_samples(np.array([client]))
    sessions = _session(task, context, (client, sizes), values["model_bytes"])
    whole = {
        "number": values["sessions"], "version": number - 1, "again": values["begun"].count(client),
        "cause": values["freed_by"], "begun_s": clock_s, "ends_s": 0.0,
    }  # fmt: skip
    flight = Flights.from_columns({**sessions.columns(), **{name: np.array([value]) for name, value in whole.items()}})
    times = _times(context, task, flight)
    missed = departures(context, sessions.client, times, (number, clock_s))
    if np.isfinite(missed[0]):
        flight = replace(flight, sessions=cut(sessions, times, missed), ends_s=clock_s + missed)
    else:
        flight = replace(flight, ends_s=clock_s + times.sent)
    return state.replace(values={"sessions": values["sessions"] + 1, "begun": [*values["begun"], client]}), flight


def _session(task: "Federated", context: Context, who: tuple[int, Ints], bytes_down: int) -> Sessions:
    client, sizes = who
    samples, steps = local_work(task.local, sizes)
    sessions = exchange_in(task, context).sessions(np.array([client]), samples, steps)
    return replace(sessions, bytes_down=np.array([bytes_down]))
