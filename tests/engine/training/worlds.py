"""Small worlds for tests of local training: a few clients of unequal size in float64."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.core.sample import SampleSpec
from engine.core.streams import stream
from engine.federated.strategy import Groups, Strategy
from engine.models.graph import Graph
from engine.models.weights import initial
from engine.models.zoo.mlp import Mlp
from engine.training.block import BlockJob, BlockOutcome, Samples, train_block
from engine.training.plans import Plan
from engine.training.settings import LocalSettings

SIZES = (20, 33, 7, 41)
CLIENTS = (2, 3, 5, 11)

PER_CLIENT = Plan("per_client", 1, 0, True, "forced")
DIRECT = Plan("cohort", 4, 0, True, "forced")
GRAM = Plan("cohort", 4, 3, True, "forced")
SUMMED = Plan("cohort", 4, 100, False, "forced")
WHOLE = Plan("cohort", 4, 100, True, "forced")


def graph(hidden: tuple[int, ...] = (9, 7)) -> Graph:
    return Mlp(hidden=hidden).declare(SampleSpec(kind="features", shape=(12,), num_classes=4))


def samples(sizes: tuple[int, ...] = SIZES) -> Samples:
    draw = stream(1, "test samples")
    total = sum(sizes)
    x, y = draw.standard_normal((total, 12)), draw.integers(0, 4, total)
    return Samples(x, y, np.split(np.arange(total), np.cumsum(sizes)[:-1]))


def weights(model: Graph, dtype: type = np.float64) -> dict[str, np.ndarray]:
    return {name: array.astype(dtype) for name, array in initial(model, 0).items()}


def noisy(groups: Groups | None, name: str) -> dict[str, dict[str, np.ndarray]]:
    """The groups with everything but the weights replaced by small random numbers, as after some rounds."""
    draw = stream(2, "noise", name)
    return {
        group: {
            key: array if group == "weights" else 0.1 * draw.standard_normal(array.shape)
            for key, array in arrays.items()
        }
        for group, arrays in (groups or {}).items()
    }


def job(strategy: Strategy, plan: Plan, *, model: Graph | None = None, **settings: Any) -> BlockJob:
    """A block in the middle of a run: server and client states are not at their start."""
    model = model or graph()
    params = weights(model)
    server = noisy(strategy.init_server(params), "server")
    states = {client: noisy(strategy.init_client(params), f"client {client}") for client in CLIENTS}
    extra = {name: settings.pop(name) for name in ("meter", "keep_updates") if name in settings}
    return BlockJob(
        graph=model,
        plan=plan,
        rule=strategy,
        settings=LocalSettings(**{"epochs": 2, "batch_size": 8, "lr": 0.1, **settings}),
        seed=7,
        round_number=3,
        clients=CLIENTS,
        samples=samples(),
        down=strategy.message_down(server),
        states={client: groups for client, groups in states.items() if groups},
        **extra,
    )


def train(strategy: Strategy, plan: Plan, **settings: Any) -> BlockOutcome:
    return train_block(job(strategy, plan, **settings))


def largest_difference(left: Groups | Mapping[int, Any], right: Groups | Mapping[int, Any]) -> float:
    """Over all arrays of two nested mappings of the same form."""
    if isinstance(left, np.ndarray):
        assert left.shape == right.shape
        return float(np.abs(left - right).max())
    assert left.keys() == right.keys()
    return max((largest_difference(left[key], right[key]) for key in left), default=0.0)
