"""Strategies that keep some layers on the clients: what travels, and where a client's own layers come from."""

from pathlib import Path

import numpy as np
import pytest

from engine.federated.rounds.messages import travels
from engine.federated.strategies.fedbn import FedBN
from engine.federated.strategies.fedper import FedPer
from engine.federated.strategy import Strategy
from engine.federated.task import Federated
from engine.models.weights import initial
from engine.task.state import Tensors
from engine.training.settings import LocalSettings
from tests.engine.federated import worlds
from tests.engine.training.worlds import DIRECT, PER_CLIENT, graph, job, largest_difference, train, weights

SMALL_CNN = {"dataset": {"kind": "digits"}, "model": {"kind": "resnet8"}}


def test_last_layers_do_not_travel() -> None:
    sent = travels(FedPer(personal_layers=2), graph())({"weights": weights(graph())})
    assert set(sent["weights"]) == {"fc1.weight", "fc1.bias"}


def test_normalization_does_not_travel() -> None:
    task = worlds.task(**SMALL_CNN)
    model = task.model.declare(task.dataset.sample())
    sent = travels(FedBN(), model)({"weights": initial(model, 0)})["weights"]
    names = {info.name for info in model.parameters() if info.kind == "batch_norm"}
    assert any(name.endswith("running_mean") for name in names)
    assert set(sent) == {info.name for info in model.parameters()} - names


def test_both_paths_agree_and_start_from_the_initial_layers() -> None:
    """A client without a state starts from the model's initial last layer, one with a state from its own."""
    alone, stacked = (train(FedPer(), plan, momentum=0.5) for plan in (PER_CLIENT, DIRECT))
    assert largest_difference(alone.summed, stacked.summed) < 1e-9
    assert largest_difference(alone.states, stacked.states) < 1e-9
    work = job(FedPer(), PER_CLIENT)
    assert not work.states
    first = initial(work.graph, work.seed)
    own = alone.states[work.clients[0]]["own"]
    assert set(own) == {"head.weight", "head.bias"}
    assert 0.0 < np.abs(own["head.weight"] - first["head.weight"]).max() < 1.0


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["fedbn", "fedper"])
def test_a_network_with_normalization_resumes(kind: str, tmp_path: Path) -> None:
    task = worlds.task(
        strategy={"kind": kind}, sampler={"kind": "uniform", "num_clients": 2}, **SMALL_CNN,
        local={"epochs": 1, "batch_size": 256, "lr": 0.05}, partition={"kind": "iid"},
    )  # fmt: skip
    whole, _ = worlds.assert_resumes_alike(task, lambda: worlds.context(tmp_path, devices=3))
    keys = {key for client in whole.clients for key in whole.clients[client]}
    assert all(_stays(kind, key.removeprefix("client/own/"), task) for key in keys)
    assert _moved_apart(whole.clients[min(whole.clients)], whole.clients[max(whole.clients)])


def _stays(kind: str, name: str, task: Federated) -> bool:
    infos = {info.name: info for info in task.model.declare(task.dataset.sample()).parameters()}
    return infos[name].kind == "batch_norm" if kind == "fedbn" else infos[name].place == infos[name].num_places - 1


def _moved_apart(one: Tensors, other: Tensors) -> bool:
    return all(not np.array_equal(array, other[name]) for name, array in one.items() if name in other)


@pytest.mark.parametrize(
    ("strategy", "path", "part"),
    [
        (FedPer(personal_layers=3), "personal_layers", "3 layers with weights"),
        (FedBN(), "kind", "no batch normalization"),
    ],
)
def test_what_cannot_be_kept_apart_is_refused(strategy: Strategy, path: str, part: str) -> None:
    (problem,) = strategy.check(graph(), LocalSettings())
    assert problem.path == path
    assert part in problem.message
    assert not FedPer(personal_layers=2).check(graph(), LocalSettings())
