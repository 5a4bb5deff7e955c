"""Asynchronous training: against synchronous rounds, weights by the papers' formulas, and what becomes of everybody."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.costs.trace import SEND
from engine.federated.asynchronous.flights import Flights
from engine.federated.asynchronous.launching import FLIGHT, VERSION, flights_of
from engine.federated.staleness_weights.constant import ConstantWeight
from engine.federated.staleness_weights.hinge import Hinge
from engine.federated.staleness_weights.polynomial import Polynomial
from engine.federated.task import Federated
from engine.task.contract import Context, State
from tests.engine.federated.worlds import assert_resumes_alike, context, run, task, values_of

TINY = {"kind": "mlp", "hidden": [4]}
SPEEDS = {"groups": [{"name": "boards", "device": "rpi_4b_4gb", "count": 12, "speed_spread": 1.0}]}
LEAVING = {"kind": "markov", "mean_up": 4.0, "mean_down": 2.0, "clock": "time"}


def buffered(size: int = 3, *, scheduler: dict[str, Any] | None = None, **changes: Any) -> Federated:
    """The small task without rounds: five clients at a time."""
    return task(model=TINY, scheduler={"kind": "buffered", "buffer_size": size, **(scheduler or {})}, **changes)


def bodies(events: list[Any], kind: str) -> list[dict[str, Any]]:
    """What the events of a kind say."""
    return [event.body for event in events if event.kind == kind]


def test_weights_by_staleness() -> None:
    """Xie et al., section 5.2; FedBuff's is 1 / sqrt(1 + staleness)."""
    staleness = np.array([0, 1, 3, 4, 5, 8])
    assert ConstantWeight().weight(staleness).tolist() == [1] * 6
    assert Polynomial().weight(staleness) == pytest.approx([1, 2**-0.5, 0.5, 5**-0.5, 6**-0.5, 1 / 3])
    assert Polynomial(exponent=1).weight(staleness) == pytest.approx([1, 1 / 2, 1 / 4, 1 / 5, 1 / 6, 1 / 9])
    assert Hinge(slope=10, free=4).weight(staleness) == pytest.approx([1, 1, 1, 1, 1 / 11, 1 / 41])


@pytest.mark.parametrize("path", ["cohort", "per_client"])
def test_the_first_step_of_a_whole_cohort_is_a_synchronous_round(path: str, tmp_path: Path) -> None:
    """With a buffer as large as the cohort nobody is late in the first step."""
    local = {"epochs": 2, "batch_size": 16, "lr": 0.1, "path": path}
    plain, events = run(task(model=TINY, rounds=1, local=local), context(tmp_path))
    loose, told = run(buffered(5, rounds=1, local=local), context(tmp_path))
    for name, array in plain.tensors.items():
        if name.startswith("server/"):
            assert loose.tensors[name] == pytest.approx(array, abs=1e-6), name
    assert sorted(bodies(told, "cohort")[0]["clients"]) == bodies(events, "cohort")[0]["clients"]
    assert values_of(told, "time_s") == pytest.approx(values_of(events, "time_s"), rel=1e-9)
    assert values_of(told, "bytes_up") == values_of(events, "bytes_up")
    assert values_of(told, "energy_j") == pytest.approx(values_of(events, "energy_j"), rel=1e-9)
    assert values_of(told, "staleness_max") == [0]


def single(tmp_path: Path, **scheduler: Any) -> tuple[State, list[Any], dict[str, np.ndarray]]:
    """Two steps with a buffer of one: the second update is one step late. Also the server's model after the first."""
    work, world = buffered(1, scheduler=scheduler, rounds=2, sampler={"kind": "uniform", "num_clients": 2}), context(
        tmp_path
    )  # fmt: skip
    state, events = work.step(world, work.init(world))
    first = {name: array for name, array in state.tensors.items() if name.startswith("server/")}
    last, more = run(work, world, state)
    return last, events + more, first


@pytest.mark.slow
def test_late_updates_count_less(tmp_path: Path) -> None:
    """The step with staleness 1 is 2 ** -0.5 times as long as without weights, and twice rate times as long by rate."""
    free, events, first = single(tmp_path, staleness={"kind": "constant"})
    assert values_of(events, "staleness_mean") == [0, 1]
    late, _, _ = single(tmp_path, staleness={"kind": "polynomial", "exponent": 0.5})
    half, _, halved = single(tmp_path, staleness={"kind": "constant"}, rate=0.5)
    start = buffered().init(context(tmp_path)).tensors
    for name, before in first.items():
        step = free.tensors[name] - before
        assert late.tensors[name] - before == pytest.approx(step * 2**-0.5, abs=1e-6)
        # the second client started from the initial model whatever the first one did
        assert half.tensors[name] - halved[name] == pytest.approx(step * 0.5, abs=1e-6)
        assert halved[name] - start[name] == pytest.approx((before - start[name]) * 0.5, abs=1e-6)


def test_models_are_mixed_as_fedasync_does(tmp_path: Path) -> None:
    """The server's model becomes (1 - alpha) x + alpha x_new; alpha is 0.6 * 2 ** -0.5 for an update one step late."""
    own, _, first = single(tmp_path, staleness={"kind": "constant"})
    mixed, _, after = single(tmp_path, mixes="models", rate=0.6, staleness={"kind": "polynomial", "exponent": 0.5})
    start = buffered().init(context(tmp_path)).tensors
    alpha = 0.6 * 2**-0.5
    for name, before in after.items():
        new = start[name] + (own.tensors[name] - first[name])  # the model at which the second client arrived
        assert mixed.tensors[name] == pytest.approx((1 - alpha) * before + alpha * new, abs=1e-6)


def test_too_stale_updates_are_dropped(tmp_path: Path) -> None:
    state, events = run(buffered(1, scheduler={"max_staleness": 1}, rounds=8), context(tmp_path, fleet=SPEEDS))
    assert max(values_of(events, "staleness_max")) <= 1
    reasons = [entry["reason"] for body in bodies(events, "cohort") for entry in body["dropped"]]
    assert "too stale" in reasons
    assert state.values["round"] == 9


def test_models_are_kept_only_while_somebody_needs_them(tmp_path: Path) -> None:
    work, world = buffered(1, rounds=12), context(tmp_path, fleet=SPEEDS)
    state, most = work.init(world), 0
    while not work.is_done(state):
        state, _ = work.step(world, state)
        kept = {name.split("/")[1] for name in state.tensors if name.startswith(f"{VERSION}/")}
        used = {str(version) for version in flights_of(state).version}
        assert used <= kept
        assert len(kept) <= len(used) + 1
        most = max(most, len(kept))
    assert 1 < most <= 5
    assert not [name for name in state.tensors if name.startswith((f"{VERSION}/", f"{FLIGHT}/"))]


@pytest.mark.slow
def test_it_learns(tmp_path: Path) -> None:
    work = task(
        model={"kind": "mlp", "hidden": [16]}, scheduler={"kind": "buffered", "buffer_size": 4}, rounds=12,
        local={"epochs": 3, "batch_size": 16, "lr": 0.1}, partition={"kind": "iid"},
    )  # fmt: skip
    _, events = run(work, context(tmp_path, fleet=SPEEDS))
    assert values_of(events, "accuracy")[-1] > 0.75


def counts(events: list[Any]) -> tuple[list[int], list[tuple[int, str]]]:
    """Who arrived and who dropped out, over the whole run."""
    arrived = [client for body in bodies(events, "cohort") for client in body["clients"]]
    dropped = [(entry["id"], entry["reason"]) for body in bodies(events, "cohort") for entry in body["dropped"]]
    return arrived, dropped


@pytest.mark.slow
@pytest.mark.parametrize("availability", [{"kind": "always"}, LEAVING])
def test_everybody_who_begins_ends(availability: dict[str, Any], tmp_path: Path) -> None:
    fleet = {"groups": [{**SPEEDS["groups"][0], "availability": availability}]}
    work, world = buffered(2, rounds=6), context(tmp_path, fleet=fleet)
    state, events = run(work, world)
    arrived, dropped = counts(events)
    assert len(arrived) == 6 * 2
    assert len(arrived) + len(dropped) == state.values["sessions"]
    reasons = {reason for _, reason in dropped}
    assert "the run ended" in reasons
    assert ("went away" in reasons) == (availability["kind"] == "markov")
    # every message down and up stands in the ledger
    size = 4 * 310
    totals = work.ledger(state).totals()
    assert totals["time_s"] == values_of(events, "time_s")[-1]
    ends = [entry for entry in dropped if entry[1] != "went away"]
    assert totals["bytes_down"] <= state.values["sessions"] * size
    assert totals["bytes_up"] >= len(arrived) * size
    assert len(ends) == 4


@pytest.mark.slow
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(size=st.integers(1, 7), places=st.integers(1, 12), most=st.none() | st.integers(0, 3))
def test_nobody_is_lost(size: int, places: int, most: int | None, tmp_path: Path) -> None:
    work = buffered(
        size, scheduler={"max_staleness": most}, rounds=2, sampler={"kind": "uniform", "num_clients": places}
    )
    world = context(tmp_path, fleet=SPEEDS)
    state, busy = work.init(world), set[int]()
    events = []
    while not work.is_done(state):
        state, more = work.step(world, state)
        events += more
        busy = set(flights_of(state).sessions.client.tolist())
        assert len(busy) == len(flights_of(state)) < places + 1, "nobody is under way twice"
    arrived, dropped = counts(events)
    assert len(arrived) == 2 * size
    assert len(arrived) + len(dropped) == state.values["sessions"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"strategy": {"kind": "fedadam"}},
        {"aggregator": {"kind": "median"}},
        {"encoding": {"up": {"kind": "top_k"}, "down": {"kind": "stochastic_int8"}}},
        {"scheduler": {"mixes": "models", "max_staleness": 2}},
    ],
)
def test_resumes_exactly_after_every_arrival(changes: dict[str, Any], tmp_path: Path) -> None:
    def world() -> Context:
        return context(tmp_path, fleet=SPEEDS)

    work = buffered(3, rounds=2, **changes)
    assert not work.check(world())
    assert_resumes_alike(work, world)


def test_the_trace_takes_as_long_as_the_run(tmp_path: Path) -> None:
    """All sessions one after the other in their places; only the last ones, broken off, may end later."""
    work, world = buffered(3, rounds=5), context(tmp_path, fleet=SPEEDS)
    state, events = run(work, world)
    trace = work.trace(state)
    cost = world.cost_model.cost(trace)
    arrived, dropped = counts(events)
    sends = trace["kind"] == SEND
    assert len(arrived) <= int((sends & (trace["target"] >= 0)).sum()) <= len(arrived) + len(dropped)
    ups = np.flatnonzero(sends & (trace["source"] >= 0) & (trace["size"] == 4 * 310))
    whole = np.sort(cost.end_s[ups])[: len(arrived)]
    assert whole.max() == pytest.approx(values_of(events, "time_s")[-1], rel=1e-6)
    assert cost.ledger.totals()["bytes_up"] == values_of(events, "bytes_up")[-1]


@pytest.mark.slow
def test_the_estimate_is_near(tmp_path: Path) -> None:
    work, world = buffered(5, rounds=30, partition={"kind": "iid"}), context(tmp_path, fleet=SPEEDS)
    totals = world.cost_model.cost(work.expected_trace(world)).ledger.totals()
    state, _ = run(work, world)
    real = work.ledger(state).totals()
    for name, tolerance in (("time_s", 0.1), ("bytes_up", 0.05), ("bytes_down", 0.05), ("energy_j", 0.1)):
        assert totals[name] == pytest.approx(real[name], rel=tolerance), name


@pytest.mark.slow
def test_large_estimates_stay_small(tmp_path: Path) -> None:
    work = buffered(10, rounds=100_000)
    trace = work.expected_trace(context(tmp_path))
    assert trace.num_items < 5000
    ups = (trace["kind"] == SEND) & (trace["source"] >= 0)
    assert int(trace.repeats[trace["round"][ups]].sum()) == pytest.approx(1_000_000, rel=0.01)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"strategy": {"kind": "scaffold"}}, "scheduler"),
        ({"evaluation": {"divergence": True}}, "scheduler"),
        ({"sampler": {"kind": "oort", "num_clients": 5}}, "scheduler"),
        ({"scheduler": {"mixes": "models"}, "aggregator": {"kind": "median"}}, "scheduler"),
    ],
)
def test_what_does_not_go_with_it(changes: dict[str, Any], path: str, tmp_path: Path) -> None:
    problems = buffered(**changes).check(context(tmp_path))
    assert path in {problem.path for problem in problems}


def test_batteries_are_refused(tmp_path: Path) -> None:
    fleet = {"groups": [{"name": "field", "count": 12, "battery": {"capacity_j": 8}}]}
    assert "no_batteries" in {problem.code for problem in buffered().check(context(tmp_path, fleet=fleet))}


def test_flights_in_order() -> None:
    """By their end; of those that end together the one that began first."""
    columns = dict.fromkeys(("client", "bytes_down", "samples", "steps", "bytes_up", "counts"), np.arange(4))
    flights = Flights.from_columns(
        {**columns, "number": np.array([3, 1, 2, 0]), "version": np.zeros(4), "again": np.zeros(4),
         "cause": np.zeros(4), "begun_s": np.zeros(4), "ends_s": np.array([2.0, 5.0, 1.0, 2.0])}
    )  # fmt: skip
    assert flights.order().tolist() == [2, 3, 0, 1]
    assert set(flights.record()) == {*columns, "number", "version", "again", "cause"}
    assert len(flights.take([0, 1]).and_also(flights.take([2]))) == 3
