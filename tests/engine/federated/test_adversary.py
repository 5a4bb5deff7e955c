"""Where an attack takes hold: who is malicious, what they train on, what the server's own update is."""

from pathlib import Path

import numpy as np

from engine.data.datasets.digits import Digits
from engine.federated.aggregators.krum import Krum
from engine.federated.aggregators.mean import Mean
from engine.federated.attacks.backdoor import Backdoor
from engine.federated.attacks.label_flip import LabelFlip
from engine.federated.attacks.sign_flip import SignFlip
from engine.federated.layout import graph_of, population_of
from engine.federated.robustness.adversary import (
    attack_facts,
    crafted,
    is_malicious,
    malicious_of,
    overpowered,
    poisoned,
    target_of,
)
from engine.federated.robustness.trust import PLAN, SERVER_CLIENT, root_samples, trusted_update
from engine.models.weights import initial
from engine.training.block import BlockJob, train_block
from tests.engine.federated import worlds


def test_who_is_malicious_follows_from_the_seed(tmp_path: Path) -> None:
    attack = SignFlip(fraction=0.25)
    ids = malicious_of(attack, worlds.context(tmp_path))
    assert len(ids) == 3
    assert (ids == malicious_of(attack, worlds.context(tmp_path))).all()
    assert any((ids != malicious_of(attack, worlds.context(tmp_path, seed=seed))).any() for seed in range(1, 4))
    facts = attack_facts(attack, worlds.context(tmp_path))
    assert facts == {"kind": "sign_flip", "num_malicious": 3, "malicious": ids.tolist()}


def test_a_rule_that_stands_fewer_is_told() -> None:
    attack = SignFlip(fraction=0.3)
    assert overpowered(attack, Krum(num_malicious=2), 10) == (
        "about 3 of 10 updates come from malicious devices, but krum stands 2"
    )
    assert not overpowered(attack, Krum(num_malicious=3), 10)
    assert not overpowered(attack, Mean(), 10)


def test_only_malicious_clients_train_on_other_samples(tmp_path: Path) -> None:
    context, attack = worlds.context(tmp_path), LabelFlip(fraction=0.25)
    clients = list(range(12))
    given = population_of(worlds.task(), context).samples(clients)
    changed = poisoned(attack, context, Digits(), clients, given)
    bad = is_malicious(attack, context, np.arange(12))
    for client in clients:
        before, after = given.places[client], changed.places[client]
        assert np.array_equal(given.x[before], changed.x[after])
        expected = 9 - given.y[before] if bad[client] else given.y[before]
        assert np.array_equal(expected, changed.y[after])


def test_samples_are_not_copied_where_nobody_is_malicious(tmp_path: Path) -> None:
    context, attack = worlds.context(tmp_path), LabelFlip(fraction=0.25)
    honest = np.setdiff1d(np.arange(12), malicious_of(attack, context)).tolist()
    given = population_of(worlds.task(), context).samples(honest)
    assert poisoned(attack, context, Digits(), honest, given) is given
    everybody = population_of(worlds.task(), context).samples(range(12))
    assert poisoned(SignFlip(), context, Digits(), range(12), everybody) is everybody


def test_a_client_poisons_the_same_samples_whatever_its_block(tmp_path: Path) -> None:
    context, attack = worlds.context(tmp_path), Backdoor(fraction=0.5)
    population = population_of(worlds.task(), context)
    (one, *_) = malicious_of(attack, context).tolist()
    alone = poisoned(attack, context, Digits(), [one], population.samples([one]))
    both = poisoned(attack, context, Digits(), [one, 11], population.samples([one, 11]))
    assert np.array_equal(alone.x[alone.places[0]], both.x[both.places[0]])
    assert np.array_equal(alone.y[alone.places[0]], both.y[both.places[0]])


def test_crafted_updates_are_those_of_malicious_clients(tmp_path: Path) -> None:
    context, attack = worlds.context(tmp_path), SignFlip(fraction=0.25, scale=2.0)
    clients = np.array([0, 3, 5, 6, 7, 8, 11])
    values = crafted(attack, context, 1, clients, np.ones((7, 2), np.float32))
    assert np.array_equal(values[:, 0] == -2.0, np.isin(clients, malicious_of(attack, context)))
    assert target_of(Digits()).pixels is not None


def test_root_samples_are_drawn_from_all_that_clients_hold(tmp_path: Path) -> None:
    task, context = worlds.task(), worlds.context(tmp_path)
    root = root_samples(task, context, 100)
    assert len(root.x) == len(root.y) == 100
    train = Digits().load(context.store, "train")
    keys = {(image.tobytes(), int(label)) for image, label in zip(train.x, train.y, strict=True)}
    assert all((image.tobytes(), int(label)) in keys for image, label in zip(root.x, root.y, strict=True))
    assert len(np.unique(root.y)) == 10
    assert len(root_samples(task, worlds.context(tmp_path), 10**6).x) == len(train)


def test_root_samples_of_a_set_with_clients_of_its_own(tmp_path: Path) -> None:
    dataset = {"kind": "synthetic", "num_clients": 12}
    task = worlds.task(dataset=dataset, partition=None, model={"kind": "mlp", "hidden": [4]})
    root = root_samples(task, worlds.context(tmp_path), 50)
    assert root.x.shape == (50, 60)


def test_server_trains_as_a_client_with_its_samples_would(tmp_path: Path) -> None:
    task, context = worlds.task(), worlds.context(tmp_path)
    down = {"weights": initial(graph_of(task, context), 0)}
    update = trusted_update(task, context, 2, down, 64)["weights"]
    job = BlockJob(
        graph=graph_of(task, context), plan=PLAN, rule=task.strategy, settings=task.local, seed=0, round_number=2,
        clients=(SERVER_CLIENT,), samples=root_samples(task, context, 64), down=down,
    )  # fmt: skip
    expected = train_block(job)
    assert expected.weight == 64.0
    for name, array in update.items():
        assert array.shape == down["weights"][name].shape
        assert np.allclose(array * 64, expected.summed["weights"][name], atol=1e-5)
        assert array.any()
