"""Inputs that never vary are left out of the products of a whole round, in float64 against one client after another."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from engine.core.sample import SampleSpec
from engine.federated.strategies.fedavg import FedAvg
from engine.federated.strategies.fedmax import FedMAX
from engine.federated.strategies.fedprox import FedProx
from engine.federated.strategies.scaffold import Scaffold
from engine.models.graph import Graph
from engine.models.zoo.mlp import Mlp
from engine.training.block import BlockJob, Samples, train_block
from engine.training.facts import Facts
from engine.training.plans import Plan
from engine.training.slabs import slabs_of
from engine.training.workspace import Workspace
from tests.engine.training.worlds import CLIENTS, PER_CLIENT, SIZES, SUMMED, WHOLE, job, largest_difference, samples

INPUTS = 40

CONSTANT = {
    "none": np.zeros(INPUTS, np.bool_),
    "borders": (np.arange(INPUTS) < 9) | (np.arange(INPUTS) > 29),
    "all": np.ones(INPUTS, np.bool_),
}


def wide() -> Graph:
    return Mlp(hidden=(9,)).declare(SampleSpec(kind="features", shape=(INPUTS,), num_classes=4))


def bordered(constant: np.ndarray, *, own_values: bool = False, sizes: tuple[int, ...] = SIZES) -> Samples:
    """The clients' samples with some inputs that never vary, or vary from client to client only."""
    draw, few = np.random.default_rng(3), samples(sizes)
    x = draw.standard_normal((len(few.y), INPUTS))
    x[:, constant] = np.linspace(-1.0, 2.0, INPUTS)[constant]
    if own_values:
        for place, rows in enumerate(few.places):
            x[np.ix_(rows, constant)] += place
    return replace(few, x=x)


def job_on(data: Samples, strategy: Any, plan: Plan, **settings: Any) -> BlockJob:
    return replace(job(strategy, plan, model=wide(), **settings), samples=data)


@pytest.mark.parametrize("which", CONSTANT)
@pytest.mark.parametrize("options", [{}, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}], ids=["sgd", "nag"])
@pytest.mark.parametrize("strategy", [FedAvg(), FedProx(mu=0.3), FedMAX(), Scaffold()], ids=repr)
def test_rounds_are_exact_whatever_inputs_vary(strategy: Any, options: dict[str, Any], which: str) -> None:
    data = bordered(CONSTANT[which])
    alone = train_block(job_on(data, strategy, PER_CLIENT, **options))
    for plan in (WHOLE,) if isinstance(strategy, Scaffold) else (WHOLE, SUMMED):
        whole = train_block(job_on(data, strategy, plan, **options))
        assert largest_difference(alone.summed, whole.summed) < 1e-9
        assert largest_difference(alone.states, whole.states) < 1e-9


@pytest.mark.parametrize("options", [{}, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}], ids=["sgd", "nag"])
@pytest.mark.parametrize("strategy", [FedAvg(), FedProx(mu=0.3), FedMAX(), Scaffold()], ids=repr)
def test_clients_of_about_one_size_and_one_epoch(strategy: Any, options: dict[str, Any]) -> None:
    """Every visit has a row of its own then, padding too; the last client is done a step before the others."""
    data = bordered(CONSTANT["borders"], sizes=(40, 37, 40, 32))
    alone = train_block(job_on(data, strategy, PER_CLIENT, epochs=1, **options))
    for plan in (WHOLE,) if isinstance(strategy, Scaffold) else (WHOLE, SUMMED):
        whole = train_block(job_on(data, strategy, plan, epochs=1, **options))
        assert largest_difference(alone.summed, whole.summed) < 1e-9
        assert largest_difference(alone.states, whole.states) < 1e-9


@pytest.mark.parametrize("epochs", [1, 2])
def test_many_visits_of_a_client_are_looked_up_in_strips(epochs: int) -> None:
    data = bordered(CONSTANT["none"], sizes=(190, 190, 177, 170))
    alone, whole = (train_block(job_on(data, FedAvg(), plan, epochs=epochs)) for plan in (PER_CLIENT, SUMMED))
    assert largest_difference(alone.summed, whole.summed) < 1e-9


def test_an_input_that_differs_between_clients_is_kept() -> None:
    """The four clients make one slab; in each alone the borders are constant, together they are not."""
    data = bordered(CONSTANT["borders"], own_values=True)
    facts = [Facts.of(torch.from_numpy(data.x[rows]), 1.0) for rows in data.places]
    slabs = slabs_of(torch.from_numpy(data.x), data.places, facts, Workspace())
    assert [fact.num_varying for fact in facts] == [21] * 4
    assert [slab.columns for slab in slabs] == [None]
    alone, whole = (train_block(job_on(data, FedAvg(), plan)) for plan in (PER_CLIENT, SUMMED))
    assert largest_difference(alone.summed, whole.summed) < 1e-9


def test_large_clients_are_slabs_of_their_own() -> None:
    draw = np.random.default_rng(0)
    x = draw.standard_normal((2000, INPUTS))
    places = np.split(np.arange(2000), [600, 700, 1100, 1350, 1500])  # the last slab takes what would be too small
    x[:600, :8] = 0.0
    facts = [Facts.of(torch.from_numpy(x[rows]), 0.0) for rows in places]
    slabs = slabs_of(torch.from_numpy(x), places, facts, Workspace())
    assert [(slab.clients.start, slab.clients.stop) for slab in slabs] == [(0, 1), (1, 4), (4, 6)]
    assert [slab.rows for slab in slabs] == [slice(0, 600), slice(600, 1350), slice(1350, 2000)]
    assert slabs[0].columns is not None
    assert len(slabs[0].columns) == 32
    weight, d = torch.from_numpy(draw.standard_normal((5, INPUTS))), torch.from_numpy(draw.standard_normal((2000, 5)))
    total = torch.zeros(5, INPUTS, dtype=torch.float64)
    for slab in slabs:
        whole = torch.from_numpy(x[slab.rows])
        assert torch.allclose(slab.forward(weight, None), whole @ weight.T, atol=1e-12)
        slab.backward(d[slab.rows], total)
    assert torch.allclose(total, d.T @ torch.from_numpy(x), atol=1e-11)


def test_a_round_leaves_nothing_of_its_own_in_the_next() -> None:
    """Buffers are used again, by rounds of other sizes too."""
    data = bordered(CONSTANT["borders"])
    fresh, used = job_on(data, FedAvg(), SUMMED), job_on(data, FedAvg(), SUMMED)
    expected = train_block(fresh)
    first = train_block(used)
    fewer = replace(used, clients=CLIENTS[:2], samples=replace(data, places=data.places[:2]))
    train_block(replace(fewer, round_number=4))
    again = train_block(used)
    assert largest_difference(expected.summed, again.summed) == 0.0
    assert largest_difference(expected.summed, first.summed) == 0.0
