"""The paths of local training against torch's own optimizer and loss, and against each other, in float64."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from engine.federated.strategies.fedavg import FedAvg
from engine.federated.strategies.fedmax import FedMAX
from engine.federated.strategies.fedprox import FedProx
from engine.federated.strategies.scaffold import Scaffold
from engine.models.build import build
from engine.training.batches import visiting_order
from engine.training.block import train_block
from engine.training.local import defines
from tests.engine.training.worlds import (
    CLIENTS,
    DIRECT,
    GRAM,
    PER_CLIENT,
    SUMMED,
    WHOLE,
    graph,
    job,
    largest_difference,
    samples,
    train,
    weights,
)

OPTIMIZERS: list[dict[str, Any]] = [
    {},
    {"weight_decay": 0.01},
    {"momentum": 0.5, "weight_decay": 0.01},
    {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
]
STRATEGIES = [
    FedAvg(),
    FedProx(mu=0.3),
    FedProx(mu=0.3, variant="fedmax_paper"),
    FedMAX(),
    FedMAX(direction="p_to_u"),
    Scaffold(),
]


def sgd_by_torch(place: int, options: dict[str, Any]) -> dict[str, torch.Tensor]:
    """One client trained with ``torch.optim.SGD``: the reference, written without the engine's training code."""
    module = build(graph()).double()
    module.load_state_dict({name: torch.from_numpy(array) for name, array in weights(graph()).items()})
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1 * 0.5**2, **options)
    data = samples()
    x, y = (torch.from_numpy(a[data.places[place]]) for a in (data.x, data.y))
    for epoch in visiting_order(7, CLIENTS[place], 3, len(x), 2):
        for batch in torch.from_numpy(epoch).split(8):
            optimizer.zero_grad()
            functional.cross_entropy(module(x[batch]), y[batch]).backward()
            optimizer.step()
    return module.state_dict()


@pytest.mark.parametrize("options", OPTIMIZERS)
def test_local_sgd_is_that_of_torch(options: dict[str, Any]) -> None:
    start = weights(graph())
    outcome = train(FedAvg(), PER_CLIENT, keep_updates=True, lr_decay=0.5, **options)
    for place, update in enumerate(outcome.updates):
        expected = sgd_by_torch(place, options)
        for name, difference in update.tensors["weights"].items():
            assert start[name] + difference.numpy() == pytest.approx(expected[name].numpy(), abs=1e-12)


@pytest.mark.parametrize("options", OPTIMIZERS)
@pytest.mark.parametrize("strategy", STRATEGIES, ids=repr)
def test_stacked_equals_one_by_one(strategy: Any, options: dict[str, Any]) -> None:
    alone = train(strategy, PER_CLIENT, meter=True, **options)
    stacked = train(strategy, DIRECT, meter=True, **options)
    assert largest_difference(alone.summed, stacked.summed) < 1e-9
    assert largest_difference(alone.states, stacked.states) < 1e-9
    assert stacked.losses == pytest.approx(alone.losses, abs=1e-12)
    assert stacked.activations == pytest.approx(alone.activations, abs=1e-12)
    assert stacked.weight == alone.weight


@pytest.mark.parametrize("options", OPTIMIZERS)
@pytest.mark.parametrize("strategy", STRATEGIES, ids=repr)
def test_a_whole_round_in_one_block_is_exact(strategy: Any, options: dict[str, Any]) -> None:
    alone = train(strategy, PER_CLIENT, **options)
    for plan in (WHOLE,) if defines(strategy, "finish") else (WHOLE, SUMMED):
        whole = train(strategy, plan, **options)
        assert largest_difference(alone.summed, whole.summed) < 1e-9
        assert largest_difference(alone.states, whole.states) < 1e-9
        assert whole.losses == pytest.approx(alone.losses, abs=1e-12)


def test_gram_matrices_are_the_same_from_memory() -> None:
    """With names the products of a client's inputs are kept; the bits do not tell."""
    fresh = job(FedAvg(), SUMMED)
    named = replace(fresh, samples=replace(fresh.samples, names=CLIENTS))
    first, again = train_block(named), train_block(named)
    assert named.cache["facts"]
    assert largest_difference(train_block(fresh).summed, first.summed) == 0.0
    assert largest_difference(first.summed, again.summed) == 0.0


@pytest.mark.parametrize("plan", [GRAM, SUMMED], ids=["blocks", "whole round"])
@pytest.mark.parametrize("strategy", [FedAvg(), FedMAX(), FedMAX(direction="p_to_u")], ids=repr)
def test_gram_form_is_exact(strategy: Any, plan: Any) -> None:
    alone, gram = train(strategy, PER_CLIENT), train(strategy, plan)
    assert largest_difference(alone.summed, gram.summed) < 1e-9
    assert gram.losses == pytest.approx(alone.losses, abs=1e-12)


@pytest.mark.parametrize("hidden", [(), (5,)], ids=["logistic regression", "one hidden layer"])
@pytest.mark.parametrize("plan", [DIRECT, GRAM, SUMMED], ids=["direct", "gram", "summed"])
def test_chains_of_any_depth(hidden: tuple[int, ...], plan: Any) -> None:
    model = graph(hidden)
    assert (
        largest_difference(train(FedAvg(), PER_CLIENT, model=model).summed, train(FedAvg(), plan, model=model).summed)
        < 1e-9
    )


def test_single_updates_add_up_to_the_sum() -> None:
    outcome = train(FedAvg(), DIRECT, keep_updates=True)
    for name, total in outcome.summed["weights"].items():
        parts = [update.weight * update.tensors["weights"][name].numpy() for update in outcome.updates]
        assert total == pytest.approx(np.sum(parts, axis=0), abs=1e-9)
    assert [update.weight for update in outcome.updates] == [20, 33, 7, 41]


@pytest.mark.parametrize("plan", [PER_CLIENT, DIRECT, GRAM, SUMMED], ids=lambda plan: f"{plan.path}-{plan.gram_steps}")
def test_same_job_same_bits(plan: Any) -> None:
    first, second = train(FedMAX(), plan), train(FedMAX(), plan)
    assert largest_difference(first.summed, second.summed) == 0.0


def test_inputs_are_left_as_they_are() -> None:
    work = job(Scaffold(), DIRECT)
    before = {name: array.copy() for name, array in work.down["weights"].items()}
    x = work.samples.x.copy()
    train_block(work)
    assert largest_difference(before, work.down["weights"]) == 0.0
    assert (x == work.samples.x).all()


def test_dropout_masks_come_from_the_client_stream() -> None:
    from engine.core.sample import SampleSpec
    from engine.models.graph import chain
    from engine.models.layers import Dropout, Linear, ReLU

    layers = [("fc", Linear(8)), ("relu", ReLU()), ("drop", Dropout(0.5)), ("head", Linear(4))]
    model = chain(SampleSpec(kind="features", shape=(12,), num_classes=4), layers)
    torch.rand(1)  # whatever others draw from torch's own generator does not matter
    first = train(FedAvg(), PER_CLIENT, model=model)
    torch.rand(5)
    second = train(FedAvg(), PER_CLIENT, model=model)
    assert largest_difference(first.summed, second.summed) == 0.0
