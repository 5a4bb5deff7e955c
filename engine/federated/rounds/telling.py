"""What the log says of a round."""

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.core.events import Event
from engine.costs.ledger import Ledger
from engine.costs.spread import SHARES, Spread
from engine.federated.checks import updates_at_once
from engine.federated.layout import population_of
from engine.federated.measures.measuring import Measured
from engine.federated.private.secrecy import obstacle
from engine.federated.robustness.adversary import is_malicious, overpowered
from engine.federated.rounds.asking import Asked
from engine.federated.rounds.combining import shortfall
from engine.federated.rounds.sessions import Sessions
from engine.federated.rounds.traffic import Exchange
from engine.federated.sampler import Feedback
from engine.federated.schedulers.deadline import Deadline
from engine.task.contract import Context, State
from engine.training.plans import Plan

if TYPE_CHECKING:
    from engine.federated.task import Federated

MOST_ROWS = 1000
"""Rows of a round's client table in the log; larger cohorts show those with the lowest ids, and their number."""

REPORTED = ("bytes_up", "norm", "staleness")
"""Columns of the client table that are there where blocks report them."""


@dataclass(frozen=True)
class Round:
    """A round that is over.

    Attributes:
        number: which, from 1.
        sessions: what each client did.
        columns: what those whose updates count reported.
        arrived_s: when the updates that count were there, in seconds from the start of the round.
        spread: of its times; None where chance was not drawn.
        spent: what it cost, with what batteries gave beside.
        start_s: simulated time at which it began.
        asked: who told the loss of the model before the choice.
    """

    number: int
    sessions: Sessions
    columns: dict[str, np.ndarray]
    arrived_s: np.ndarray
    spread: Spread | None
    spent: Ledger
    start_s: float
    asked: Asked = field(default_factory=Asked.nobody)

    @cached_property
    def counted(self) -> Sessions:
        """The sessions of those whose updates count."""
        return self.sessions.take(self.sessions.counts > 0)

    @property
    def mean_down(self) -> float:
        """Mean payload of the messages with the model; who has it already gets a message without any."""
        down = self.counted.bytes_down
        return float(np.concatenate([self.asked.bytes_down, down[down > 0]]).mean())


def feedback(task: "Federated", context: Context, done: Round) -> Feedback:
    """What the round showed to the sampler."""
    clients = done.counted.client
    durations_s = done.arrived_s if task.sampler.depends_on_costs else np.zeros(len(clients))
    losses = done.columns.get("loss", np.zeros(0))
    sizes = population_of(task, context).num_samples(clients)
    return Feedback(done.number, clients, losses, sizes, durations_s)


def percentiles(spread: Spread | None) -> dict[str, float]:
    """How the round's time is spread; nothing where chance was not drawn."""
    if spread is None:
        return {}
    times = spread.rounds_s
    return {f"round_time_{name}_s": float(np.quantile(times, SHARES[name])) for name in ("p50", "p95")}


def compression(task: "Federated", exchange: Exchange, done: Round) -> dict[str, float]:
    """How many times smaller encoded messages are than plain ones, by direction; nothing where none is encoded."""
    counted = done.counted
    if not len(counted):
        return {}
    found = {}
    if not task.encoding.plain_up:
        found["compression_up"] = exchange.plain_up / float(counted.bytes_up.mean())
    if not task.encoding.plain_down:
        found["compression_down"] = exchange.plain_down / done.mean_down
    return found


def events(
    task: "Federated", context: Context, state: State, done: Round, figures: tuple[Measured, dict[str, float]]
) -> list[Event]:
    """The events of a round, in order.

    Args:
        task: the task.
        context: fleet and data.
        state: the state with the round still open.
        done: the round.
        figures: what was measured after it, and all its metrics.
    """
    found, values = figures
    at = values["time_s"]
    metrics = {"round": done.number, "values": values}
    ledger = {"round": done.number, "rows": done.spent.by_group()}
    return [
        *(_opening_remarks(task, context, state) if done.number == 1 else []),
        *_closing_remarks(task, context, state, done, at),
        Event(kind="cohort", body=_cohort(state, done), sim_time_s=done.start_s),
        Event(kind="metrics", body=metrics, sim_time_s=at),
        Event(kind="clients", body={**_clients(task, context, done), **_fairness(done, found)}, sim_time_s=at),
        Event(kind="ledger", body=ledger, sim_time_s=at),
    ]


def _cohort(state: State, done: Round) -> dict[str, Any]:
    """Who was drawn in the round, who was left out and who was away."""
    absent: Any = state.values["absent"]
    counted = done.counted
    sizes = [round(done.mean_down), round(float(counted.bytes_up.mean()))] if len(counted) else []
    asked = {"asked": done.asked.client} if len(done.asked.client) else {}
    return {
        **asked,
        "message_bytes": sizes,
        "round": done.number,
        "clients": counted.client.tolist(),
        "dropped": state.values["dropped"],
        **absent,
    }


def _clients(task: "Federated", context: Context, done: Round) -> dict[str, Any]:
    """The table of those whose updates count."""
    counted, shown = done.counted, slice(MOST_ROWS)
    ids = counted.client[shown]
    malicious = {} if task.attack is None else {"malicious": is_malicious(task.attack, context, ids).astype(np.int64)}
    reported = {name: done.columns[name][shown] for name in REPORTED if name in done.columns}
    if isinstance(task.scheduler, Deadline) and task.scheduler.late == "partial":
        reported["epochs"] = counted.samples[shown] / population_of(task, context).num_samples(ids)
    return {
        "round": done.number,
        "num_clients": len(counted),
        "ids": ids,
        "loss": done.columns.get("loss", np.zeros(0))[shown],
        "num_samples": counted.samples[shown],
        "time_s": done.arrived_s[shown],
        **reported,
        **malicious,
    }


def _fairness(done: Round, found: Measured) -> dict[str, Any]:
    """The accuracy on clients' own samples: of those in the table, and of all that were measured."""
    if not len(found.clients):
        return {}
    known = dict(zip(found.clients.tolist(), found.accuracy.tolist(), strict=True))
    ids = done.counted.client[:MOST_ROWS].tolist()
    return {
        "accuracy": [known.get(client) for client in ids],
        "measured": {"ids": found.clients, "accuracy": found.accuracy},
    }


def _opening_remarks(task: "Federated", context: Context, state: State) -> list[Event]:
    """What the log says once: how clients are computed, data that nobody holds, and what accuracy does not tell."""
    plan, population = Plan.from_values(state.values["plan"]), population_of(task, context)
    remarks = [("info", plan.describe())]
    idle = population.num_shards - context.fleet.num_devices
    if idle > 0:
        remarks.append(("warning", f"{idle} of {population.num_shards} parts of the data belong to no device"))
    if task.strategy.caution and not task.evaluation.personalized:
        remarks.append(("warning", f"{task.strategy.caution}; set evaluation.personalized to measure what clients use"))
    if task.attack is not None:
        text = overpowered(task.attack, task.aggregator, updates_at_once(task, context))
        remarks += [("warning", text)] if text else []
    return [Event(kind="log", body={"level": level, "message": text}, sim_time_s=0.0) for level, text in remarks]


def _closing_remarks(task: "Federated", context: Context, state: State, done: Round, at: float) -> list[Event]:
    """Why nothing was learned, or the model stayed as it was, if it did."""
    text = _silence(state, done) or _shortfall(task, state) or obstacle(task, context, state)
    message = {"level": "warning", "message": f"round {done.number}: {text}"}
    return [Event(kind="log", body=message, sim_time_s=at)] if text else []


def _silence(state: State, done: Round) -> str:
    """That not a single update arrived, with the causes, in words for the log; empty if one did."""
    if len(done.counted):
        return ""
    dropped: Any = state.values["dropped"]
    causes = Counter(entry["reason"] for entry in dropped)
    if not causes:
        return "nobody took part: nothing was learned"
    counted = ", ".join(f"{count} {reason}" for reason, count in sorted(causes.items()))
    return f"no update arrived ({counted}): nothing was learned"


def _shortfall(task: "Federated", state: State) -> str:
    """That too few updates arrived at the server, or at some gateways, in words for the log; empty if enough did."""
    parts = task.coordination.parts(state)
    found = [text for _, clients in parts if (text := shortfall(task, len(clients)))]
    if not found:
        return ""
    return found[0] if len(parts) == 1 else f"at {len(found)} of {len(parts)} gateways, of which one: {found[0]}"
