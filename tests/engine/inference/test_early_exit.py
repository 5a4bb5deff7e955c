"""Early exits: where they go, what requests need on average, what is left when a device is lost."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats

from engine.core.sample import SampleSpec
from engine.core.streams import stream
from engine.inference.cuts.exits import Outcomes, confidence
from engine.inference.plans.courses import courses
from engine.inference.requests.queueing import simulate_each
from engine.inference.requests.route import Operation, Route
from engine.inference.splitters.early_exit import EarlyExitSplitter
from engine.models.model import models
from engine.models.profile import profile
from tests.engine.inference.test_inference_task import body, carried_out, world_of
from tests.engine.inference.test_queueing import poisson

PICTURE = SampleSpec(kind="image", shape=(1, 28, 28), num_classes=10)
EXITS = (
    "task.splitter={kind: early_exit, at: [0.5], threshold: 0.3}",
    "task.training={steps: 150, batch_size: 64, optimizer: adam, lr: 0.01}",
    "fleet.groups.0.device.ram_bytes=12000",
    "task.failures={renew: false, most_lost: 2}",
)


def test_parts_of_lenet() -> None:
    """An exit of 32 filters, their mean and a classifier behind the first pool of LeNet-5; the rest goes on alone."""
    graph = models["lenet5"]().declare(PICTURE)
    splitter = EarlyExitSplitter(at=(0.3, 0.9))
    pieces = splitter.split(graph)
    first, second, third = pieces.pieces
    assert pieces.exit_rates == (0.5, 0.25, 0.25)
    assert pieces.piece_shares == (1.0, 0.5, 0.25)
    whole = profile(graph)
    assert pieces.total_macs > whole.total_macs
    answers = [(message.source, message.num_bytes) for message in pieces.messages if message.target == "sink"]
    assert answers == [("part0", 40), ("part1", 40), ("part2", 40)]
    shares = dict(zip([(m.source, m.target) for m in pieces.messages], pieces.message_shares, strict=True))
    assert shares["source", "part0"] == 1.0
    assert (shares["part0", "part1"], shares["part1", "part2"]) == (0.5, 0.25)
    assert (shares["part0", "sink"], shares["part1", "sink"], shares["part2", "sink"]) == (0.5, 0.25, 0.25)
    assert {first.name, second.name, third.name} == {"part0", "part1", "part2"}
    with pytest.raises(ValidationError, match="ascending"):
        EarlyExitSplitter(at=(0.5, 0.5))
    with pytest.raises(ValidationError, match="2 positive numbers"):
        EarlyExitSplitter(weights=(1.0,))
    assert EarlyExitSplitter(at=tuple(step / 8 for step in range(1, 8))).check(models["mlp"]().declare(PICTURE))


def test_when_an_exit_is_sure() -> None:
    # Two classes with p = (0.9, 0.1): entropy 0.469 bit; even ones have entropy 1, a certain one 0.
    logits = np.log(np.array([[0.9, 0.1], [0.5, 0.5], [1.0, 1e-12]]))
    assert confidence(logits, "entropy") == pytest.approx([1 - 0.468996, 0.0, 1.0], abs=1e-5)
    assert confidence(logits, "max_probability") == pytest.approx([0.9, 0.5, 1.0])
    right = np.array([[False, True], [False, True], [True, False]])
    seen = Outcomes(right, confidence(logits, "max_probability")[:, None], "max_probability")
    assert seen.leaving(0.8).tolist() == [0, 1, 0]
    assert seen.accuracy(0.8) == pytest.approx(2 / 3)
    assert seen.accuracy(0.8, last=0) == pytest.approx(1 / 3)
    assert seen.rates(0.8) == pytest.approx((2 / 3, 1 / 3))
    assert [row["accuracy"] for row in seen.curve((0.0, 1.0))] == pytest.approx([1 / 3, 1 / 3 + 1 / 3])


@pytest.mark.slow
def test_a_plan_counts_what_a_request_needs_on_average() -> None:
    planning = world_of(*EXITS).planning
    problem = planning.problem
    assert problem.cloud is not None
    at = (0, problem.cloud)
    ways = courses(problem, at, planning.context.cost_model)
    assert [way.share for way in ways] == [0.5, 0.5]
    assert ways[0].seconds < ways[1].seconds
    # Nothing goes on at the same time on a chain, so that prices add up to the cost model's mean.
    mean = sum(way.share * way.seconds for way in ways)
    assert problem.score(at).latency_s == pytest.approx(mean, rel=1e-3)


@pytest.mark.slow
def test_requests_of_two_kinds_wait_as_pollaczek_and_khinchine_say() -> None:
    # M/G/1 with service 5 ms or 20 ms at even odds: mean wait = rate E[S^2] / (2 (1 - load)).
    routes = [Route((Operation(0, service_s=seconds),), ("device 0",)) for seconds in (0.005, 0.02)]
    rate, means = 40.0, []
    for seed in range(30):
        which = stream(seed, "which").integers(0, 2, 10_000)
        found = simulate_each(routes, which, poisson(10_000, rate, seed))
        means.append(float(found.latency_s.mean()) - float(np.where(which == 0, 0.005, 0.02).mean()))
    expected = rate * (0.005**2 + 0.02**2) / 2 / (2 * (1 - rate * 0.0125))
    assert stats.ttest_1samp(means, expected).pvalue > 0.001
    assert np.mean(means) == pytest.approx(expected, rel=0.05)


@pytest.mark.slow
def test_a_run_measures_its_exits_and_goes_on_without_the_cloud() -> None:
    outcome, events = carried_out(*EXITS)
    metrics = outcome.summary.metrics if outcome.summary else {}
    plans = [event.body for event in events if event.kind == "plan" and event.body["name"] == "chosen"]
    assert [plan["is_assumed"] for plan in plans] == [True, False]
    assert plans[0]["exit_rates"] == [0.5, 0.5]
    told = body(events, "exits")
    assert plans[1]["exit_rates"] == told["rates"] == [metrics["exit0_rate"], metrics["exit1_rate"]]
    assert 0.2 < metrics["exit0_rate"] <= 1.0
    assert metrics["accuracy"] > 0.9
    assert told["curve"][0]["rates"][0] <= told["curve"][6]["rates"][0] <= told["curve"][-1]["rates"][0] == 1.0
    assert {"exits.json", "exits.safetensors"} <= set(outcome.summary.artifacts if outcome.summary else ())
    plan, table = plans[1], body(events, "failures")
    assert [stage["share"] for stage in plan["stages"]] == pytest.approx([1.0, metrics["exit1_rate"]])
    assert plan["stages"][0]["device"] == 0  # what is easy never leaves the sensor
    assert plan["latency_s"] < plans[0]["latency_s"]
    for figure in ("latency_s", "energy_j"):
        mean = sum(rate * way[figure] for rate, way in zip(plan["exit_rates"], plan["ways"], strict=True))
        assert plan[figure] == pytest.approx(mean)
    if plan["stages"][1]["device"]:
        outcomes = {loss["outcome"] for loss in table["losses"][1:]}
        assert outcomes == {"degraded"}
        (left,) = {loss["accuracy"] for loss in table["losses"][1:]}
        assert left == pytest.approx(told["exits"][0]["accuracy"])
        (_, *lost) = table["losses"]
        assert all(loss["stage_j"][0] > 0 and loss["stage_j"][1] is None for loss in lost)
