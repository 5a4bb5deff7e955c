"""What a federated run says about itself: facts before it, metrics, costs and files after it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.core.json import JsonValue
from engine.core.registry import kind_of
from engine.costs.ledger import Ledger
from engine.costs.trace import Trace, TraceBuilder
from engine.federated import layout
from engine.federated.expectation import mean_samples
from engine.federated.layout import SERVER, rounds_done
from engine.federated.private import budget
from engine.federated.robustness.adversary import attack_facts
from engine.federated.rounds.asking import Asked
from engine.federated.rounds.history import records
from engine.federated.rounds.messages import grouped
from engine.federated.rounds.population import shard_count
from engine.federated.rounds.sessions import Sessions
from engine.federated.rounds.traffic import Course, add_round, exchange_of, profile_of
from engine.models.model_file import ModelCard, pack
from engine.task.contract import Context, State, Summary

if TYPE_CHECKING:
    from engine.federated.task import Federated


def facts_of(task: "Federated", context: Context) -> dict[str, JsonValue]:
    """Sizes that never change during a run."""
    num_devices, exchange = context.fleet.num_devices, exchange_of(task)
    return {
        "num_devices": num_devices,
        "num_clients": num_devices,
        "num_parts": shard_count(task.dataset, task.partitioner(), num_devices),
        "clients_per_round": task.sampler.cohort_size(num_devices),
        "rounds": task.rounds,
        "num_parameters": profile_of(task).num_parameters,
        "mean_samples": mean_samples(task, num_devices),
        "num_test_samples": task.dataset.num_samples(task.evaluation.split),
        "message_bytes_down": exchange.bytes_down,
        "message_bytes_up": exchange.bytes_up,
        "aggregator": kind_of(type(task.aggregator)),
        "scheduler": kind_of(type(task.scheduler)),
        "coordination": kind_of(type(task.coordination)),
        "encoding": {"up": kind_of(type(task.encoding.up)), "down": kind_of(type(task.encoding.down))},
        **_privacy(task, num_devices),
        **_secrecy(task, num_devices),
        **({} if task.attack is None else {"attack": attack_facts(task.attack, context)}),
    }


def expected_metrics_of(task: "Federated", context: Context) -> dict[str, float]:
    """What is known of the run's metrics before it."""
    if task.privacy is None:
        return {}
    num_devices = context.fleet.num_devices
    turn = budget.typical_turn(task, num_devices, mean_samples(task, num_devices))
    return {"epsilon": task.privacy.expected_epsilon(task.rounds, turn)}


def _privacy(task: "Federated", num_devices: int) -> dict[str, JsonValue]:
    if task.privacy is None:
        return {}
    turn = budget.typical_turn(task, num_devices, mean_samples(task, num_devices))
    return {"privacy": budget.facts(task.privacy, task.rounds, turn)}


def _secrecy(task: "Federated", num_devices: int) -> dict[str, JsonValue]:
    if task.secure_aggregation is None:
        return {}
    return {"secure_aggregation": task.secure_aggregation.facts(task.sampler.cohort_size(num_devices))}


def summary_of(task: "Federated", state: State) -> Summary:
    """Metrics, costs and the trained models of a run."""
    found: Any = state.values["metrics"]
    reason: Any = state.values["reason"]
    models = task.strategy.models(grouped(SERVER, state.tensors))
    graph = task.model.declare(task.dataset.sample())
    accuracy = found.get("accuracy") if len(models) == 1 else None
    spec, data = task.model.model_dump(mode="json"), task.dataset.model_dump(mode="json")
    card = ModelCard(graph, spec, data, None if accuracy is None else float(accuracy))
    return Summary(
        metrics={**{name: float(value) for name, value in found.items()}, "rounds": float(rounds_done(state))},
        reason=str(reason),
        costs=layout.ledger_of(state).totals(),
        artifacts={f"{name}.safetensors": _file(weights, card) for name, weights in models.items()},
    )


def _file(weights: Mapping[str, np.ndarray], card: ModelCard) -> bytes:
    """Weights with their card; without one where some of the network's never travel, so that they make no model."""
    from safetensors.numpy import save

    if {info.name for info in card.graph.parameters()} == set(weights):
        return pack(weights, card)
    return save({key: array.copy() for key, array in weights.items()})


def trace_of(task: "Federated", state: State) -> Trace:
    """The rounds so far, from who took part in each."""
    exchange, builder = exchange_of(task), TraceBuilder()
    for record in records(state.tensors):
        sessions, asked = Sessions.from_columns(record), Asked.from_columns(record)
        add_round(builder, Course(exchange, task.coordination, record), sessions, asked=asked)
    return builder.build()


def ledger_of(state: State) -> Ledger:
    """The costs booked so far."""
    return layout.ledger_of(state)
