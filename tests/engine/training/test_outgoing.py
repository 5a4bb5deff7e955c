"""Updates that leave a block one by one, and clients that do part of their work."""

from dataclasses import replace

import numpy as np
import pytest

from engine.federated.strategies.fedavg import FedAvg
from engine.federated.strategies.scaffold import Scaffold
from engine.federated.strategy import Strategy, Update
from engine.training.arrays import as_groups
from engine.training.block import train_block
from engine.training.plans import Plan
from tests.engine.training.worlds import CLIENTS, DIRECT, GRAM, PER_CLIENT, SIZES, SUMMED, job, largest_difference

ALL = [PER_CLIENT, DIRECT, GRAM, SUMMED]
SINGLE = [PER_CLIENT, DIRECT, GRAM]


class Kept:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.clients: list[int] = []
        self.updates: list[Update] = []

    def take(self, client: int, update: Update) -> None:
        """Keep it."""
        self.clients.append(client)
        self.updates.append(update)


@pytest.mark.parametrize("plan", SINGLE, ids=["per client", "stacked", "gram"])
@pytest.mark.parametrize("strategy", [FedAvg(), Scaffold()], ids=["fedavg", "scaffold"])
def test_single_updates_add_up_to_the_sum(strategy: Strategy, plan: Plan) -> None:
    work, kept = job(strategy, plan), Kept()
    outcome, whole = train_block(replace(work, outgoing=kept)), train_block(work)
    assert kept.clients == list(CLIENTS)
    assert (outcome.summed, outcome.weight) == ({}, 0.0)
    assert largest_difference(outcome.states, whole.states) == 0.0
    assert sum(update.weight for update in kept.updates) == whole.weight
    for group, arrays in whole.summed.items():
        for name, array in arrays.items():
            added = sum(update.weight * as_groups(update.tensors)[group][name] for update in kept.updates)
            assert np.abs(added - array).max() < 1e-9


@pytest.mark.parametrize("plan", ALL, ids=["per client", "stacked", "gram", "summed"])
def test_an_epoch_of_two_is_the_first_one(plan: Plan) -> None:
    work = job(FedAvg(), plan)
    alone = replace(work, settings=work.settings.model_copy(update={"epochs": 1}))
    each = [-(-size // 8) for size in SIZES]
    cut, whole = train_block(replace(work, most_steps=each)), train_block(alone)
    assert cut.steps.tolist() == each == whole.steps.tolist()
    assert cut.passed.tolist() == list(SIZES) == whole.passed.tolist()
    assert largest_difference(cut.summed, whole.summed) == 0.0
    assert cut.losses == pytest.approx(whole.losses, abs=1e-12)


@pytest.mark.parametrize("plan", ALL, ids=["per client", "stacked", "gram", "summed"])
def test_clients_may_stop_at_different_steps(plan: Plan) -> None:
    work = replace(job(FedAvg(), plan), most_steps=[1, 7, 99, 4])
    outcome = train_block(work)
    # 20 samples in steps of 8, 8 and 4; 33 samples: an epoch takes 5 steps, the last one of a single sample
    assert outcome.steps.tolist() == [1, 7, 2, 4]
    assert outcome.passed.tolist() == [8, 33 + 16, 14, 32]
    assert largest_difference(outcome.summed, train_block(replace(work, plan=PER_CLIENT)).summed) < 1e-9
