"""The start of a round: waiting until somebody can be reached, the cohort, and who runs empty on the way.

Simulated time and batteries decide only where the fleet says so; otherwise a round opens with nothing but its number.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.core.json import JsonValue
from engine.costs.ledger import Ledger
from engine.federated.layout import CALLED, DOWN, LEDGER, SERVER, WAYS, ledger_of, message_down, population_of
from engine.federated.rounds.absences import absent_of
from engine.federated.rounds.asking import Asked
from engine.federated.rounds.cohorts import Chosen, choose, pauses, reachable
from engine.federated.rounds.leaving import decide
from engine.federated.rounds.messages import grouped
from engine.federated.rounds.packing import named
from engine.federated.rounds.power import DROPOUT, Power, battery_ledger
from engine.federated.rounds.sessions import Sessions, Times
from engine.federated.rounds.traffic import course_of, exchange_in, local_work, round_trace
from engine.federated.scheduler import Called, Decision, RoundScheduler
from engine.federated.strategy import Groups
from engine.fleet.availability import Moment
from engine.fleet.battery import Charges
from engine.task.contract import Context, State
from engine.task.layout import under

if TYPE_CHECKING:
    from engine.federated.task import Federated

NO_SAMPLES, RAN_EMPTY = "no samples", "battery ran empty"
"""Why a chosen client does not take part."""


def open_round(task: "Federated", context: Context, state: State) -> State:
    """The state with the cohort of the round to come."""
    state = _wait(context, state)
    number, start = _moment(state)
    power = Power.of(context, state)
    has_charge = None if power is None else ~power.charges.is_empty
    down, sent = _sent_down(task, context, state)
    chosen = _chosen(task, context, state, (has_charge, down))
    is_idle = population_of(task, context).num_samples(chosen.clients) == 0
    dropped: list[JsonValue] = [{"id": int(client), "reason": NO_SAMPLES} for client in chosen.clients[is_idle]]
    asked = Asked.of(chosen.asked, population_of(task, context).num_samples(chosen.asked), sent)
    sessions = _called(task, context, chosen.clients[~is_idle])
    sessions = asked.spares(replace(sessions, bytes_down=np.full(len(sessions), sent)))
    if power is not None:
        state, lost = _run_empty(task, context, state, (power, sessions))
        dropped += [{"id": int(client), "reason": RAN_EMPTY} for client in sessions.client[lost]]
        sessions = sessions.take(~lost)
    able = None if context.fleet.is_always_reachable else reachable(context, Moment(number, start))
    absent = absent_of(context.fleet, able, has_charge)
    decision = _decided(task, context, state, (sessions, asked))
    dropped += [{"id": client, "reason": reason} for client, reason in sorted(decision.reasons.items())]
    opened = {
        "cohort": decision.clients.tolist(), "whole": decision.is_whole(sessions), "length_s": decision.length_s,
        "dropped": dropped, "absent": absent, "block": 0, "weight": 0.0,
    }  # fmt: skip
    called = under(CALLED, {**decision.sessions.columns(), **asked.columns()})
    ways = under(WAYS, course_of(task, context, state, sessions.client).ways)
    return state.replace(values=opened, tensors={**called, **ways, **down, **chosen.memory})


def _chosen(
    task: "Federated", context: Context, state: State, given: tuple[np.ndarray | None, dict[str, np.ndarray]]
) -> Chosen:
    """Who takes part, given which devices have energy and the message down if it is encoded."""
    has_charge, encoded = given
    able = reachable(context, Moment(*_moment(state)))

    def arriving() -> Groups:
        return grouped(DOWN, encoded) if encoded else message_down(task, context, grouped(SERVER, state.tensors))

    return choose(task, context, state, able if has_charge is None else able & has_charge, arriving)


def _called(task: "Federated", context: Context, cohort: np.ndarray) -> Sessions:
    """What clients are to do, with the bytes that are expected."""
    samples, steps = local_work(task.local, population_of(task, context).num_samples(cohort))
    return exchange_in(task, context).sessions(cohort, samples, steps)


def _sent_down(task: "Federated", context: Context, state: State) -> tuple[dict[str, np.ndarray], int]:
    """The message down as it arrives at every client, and its bytes; nothing where it is not encoded."""
    if task.encoding.plain_down:
        return {}, exchange_in(task, context).bytes_down
    message = message_down(task, context, grouped(SERVER, state.tensors))
    number, _ = _moment(state)
    delivery = task.encoding.send_down(named(message), context.stream("encoding", "down", number))
    return under(DOWN, delivery.tensors), delivery.num_bytes


def _decided(task: "Federated", context: Context, state: State, who: tuple[Sessions, Asked]) -> Decision:
    """How the round goes that has called these clients."""
    sessions, asked = who
    number, start = _moment(state)

    def measure(some: Sessions) -> Times:
        made = round_trace(course_of(task, context, state, some.client), some, asked=asked)
        cost = context.cost_model.cost(made.trace, start, first_round=number - 1)
        return made.items.times(cost.start_s - start, cost.end_s - start)

    if not task.coordination.drops:
        return Decision(sessions, {})
    assert isinstance(task.scheduler, RoundScheduler)
    sizes = population_of(task, context).num_samples(sessions.client)
    called = Called(sessions, sizes, task.local.batch_size, measure)
    return decide(task.scheduler, context, called, (number, start))


def _moment(state: State) -> tuple[int, float]:
    number: Any = state.values["round"]
    totals: Any = state.values["totals"]
    return number, float(totals["time_s"])


def _wait(context: Context, state: State) -> State:
    """Let time pass until somebody can be reached, where time or batteries decide that."""
    power = Power.of(context, state)
    if power is None and not context.fleet.is_timed:
        return state
    number, start = _moment(state)
    ledger, waited = ledger_of(state), 0.0
    for pause in pauses():
        able = reachable(context, Moment(number, start + waited))
        if (able if power is None else able & ~power.charges.is_empty).any():
            break
        if power is not None:
            power, standby = power.spend(context, pause, Ledger.empty(context.fleet.names))
            ledger = ledger.add(standby)
        waited += pause
    if not waited:
        return state
    return _book(state, replace(ledger, elapsed_s=ledger.elapsed_s + waited), power)


def _run_empty(
    task: "Federated", context: Context, state: State, plan: tuple[Power, Sessions]
) -> tuple[State, np.ndarray]:
    """Who of the cohort would run empty in the round: they spend what they have, and nothing comes of it.

    What the round takes from each is known beforehand, from its messages and samples.

    Returns:
        The state with their energy booked, and which of them they are, (m,).
    """
    power, sessions = plan
    number, now = _moment(state)
    trace = round_trace(course_of(task, context, state, sessions.client), sessions).trace
    cost = context.cost_model.cost(trace, now, first_round=number - 1)
    needed = np.zeros(context.fleet.num_devices)
    needed[cost.ledger.devices] = cost.ledger.values["energy_j"].sum(axis=1)
    there = power.charges.charge_j + power.batteries.harvest_w * (cost.end_s_total - now)
    is_lost = needed[sessions.client] > there[sessions.client]
    lost = sessions.client[is_lost]
    if not len(lost):
        return state, is_lost
    spent = np.zeros(context.fleet.num_devices)
    spent[lost] = power.charges.charge_j[lost]
    charge, empty = power.charges.charge_j.copy(), power.charges.is_empty.copy()
    charge[lost], empty[lost] = 0.0, True
    left = replace(power, charges=Charges(charge, empty))
    return _book(state, ledger_of(state).add(battery_ledger(context, DROPOUT, spent)), left), is_lost


def _book(state: State, ledger: Ledger, power: Power | None) -> State:
    """The state with another ledger and other charges, and the totals that follow."""
    totals: Any = state.values["totals"]
    booked = ledger.totals()
    tensors = {f"{LEDGER}/{name}": array for name, array in ledger.to_arrays().items()}
    return state.replace(
        values={"totals": {name: float(booked[name]) for name in totals}},
        tensors=tensors | ({} if power is None else power.tensors()),
    )
