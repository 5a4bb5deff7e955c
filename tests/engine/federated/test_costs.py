"""How a run finds its times: events beside the closed form, and drawings of chance with their percentiles."""

from pathlib import Path

import numpy as np
import pytest

from engine.core.events import Event
from engine.costs.timing import Method
from engine.network.spec import NetworkSpec
from engine.specs.context import make_context
from engine.specs.text import parse
from engine.task.contract import Context
from tests.engine.federated.worlds import assert_resumes_alike, context, run, task, values_of

MEDIAN, HIGH = "round_time_p50_s", "round_time_p95_s"
LINE = {"name": "line", "up_rate": 2e6, "down_rate": 8e6, "rtt": 0.03}
LOSSY = NetworkSpec.model_validate({"links": {"boards": LINE | {"loss": 0.05}}})
CERTAIN = NetworkSpec.model_validate({"links": {"boards": LINE | {"loss": 0.0}}})


def world(folder: Path, costs: Method, network: NetworkSpec = LOSSY, seed: int = 0) -> Context:
    return context(folder, devices=6, network=network, costs=costs, seed=seed)


def log(folder: Path, costs: Method, network: NetworkSpec = LOSSY) -> list[Event]:
    return run(task(), world(folder, costs, network))[1]


def test_a_spec_names_the_method_and_the_run_its_seed() -> None:
    spec = parse(
        "fleet: {groups: [{name: boards, count: 12}]}\n"
        "task: {kind: federated, dataset: {kind: digits}, model: {kind: mlp}}\n"
        "execution: {costs: monte_carlo}\n"
    )
    model = make_context(spec, 5).cost_model
    assert (model.method, model.seed) == ("monte_carlo", 5)


def test_events_are_the_closed_form_on_a_star_without_loss(tmp_path: Path) -> None:
    closed, stepped = log(tmp_path, "closed_form", CERTAIN), log(tmp_path, "events", CERTAIN)
    for name in ("round_time_s", "time_s", "energy_j"):
        assert values_of(stepped, name) == pytest.approx(values_of(closed, name), rel=1e-9)
    assert values_of(stepped, MEDIAN) == values_of(closed, HIGH) == []


@pytest.mark.slow
def test_rounds_of_a_monte_carlo_have_percentiles_around_their_mean(tmp_path: Path) -> None:
    events = log(tmp_path, "monte_carlo")
    mean, median, high = (np.array(values_of(events, name)) for name in ("round_time_s", MEDIAN, HIGH))
    assert len(median) == len(high) == len(mean) == 2
    assert (median < mean).all(), "a lost packet waits much longer than the others are early"
    assert (mean < high).all()
    closed = log(tmp_path, "closed_form")
    assert values_of(closed, "accuracy") == values_of(events, "accuracy"), "learning does not depend on it"


@pytest.mark.slow
def test_a_resumed_run_draws_the_same_chance(tmp_path: Path) -> None:
    assert_resumes_alike(task(), lambda: world(tmp_path, "monte_carlo"))


@pytest.mark.slow
def test_each_round_and_seed_has_its_own_chance(tmp_path: Path) -> None:
    here, other = world(tmp_path, "monte_carlo"), world(tmp_path, "monte_carlo", seed=1)
    trace = task(rounds=1).expected_trace(here)
    drawn = [model.cost(trace, first_round=number).end_s_total for model, number in (
        (here.cost_model, 0), (here.cost_model, 1), (other.cost_model, 0), (here.cost_model, 0),
    )]  # fmt: skip
    assert len(set(drawn)) == 3
    assert drawn[0] == drawn[3]


@pytest.mark.slow
def test_a_round_of_nobody_takes_no_time_by_any_method(tmp_path: Path) -> None:
    fleet = {"groups": [{"name": "boards", "device": "rpi_4b_4gb", "count": 6, "battery": {"capacity_j": 1e-9}}]}
    _, events = run(task(), context(tmp_path, fleet=fleet, costs="monte_carlo"))
    assert values_of(events, HIGH) == values_of(events, "round_time_s")
