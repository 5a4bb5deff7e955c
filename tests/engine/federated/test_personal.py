"""Personalized evaluation: what is held out, whose model is measured, and on what."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.federated.layout import population_of
from engine.federated.measures.personal import own_models
from engine.federated.strategies.ditto import Ditto
from engine.federated.strategies.fedper import FedPer
from engine.federated.strategies.ifca import Ifca
from tests.engine.federated import worlds

PERSONALIZED = {"personalized": True, "held_out_share": 0.25}


def world(strategy: str = "fedavg", **changes: Any) -> Any:
    """Eight devices, most with few classes, all in every round."""
    return worlds.task(
        strategy={"kind": strategy}, partition={"kind": "shards", "classes_per_client": 2},
        sampler={"kind": "uniform", "num_clients": 8}, evaluation=PERSONALIZED, model={"kind": "mlp", "hidden": [16]},
        **changes,
    )  # fmt: skip


def test_what_is_held_out_is_never_trained_on(tmp_path: Path) -> None:
    context = worlds.context(tmp_path, devices=8)
    population = population_of(world(), context)
    plain = population_of(
        worlds.task(partition={"kind": "shards", "classes_per_client": 2}), worlds.context(tmp_path, devices=8)
    )
    for client in range(8):
        held = population.held_out(client)
        assert held is not None
        trained = population.samples([client])
        mine = trained.x[trained.places[0]]
        all_of_it = plain.samples([client])
        assert len(mine) + len(held) == len(all_of_it.places[0])
        assert len(held) == round(0.25 * len(all_of_it.places[0]))
        together = np.concatenate([mine, held.x]).reshape(len(mine) + len(held), -1)
        expected = all_of_it.x[all_of_it.places[0]].reshape(len(together), -1)
        assert np.array_equal(together[np.lexsort(together.T)], expected[np.lexsort(expected.T)])
    assert population.num_samples(np.array([0])).item() == len(population.samples([0]).places[0])
    assert plain.held_out(0) is None


def test_clients_of_the_data_set_keep_all_and_use_their_test_samples(tmp_path: Path) -> None:
    task = worlds.task(
        dataset={"kind": "synthetic", "num_clients": 8}, partition=None, evaluation=PERSONALIZED,
        sampler={"kind": "uniform", "num_clients": 4},
    )  # fmt: skip
    context = worlds.context(tmp_path, devices=8)
    population = population_of(task, context)
    own = task.dataset.client(context.store, 3)
    held = population.held_out(3)
    assert held is not None
    assert own.test is not None
    assert np.array_equal(held.x, own.test.x)
    assert population.num_samples(np.array([3])).item() == len(own.train)


def test_personal_layers_beat_one_model_for_all_where_classes_differ(tmp_path: Path) -> None:
    final = {}
    for kind in ("fedavg", "fedper", "ditto"):
        _, events = worlds.run(world(kind), worlds.context(tmp_path, devices=8))
        values = worlds.values_of(events, "personal_accuracy")
        assert len(values) == 2
        assert all(0.0 <= value <= 1.0 for value in values)
        final[kind] = values[-1]
    assert final["fedper"] > final["fedavg"]
    assert final["ditto"] > final["fedavg"]


def test_devices_that_gossip_use_their_own_models(tmp_path: Path) -> None:
    """On a ring where nobody can agree in two rounds, own models know own classes better than the mean does."""
    _, alone = worlds.run(world(coordination={"kind": "gossip"}), worlds.context(tmp_path, devices=8))
    _, served = worlds.run(world(), worlds.context(tmp_path, devices=8))
    assert worlds.values_of(alone, "personal_accuracy")[-1] > worlds.values_of(served, "personal_accuracy")[-1]


@pytest.mark.parametrize(("kind", "words"), [("ifca", "first of several"), ("fedper", "last layers"), ("fedavg", "")])
def test_the_log_says_where_accuracy_misleads(kind: str, words: str, tmp_path: Path) -> None:
    plain = worlds.task(strategy={"kind": kind}, rounds=1)
    for task, told in ((plain, bool(words)), (world(kind, rounds=1), False)):
        _, events = worlds.run(task, worlds.context(tmp_path))
        logs = [event.body["message"] for event in events if event.kind == "log" and event.body["level"] == "warning"]
        assert any("evaluation.personalized" in text and words in text for text in logs) == told


def test_all_models_are_left_behind(tmp_path: Path) -> None:
    task = worlds.task(strategy={"kind": "ifca", "num_models": 2}, rounds=1)
    state, _ = worlds.run(task, worlds.context(tmp_path))
    assert set(task.summarize(state).artifacts) == {"model.safetensors", "model_2.safetensors"}


def test_not_told_unless_asked(tmp_path: Path) -> None:
    _, events = worlds.run(worlds.task(), worlds.context(tmp_path))
    assert not worlds.values_of(events, "personal_accuracy")


def test_which_model_a_client_uses() -> None:
    server = {
        "weights": {"base": np.zeros(1), "head": np.zeros(1)},
        "weights_2": {"base": np.ones(1), "head": np.ones(1)},
    }
    (per,) = own_models(FedPer(), server, {"own": {"head": np.full(1, 7.0)}})
    assert (per["base"].item(), per["head"].item()) == (0.0, 7.0)
    (mine,) = own_models(Ditto(), server, {"personal": {"base": np.full(1, 5.0), "head": np.full(1, 6.0)}})
    assert (mine["base"].item(), mine["head"].item()) == (5.0, 6.0)
    assert [model["base"].item() for model in own_models(Ifca(), server, {})] == [0.0, 1.0]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ifca", "fedavg"])
def test_resume_tells_the_same(kind: str, tmp_path: Path) -> None:
    worlds.assert_resumes_alike(world(kind), lambda: worlds.context(tmp_path, devices=8))
