"""What Flower's strategies make of fixed updates: runs in the peers' environment and prints JSON.

Three rounds of eleven clients, two of which send something far off. Every strategy starts from the same weights; those
with a memory on the server go on from their own result. Nothing of Edgeloom is imported.
"""

import json
import logging
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from flwr.server.strategy import aggregate as older
from flwr.serverapp import strategy as flower
from flwr.supercore.task_identity import TaskIdentity

Arrays = dict[str, np.ndarray]
Client = dict[str, Any]

ROUNDS, CLIENTS, MALICIOUS, SEED = 3, 11, 2, 20260101
SHAPES = {"weight": (4, 3), "bias": (4,)}
EQUAL = 10
"""Examples of every client where all shall count the same."""

STRATEGIES: dict[str, tuple[str, dict[str, Any]]] = {
    "FedAvg": ("FedAvg", {}),
    "FedAvgM": ("FedAvgM", {"server_learning_rate": 0.7, "server_momentum": 0.9}),
    "FedAdam": ("FedAdam", {"eta": 0.1, "beta_1": 0.9, "beta_2": 0.99, "tau": 1e-3}),
    "FedYogi": ("FedYogi", {"eta": 0.01, "beta_1": 0.9, "beta_2": 0.99, "tau": 1e-3}),
    "FedAdagrad": ("FedAdagrad", {"eta": 0.1, "tau": 1e-3}),
    "FedMedian": ("FedMedian", {}),
    "FedTrimmedAvg": ("FedTrimmedAvg", {"beta": 0.2}),
    "Krum": ("Krum", {"num_malicious_nodes": MALICIOUS}),
    "MultiKrum": ("MultiKrum", {"num_malicious_nodes": MALICIOUS, "num_nodes_to_select": 5}),
    "MultiKrum, equal examples": ("MultiKrum", {"num_malicious_nodes": MALICIOUS, "num_nodes_to_select": 5}),
    "Bulyan": ("Bulyan", {"num_malicious_nodes": MALICIOUS}),
}
"""By the name in the file: the class in ``flwr.serverapp.strategy`` and its settings."""

OLDER: dict[str, Callable[[list[Any]], list[np.ndarray]]] = {
    "aggregate_krum": lambda results: older.aggregate_krum(results, MALICIOUS, 0),
    "aggregate_bulyan": lambda results: older.aggregate_bulyan(results, MALICIOUS, older.aggregate_krum, to_keep=0),
}
"""Functions of ``flwr.server.strategy.aggregate``, which the classes of the older interface call."""


class Nodes:
    """As much of Flower's grid as a strategy asks for when it configures a round."""

    def get_node_ids(self) -> list[int]:
        """One node per client."""
        return list(range(CLIENTS))


def made_up() -> tuple[Arrays, list[list[Client]]]:
    """The weights at the start, and what each client of each round sends, with its number of examples."""
    draw = np.random.Generator(np.random.PCG64(SEED))

    def near(center: Arrays, spread: float) -> Arrays:
        return {n: np.round(value + spread * draw.standard_normal(value.shape), 6) for n, value in center.items()}

    start = near({name: np.zeros(shape) for name, shape in SHAPES.items()}, 1.0)
    rounds, center = [], start
    for _ in range(ROUNDS):
        center = near(center, 0.3)
        rounds.append(
            [
                {"num_examples": int(draw.integers(1, 40)), **near(center, 5.0 if place in {3, 8} else 0.1)}
                for place in range(CLIENTS)
            ]
        )
    return start, rounds


def arrays_of(client: Client) -> Arrays:
    """What a client sends, without its number of examples."""
    return {name: client[name] for name in SHAPES}


def record(arrays: Arrays) -> ArrayRecord:
    """Arrays as Flower packs them."""
    return ArrayRecord({name: Array(value) for name, value in arrays.items()})


def reply(client: Client, *, equal: bool) -> Message:
    """The message that a client would send after training."""
    metrics = MetricRecord({"num-examples": EQUAL if equal else client["num_examples"]})
    content = RecordDict({"arrays": record(arrays_of(client)), "metrics": metrics})
    return Message(content=content, dst_node_id=1, message_type="train")


def play(name: str, start: Arrays, rounds: list[list[Client]]) -> list[Arrays]:
    """The weights that a strategy has after each round."""
    kind, settings = STRATEGIES[name]
    strategy = getattr(flower, kind)(**settings)
    current, results = record(start), []
    for number, clients in enumerate(rounds, start=1):
        list(strategy.configure_train(number, current, ConfigRecord(), Nodes()))
        current, _ = strategy.aggregate_train(number, [reply(client, equal="equal" in name) for client in clients])
        results.append({key: array.numpy() for key, array in current.items()})
        current = record(results[-1])
    return results


def play_older(name: str, rounds: list[list[Client]]) -> list[Arrays]:
    """The same for a function of the older interface, which keeps nothing between rounds."""
    return [
        dict(zip(SHAPES, OLDER[name]([(list(arrays_of(c).values()), c["num_examples"]) for c in clients]), strict=True))
        for clients in rounds
    ]


def main() -> None:
    """Print everything as JSON."""
    logging.disable(logging.CRITICAL)
    TaskIdentity.run_id = TaskIdentity.node_id = TaskIdentity.task_id = 1  # every message names its sender
    start, rounds = made_up()
    results = {name: play(name, start, rounds) for name in STRATEGIES}
    results |= {name: play_older(name, rounds) for name in OLDER}
    body = {
        "made_by": "./edgeloom bench golden_flower",
        "flwr": version("flwr"),
        "numpy": version("numpy"),
        "num_malicious": MALICIOUS,
        "settings": {name: settings for name, (_, settings) in STRATEGIES.items()},
        "start": start,
        "rounds": rounds,
        "results": results,
    }
    json.dump(body, sys.stdout, default=lambda value: value.tolist(), indent=1)


if __name__ == "__main__":
    main()
