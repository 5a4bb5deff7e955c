"""The model on each client's own samples, and data that changes over the rounds."""

from pathlib import Path

import numpy as np
import pytest

from engine.federated.layout import population_of
from engine.federated.measures import fairness
from engine.federated.measures.fairness import client_accuracy, measured_clients, spread_of
from engine.federated.rounds.messages import grouped
from tests.engine.federated.worlds import context, run, task, values_of

SWAP = {"drift": {"kind": "label_swap", "start_round": 2}}


def test_worst_tenth_and_deviation_by_hand() -> None:
    # of 20 clients the worst two; deviations from the mean 0.5 are 0.5 for two and 0 for the others
    accuracy = np.array([0.5] * 18 + [1.0, 0.0])
    found = spread_of(accuracy)
    assert found["accuracy_worst10"] == pytest.approx(0.25)
    assert found["accuracy_std_clients"] == pytest.approx((2 * 0.25 / 20) ** 0.5)
    assert spread_of(np.array([0.3]))["accuracy_worst10"] == pytest.approx(0.3)


def test_every_client_counts_with_its_own_samples(tmp_path: Path) -> None:
    work, world = task(evaluation={"fairness": True, "every_rounds": 2}), context(tmp_path)
    state, events = run(work, world)
    tables = [event.body for event in events if event.kind == "clients"]
    assert "measured" not in tables[0]
    table = tables[1]
    assert len(values_of(events, "accuracy_worst10")) == len(values_of(events, "accuracy_std_clients")) == 1
    weights = grouped("server", state.tensors)["weights"]
    population = population_of(work, world)
    held = population.samples(measured_clients(work, world).tolist())
    hidden = np.maximum(held.x.reshape(len(held.x), -1) @ weights["fc1.weight"].T + weights["fc1.bias"], 0)
    answers = (hidden @ weights["head.weight"].T + weights["head.bias"]).argmax(-1)
    expected = [float((answers[places] == held.y[places]).mean()) for places in held.places]
    assert table["measured"]["accuracy"].tolist() == pytest.approx(expected)
    known = dict(zip(table["measured"]["ids"].tolist(), expected, strict=True))
    assert table["accuracy"] == pytest.approx([known[client] for client in table["ids"].tolist()])


def test_a_large_fleet_is_measured_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fairness, "MOST_MEASURED", 4)
    work, world = task(evaluation={"fairness": True}), context(tmp_path)
    state, events = run(work, world)
    bodies = [event.body for event in events if event.kind == "clients"]
    assert [body["measured"]["ids"].tolist() for body in bodies] == [measured_clients(work, world).tolist()] * 2
    assert len(client_accuracy(work, world, 2, grouped("server", state.tensors)["weights"])) == 4
    assert {value is None for body in bodies for value in body["accuracy"]} == {True, False}


def test_a_model_of_old_labels_is_wrong_when_they_change(tmp_path: Path) -> None:
    settings = {"rounds": 2, "local": {"epochs": 5, "lr": 0.1}, "evaluation": {"fairness": True}}
    _, plain = run(task(**settings, partition={"kind": "iid"}), context(tmp_path))
    _, changed = run(task(**settings, partition={"kind": "iid"}, **SWAP), context(tmp_path))
    for name in ("accuracy", "accuracy_worst10"):
        (before, after), (same, moved) = values_of(plain, name), values_of(changed, name)
        assert before == same
        assert moved != after
