"""What every federated strategy must keep, found through the registry: a new member needs no new line here."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.core.streams import stream
from engine.federated.rounds.messages import travels
from engine.federated.strategies.fedavg import FedAvg
from engine.federated.strategy import Combined, Groups, LocalView, Strategy, num_bytes, strategies
from engine.training.arrays import as_groups
from engine.training.block import train_block
from engine.training.local import defines
from engine.training.plans import Plan, cohort_obstacle
from tests.engine.federated import worlds
from tests.engine.training.worlds import (
    DIRECT,
    GRAM,
    PER_CLIENT,
    SUMMED,
    graph,
    job,
    largest_difference,
    train,
    weights,
)

MEMBERS = list(strategies.members().items())
WITHOUT_NEUTRAL = {"fedadagrad", "fedadam", "fedbn", "feddyn", "fednova", "fedyogi", "ifca", "qfedavg", "scaffold"}
"""Members that no parameter turns into FedAvg."""

every_member = pytest.mark.parametrize("member", [cls for _, cls in MEMBERS], ids=[kind for kind, _ in MEMBERS])


def test_neutral_parameters_are_declared() -> None:
    assert {kind for kind, cls in MEMBERS if cls.neutral is None} == WITHOUT_NEUTRAL


@every_member
def test_equation_is_one_line(member: type[Strategy]) -> None:
    assert 0 < len(member.equation) <= 100
    assert "\n" not in member.equation


@every_member
def test_server_stands_still_without_change(member: type[Strategy]) -> None:
    strategy = member()
    server = strategy.init_server(weights(graph(), np.float32))
    zeros = {
        group: {name: np.zeros_like(array) for name, array in arrays.items()}
        for group, arrays in strategy.message_up(server).items()
    }
    after = strategy.server_step(Combined(zeros, 10.0, 10, 100), server)
    assert largest_difference(server["weights"], after["weights"]) == 0.0


@every_member
def test_clients_together_or_in_blocks_give_the_same_sum(member: type[Strategy]) -> None:
    """Neither the order of the clients nor how they are cut into blocks matters, but for rounding."""
    work = job(member(), PER_CLIENT)
    whole = train_block(work)
    turned = train_block(
        replace(work, clients=work.clients[::-1], samples=replace(work.samples, places=work.samples.places[::-1]))
    )
    assert largest_difference(whole.summed, turned.summed) < 1e-9
    assert largest_difference(whole.states, turned.states) < 1e-9


@every_member
def test_neutral_parameters_give_fedavg(member: type[Strategy]) -> None:
    if member.neutral is None:
        pytest.skip("no parameter of this strategy gives FedAvg")
    strategy = member(**member.neutral)
    plans: list[Plan] = [PER_CLIENT]
    if not cohort_obstacle(strategy, worlds.chain()):
        plans += [DIRECT, GRAM] if strategy.has_own_models else [DIRECT, GRAM, SUMMED]
    for plan in plans:
        mine, plain = train(strategy, plan), train(FedAvg(), plan)
        assert largest_difference(mine.summed, plain.summed) == 0.0, plan
        assert mine.weight == plain.weight


@every_member
def test_stacked_path_equals_the_other(member: type[Strategy]) -> None:
    strategy = member()
    obstacle = cohort_obstacle(strategy, worlds.chain())
    if obstacle:
        pytest.skip(f"not stacked: {obstacle}")
    for settings in ({}, {"momentum": 0.5, "weight_decay": 0.01}):
        alone = train(strategy, PER_CLIENT, **settings)
        for plan in (DIRECT, GRAM):
            stacked = train(strategy, plan, **settings)
            assert largest_difference(alone.summed, stacked.summed) < 1e-9, plan
            assert largest_difference(alone.states, stacked.states) < 1e-9, plan


@every_member
def test_declared_message_is_the_one_sent(member: type[Strategy]) -> None:
    """By each client; groups may be named otherwise, since a client of several models sends the one that it trained."""
    strategy = member()
    declared = travels(strategy, graph())(strategy.message_up(strategy.init_server(weights(graph()))))
    for update in train(strategy, PER_CLIENT, keep_updates=True).updates:
        sent = as_groups(update.tensors)
        assert _layout(sent) == _layout(declared)
        assert num_bytes(sent) == num_bytes(declared)


def _layout(groups: Groups) -> list[tuple[str, tuple[int, ...]]]:
    return sorted((name, array.shape) for arrays in groups.values() for name, array in arrays.items())


@every_member
def test_feature_gradient_is_that_of_the_loss_term(member: type[Strategy]) -> None:
    strategy = member()
    if not defines(strategy, "feature_gradient"):
        pytest.skip("no feature gradient")
    values = torch.from_numpy(stream(5, "features").standard_normal((3, 4, 6))).requires_grad_()
    view = LocalView(params={}, start={}, down={}, features=values, share=torch.full((3, 4), 0.25).double())
    term = strategy.loss_term(view)
    assert term is not None
    assert term.shape == (3,)
    (expected,) = torch.autograd.grad(term.sum(), values)
    view.features = values.detach()
    gradient = strategy.feature_gradient(view)
    assert gradient is not None
    assert torch.allclose(gradient, expected, atol=1e-12, rtol=0)


@pytest.mark.slow
@every_member
@pytest.mark.parametrize("path", ["auto", "per_client"])
def test_resumed_equals_uninterrupted(member: type[Strategy], path: str, tmp_path: Path) -> None:
    """After every single step the state goes through its stored form, into a process that knows nothing else."""
    tree = {"strategy": {"kind": member.model_fields["kind"].default}}
    task = worlds.task(
        **tree, sampler={"kind": "uniform", "num_clients": 3}, evaluation={"divergence": True},
        local={"batch_size": 32, "lr": 0.1, "path": path},
    )  # fmt: skip
    worlds.assert_resumes_alike(task, lambda: worlds.context(tmp_path))
