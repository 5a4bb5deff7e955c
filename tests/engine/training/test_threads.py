"""The number of threads changes no bit: in the parts of a stack, in a whole round, and of clients side by side."""

import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from engine.core.sample import SampleSpec
from engine.core.threads import Team
from engine.federated.strategies.fedavg import FedAvg
from engine.federated.strategies.fedmax import FedMAX
from engine.federated.strategies.fedprox import FedProx
from engine.federated.strategies.scaffold import Scaffold
from engine.models.zoo.mlp import Mlp
from engine.training import cohort, gram, slabs
from engine.training.block import BlockOutcome, train_block
from engine.training.local import Tensors
from tests.engine.training.worlds import DIRECT, GRAM, PER_CLIENT, SUMMED, WHOLE, job, largest_difference, samples

PLANS = {"direct": DIRECT, "chunks": GRAM, "whole": WHOLE, "summed": SUMMED}


@pytest.fixture(autouse=True)
def _many_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gram, "PART_MACS", 100)
    monkeypatch.setattr(slabs, "SLAB_ROWS", 10)


def same_bits(first: BlockOutcome, second: BlockOutcome) -> bool:
    pairs = [(first.losses, second.losses)]
    for group, tensors in first.summed.items():
        pairs += [(np.asarray(tensors[name]), np.asarray(second.summed[group][name])) for name in tensors]
    for client, groups in first.states.items():
        pairs += [
            (array, second.states[client][group][name]) for group, a in groups.items() for name, array in a.items()
        ]
    return len(pairs) > 3 and all(np.array_equal(left, right) for left, right in pairs)


@pytest.mark.parametrize("rows", [8, 500], ids=["stack in parts", "one stack"])
@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("strategy", [FedAvg(), FedProx(mu=0.3), FedMAX(), Scaffold()], ids=repr)
def test_stacks_have_the_same_bits(strategy: Any, plan: str, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if plan == "summed" and isinstance(strategy, Scaffold):
        pytest.skip("its updates are never only summed")
    monkeypatch.setattr(cohort, "PART_ROWS", rows)
    work = job(strategy, PLANS[plan])
    alone = train_block(work)
    for size in (1, 2, 3):
        again = train_block(replace(work, team=Team(size), cache={}))
        assert same_bits(alone, again)
    one_by_one = train_block(replace(work, plan=PER_CLIENT))
    assert largest_difference(alone.summed, one_by_one.summed) < 1e-9


def test_large_stacks_in_single_precision_have_the_same_bits() -> None:
    """The kernels of the fast path, at the sizes at which products and stacks are cut into parts."""
    model = Mlp(hidden=(64,)).declare(SampleSpec(kind="features", shape=(96,), num_classes=4))
    draw, sizes = np.random.default_rng(5), (200, 190, 200, 80)
    few = samples(sizes)
    data = replace(few, x=draw.standard_normal((len(few.y), 96)).astype(np.float32))
    work = replace(job(FedAvg(), SUMMED, model=model, batch_size=10), samples=data)
    down = {"weights": {name: array.astype(np.float32) for name, array in work.down["weights"].items()}}
    work = replace(work, down=down)
    first, second = (train_block(replace(work, team=Team(size), cache={})) for size in (1, 2))
    assert same_bits(first, second)


def test_a_team_keeps_order_tells_failures_and_stays_alone_within_a_part() -> None:
    team, main = Team(3), threading.get_ident()
    assert team.each(lambda n: n * n, range(50)) == [n * n for n in range(50)]

    def names(_: int) -> set[int]:
        return set(team.each(lambda _: threading.get_ident(), range(20)))

    assert all(len(found) == 1 for found in team.each(names, range(20)))
    assert set(Team(1).each(lambda _: threading.get_ident(), range(5))) == {main}

    def fail(number: int) -> Tensors:
        if number == 7:
            raise ArithmeticError("seven")
        return {"x": torch.zeros(1)}

    with pytest.raises(ArithmeticError, match="seven"):
        team.each(fail, range(20))
    assert team.each(str, range(3)) == ["0", "1", "2"]
