"""Plans that lose devices: every set, standbys, renewed plans, missing parts, and what all that comes to on average."""

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from engine.core.sample import SampleSpec
from engine.core.streams import stream
from engine.costs.model import CostModel
from engine.costs.work import Work
from engine.fleet.group import FleetSpec, GroupSpec
from engine.inference.cuts.parts import Part
from engine.inference.cuts.pieces import SINK, SOURCE, Message, Piece, Pieces
from engine.inference.outages.failures import (
    MISSING,
    Guard,
    StandbyRules,
    held_weights,
    with_standbys,
    without_nodes,
    worst_case,
)
from engine.inference.outages.losses import FailureTable, Loss, LossSets, loss_sets
from engine.inference.placer import placement_of, placers
from engine.inference.placers.exhaustive import Exhaustive
from engine.inference.plans.plan import plan_of
from engine.inference.plans.prices import Prices
from engine.inference.plans.problem import PlacementProblem
from engine.inference.splitters.layer import LayerSplitter
from engine.models.model import models
from engine.network.spec import NetworkSpec

PICTURE = SampleSpec(kind="image", shape=(1, 8, 8), num_classes=10)
ACCURACY = 0.9


def always(missing: frozenset[int]) -> float:
    """An exact split is as good as the whole network."""
    assert not missing
    return ACCURACY


def world(count: int = 4) -> CostModel:
    fleet = FleetSpec(groups=(GroupSpec(name="boards", count=count),)).resolve()
    return CostModel(fleet, NetworkSpec().resolve(fleet))


def guard_of(at: tuple[int, ...], count: int = 4, **settings: Any) -> Guard:
    """Three fully connected layers on boards; device 0 flattens the picture."""
    at = (0, *at)
    model = world(count)
    graph = models["mlp"].model_validate({"kind": "mlp", "hidden": [20, 12]}).declare(PICTURE)
    pieces = LayerSplitter().split(graph)
    problem = PlacementProblem(pieces, Prices.of(model, pieces))
    assert len(pieces.pieces) == len(at)
    return Guard(problem, at, model, settings.pop("accuracy", always), **settings)


def sets(guard: Guard, most: int = 2) -> LossSets:
    return loss_sets(guard.devices, most, 1000, stream(0, "losses"))


def members(count: int, accuracy: Callable[[frozenset[int]], float], **settings: Any) -> Guard:
    """Students on devices 1 to K beside each other, whose features device 0 joins."""
    model = world(count + 1)
    names = [f"student {number}" for number in range(count)]
    work = Work(macs={"linear": 1000})
    pieces = Pieces(
        (*(Piece(name, work, 400, 500, weights=((name, 400),)) for name in names), Piece("join", work, 40, 50)),
        (
            *(Message(Part("input"), SOURCE, name, 256) for name in names),
            *(Message(Part(name), name, "join", 48) for name in names),
            Message(Part("join"), "join", SINK, 40),
        ),
        exact=False,
    )
    problem = PlacementProblem(pieces, Prices.of(model, pieces))
    at = (*range(1, count + 1), 0)
    return Guard(problem, at, model, accuracy, frozenset(range(count)), **settings)


def test_every_set_of_devices_is_lost_once() -> None:
    found = loss_sets((3, 1, 5, 2), 2, 100, stream(0, "losses"))
    assert found.sets == ((), *((i,) for i in (1, 2, 3, 5)), *combinations((1, 2, 3, 5), 2))
    assert (found.num_sets, found.is_sample) == (1 + 4 + 6, False)


def test_too_many_sets_are_drawn_and_that_is_said() -> None:
    found = loss_sets(range(20), 3, 100, stream(0, "losses"))
    assert found.num_sets == 1 + 20 + 190 + 1140
    assert found.is_sample
    assert len(found.sets) <= 100
    assert len(set(found.sets)) == len(found.sets)
    assert {(device,) for device in range(20)} < set(found.sets)  # the small ones are all there
    assert {len(one) for one in found.sets} == {0, 1, 2, 3}
    assert loss_sets(range(20), 3, 100, stream(0, "losses")) == found
    assert loss_sets(range(20), 3, 100, stream(1, "losses")) != found


def test_an_exact_split_dies_with_each_of_its_devices() -> None:
    table = guard_of((0, 1, 2)).table(loss_sets((1, 2), 2, 100, stream(0, "losses")))
    assert table.critical == (1, 2)
    assert [loss.outcome for loss in table.losses] == ["unharmed", "lost", "lost", "lost"]
    assert [loss.accuracy for loss in table.losses] == [ACCURACY, 0.0, 0.0, 0.0]
    assert table.worst.latency_s is None


def test_devices_that_do_nothing_are_not_missed_and_the_source_is_not_lost() -> None:
    guard = guard_of((0, 0, 3))
    assert guard.devices == (3,)
    seconds, told = guard.latency_s(guard.at), guard.loss((1,))
    assert replace(told, stage_j=(), shares=()) == Loss((1,), "unharmed", ACCURACY, seconds, seconds, 0, (0, 0, 0, 3))


def test_what_is_left_costs_what_a_plan_of_it_costs() -> None:
    guard = guard_of((0, 1, 2), placer=Exhaustive())
    problem, nodes = guard.problem, guard.problem.prices.nodes
    loss = guard.loss((1,))
    at = tuple(nodes.index(device) for device in loss.device_of)
    plan = plan_of(problem, placement_of(problem, at, "by hand"), guard.cost_model)
    assert loss.shares == plan.devices
    assert loss.stage_j == tuple(stage.energy_j for stage in plan.stages)
    assert 1 not in {share.device for share in loss.shares if share.busy_s}
    row = loss.as_json()
    assert row["shares"] == [dict(vars(share)) for share in plan.devices]


def test_a_standby_takes_over_after_the_timeout() -> None:
    plain = guard_of((0, 1, 2))
    standby = with_standbys(plain.problem, plain.at, StandbyRules(1))
    guard = guard_of((0, 1, 2), standby=standby, timeout_s=0.5)
    for loss in guard.table(sets(guard, 1)).losses[1:]:
        assert loss.accuracy == ACCURACY
        assert not set(loss.devices) & set(loss.device_of)
        assert loss.outcome in ("standby", "unharmed")
        if loss.outcome == "standby":
            assert loss.latency_s is not None
            assert loss.first_s == pytest.approx(loss.latency_s + 0.5)  # the weights are there already
            assert loss.moved_bytes == 0


def test_standbys_fit_into_memory_with_what_is_there() -> None:
    plain = guard_of((0, 1, 2))
    # Weights of 1008 and 520 bytes; a layer works on no more than 608: both do not fit on 1 or 2.
    small = np.array([1e9, 1700.0, 1700.0, 1e9])
    problem = replace(plain.problem, prices=replace(plain.problem.prices, memory_bytes=small))
    standby = with_standbys(problem, plain.at, StandbyRules(2))
    for node, weights in held_weights(problem, plain.at, standby).items():
        assert sum(weights.values()) <= small[node]
    assert set(standby[1]) == set(standby[2]) == {0, 3}


def test_a_renewed_plan_is_the_best_of_the_survivors() -> None:
    guard = guard_of((0, 1, 1), placer=Exhaustive(), timeout_s=2.0)
    loss = guard.loss((1,))
    alone = Exhaustive().place(without_nodes(guard.problem, {1}))
    nodes = guard.problem.prices.nodes
    assert loss.outcome == "replanned"
    assert loss.device_of == tuple(nodes[node] for node in alone.at)
    # By hand: the layers of 20 x 12 and 12 x 10 weights and biases of 4 bytes move.
    sizes = [4 * (20 * 12 + 12), 4 * (12 * 10 + 10)]
    assert loss.moved_bytes == sum(sizes[place] for place, node in enumerate(alone.at[2:]))
    assert loss.latency_s is not None
    assert loss.first_s is not None
    assert loss.first_s > 2.0 + loss.latency_s


def test_members_that_are_missing_cost_accuracy_only() -> None:
    guard = members(3, lambda missing: 0.9 - 0.1 * len(missing), timeout_s=0.1)
    table = guard.table(sets(guard, 3))
    assert table.critical == ()
    for loss in table.losses:
        if len(loss.devices) < 3:
            assert loss.accuracy == pytest.approx(0.9 - 0.1 * len(loss.devices))
            assert loss.latency_s is not None
            assert loss.device_of.count(MISSING) == len(loss.devices)
    curve = table.curve()
    assert [row["num_lost"] for row in curve] == [0, 1, 2, 3]
    assert [row["mean_accuracy"] for row in curve][:3] == pytest.approx([0.9, 0.8, 0.7])


def test_expected_accuracy_is_that_of_the_binomial_law() -> None:
    guard = members(3, lambda missing: 1.0 - len(missing) / 3)
    chance = dict.fromkeys(guard.devices, 0.8)
    every = guard.table(sets(guard, 3)).expected_accuracy(chance)
    # The mean share of living students is 0.8; all three gone leaves the joint layer with nothing, which is worth 0.
    assert (every.low, every.high, every.covered) == pytest.approx((0.8, 0.8, 1.0))
    one = guard.table(sets(guard, 1)).expected_accuracy(chance)
    covered = 0.8**3 + 3 * 0.2 * 0.8**2
    assert one.covered == pytest.approx(covered)
    assert one.low == pytest.approx(0.8**3 + 3 * 0.2 * 0.8**2 * 2 / 3)
    assert one.high == pytest.approx(one.low + 1 - covered)
    assert one.low < every.low < one.high


def test_an_answer_of_a_chain_is_as_probable_as_all_its_devices() -> None:
    guard = guard_of((0, 1, 2))
    found = guard.table(sets(guard, 2)).answer_probability({1: 0.9, 2: 0.8})
    assert (found.low, found.high) == pytest.approx((0.72, 0.72))


def test_the_worst_case_asks_for_what_cannot_be_lost() -> None:
    fast, safe = guard_of((0, 1, 2)), guard_of((0, 0, 0))
    assert worst_case([fast, safe], sets) == 1
    guarded = guard_of((0, 1, 2), standby=with_standbys(fast.problem, fast.at, StandbyRules(2)))
    assert worst_case([fast, guarded], sets) == 1


@pytest.mark.parametrize("kind", ["single_best", "greedy", "pipeline_dp", "min_cut", "exhaustive"])
def test_no_loss_ever_crashes_a_plan(kind: str) -> None:
    placer = placers[kind].model_validate({"kind": kind})
    for at in [(0, 1, 2), (1, 1, 1), (3, 0, 3)]:
        guard = guard_of(at, placer=placer)
        table = guard.table(loss_sets(range(1, 4), 3, 100, stream(0, "losses")))
        assert len(table.losses) == 8
        for loss in table.losses:
            assert loss.accuracy == ACCURACY  # the source can always do it alone
            assert not set(loss.devices) & set(loss.device_of)
        assert isinstance(table, FailureTable)


def test_groups_grow_until_one_of_them_is_there_often_enough() -> None:
    """Of like boards with availabilities 0.9, 0.5, 0.8 and 0.7 for the first to the fourth one beside the source."""
    plain = guard_of((1, 1, 1), count=5)
    there = {1: 0.9, 2: 0.5, 3: 0.8, 4: 0.7}
    by_latency = with_standbys(plain.problem, plain.at, StandbyRules(2, there))
    assert by_latency[1][0] in (0, 2)  # whoever answers soonest, however rarely it is there
    rules = StandbyRules(3, {**there, 0: 0.1}, by_availability=True)
    assert with_standbys(plain.problem, plain.at, rules)[1] == (3, 4, 2)
    # 1 - 0.1 * 0.2 = 0.98, and with the third one 0.994.
    assert with_standbys(plain.problem, plain.at, replace(rules, enough=0.98))[1] == (3,)
    assert with_standbys(plain.problem, plain.at, replace(rules, enough=0.981))[1] == (3, 4)
    assert with_standbys(plain.problem, plain.at, replace(rules, enough=0.9)) == {}
