"""The way of updates to the server: encoded, as rows, and with every byte counted."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.core.errors import Problem
from engine.core.nodes import SERVER
from engine.costs.estimate import estimate
from engine.costs.trace import SEND
from engine.federated.strategy import Groups
from tests.engine.federated.worlds import assert_resumes_alike, context, run, task, values_of

VALUES = 64 * 16 + 16 + 16 * 10 + 10
"""Parameters of the small model."""

MEDIAN = {"aggregator": {"kind": "median"}}
TOP_K = {"encoding": {"up": {"kind": "top_k", "fraction": 0.1}, "error_feedback": True}}
INT8 = {"encoding": {"up": {"kind": "stochastic_int8"}, "down": {"kind": "stochastic_int8"}}}


def weights_of(state: Any) -> dict[str, np.ndarray]:
    """The server's model."""
    return {name: array for name, array in state.tensors.items() if name.startswith("server/weights")}


def far(left: Groups | Any, right: Groups | Any) -> float:
    """The largest difference of two models."""
    return max(float(np.abs(left[name] - right[name]).max()) for name in left)


def test_a_mean_of_rows_is_the_mean_of_sums(tmp_path: Path) -> None:
    """A bound that nobody reaches keeps every update as it is."""
    plain, _ = run(task(), context(tmp_path))
    long, _ = run(task(aggregator={"kind": "norm_bound", "bound": 1e9}), context(tmp_path))
    assert far(weights_of(plain), weights_of(long)) < 1e-6


def test_bytes_of_every_message_are_those_that_were_sent(tmp_path: Path) -> None:
    work, world = task(**TOP_K), context(tmp_path)
    state, events = run(work, world)
    trace = work.trace(state)
    up = trace["size"][(trace["kind"] == SEND) & (trace["target"] == SERVER)]
    clients = [event.body for event in events if event.kind == "clients"]
    assert np.concatenate([body["bytes_up"] for body in clients]).tolist() == up.tolist()
    assert values_of(events, "bytes_up")[-1] == up.sum()
    assert values_of(events, "bytes_down")[-1] == 4 * VALUES * 10
    assert values_of(events, "compression_up")[0] == pytest.approx(4 * VALUES / clients[0]["bytes_up"].mean())
    assert values_of(events, "compression_down") == []
    assert all(body["norm"].shape == (5,) and (body["norm"] > 0).all() for body in clients)


@pytest.mark.parametrize("settings", [TOP_K, INT8], ids=["top_k", "int8"])
def test_estimates_count_encoded_bytes(settings: dict[str, Any], tmp_path: Path) -> None:
    work = task(**settings)
    _, events = run(work, context(tmp_path))
    expected = estimate(work, context(tmp_path)).totals
    for name in ("bytes_up", "bytes_down"):
        assert values_of(events, name)[-1] == pytest.approx(expected[name].expected, rel=0.05)


def test_an_encoded_model_is_where_clients_start(tmp_path: Path) -> None:
    """With weights down to a byte each, the first round moves elsewhere; the server keeps full precision."""
    plain, _ = run(task(rounds=1), context(tmp_path))
    coarse, events = run(task(rounds=1, encoding={"down": {"kind": "stochastic_int8"}}), context(tmp_path))
    assert 0 < far(weights_of(plain), weights_of(coarse)) < 0.05
    assert 3 < values_of(events, "compression_down")[0] < 4
    assert values_of(events, "bytes_up")[-1] == 4 * VALUES * 5


def test_only_those_who_took_part_have_a_memory(tmp_path: Path) -> None:
    work = task(**TOP_K)
    state, events = run(work, context(tmp_path))
    took_part = {client for event in events if event.kind == "cohort" for client in event.body["clients"]}
    assert set(state.clients) == took_part
    memory = next(iter(state.clients.values()))
    assert {name.rpartition("/")[0] for name in memory} == {"memory/residual/weights"}
    assert sum(array.size for array in memory.values()) == VALUES


@pytest.mark.slow
@pytest.mark.parametrize("settings", [MEDIAN, TOP_K, INT8, {**MEDIAN, **TOP_K}], ids=["rows", "top_k", "int8", "both"])
@pytest.mark.parametrize("strategy", ["fedavg", "scaffold"])
def test_resumed_equals_uninterrupted(settings: dict[str, Any], strategy: str, tmp_path: Path) -> None:
    work = task(strategy={"kind": strategy}, **settings, local={"batch_size": 16, "lr": 0.1, "path": "per_client"})
    assert_resumes_alike(work, lambda: context(tmp_path))


def test_nothing_of_a_round_is_left_when_it_is_over(tmp_path: Path) -> None:
    state, _ = run(task(**MEDIAN, **INT8), context(tmp_path))
    assert {name.partition("/")[0] for name in state.tensors} == {"server", "ledger", "history"}


def problems(folder: Path, **changes: Any) -> list[Problem]:
    """What is wrong with a task."""
    return task(**changes).check(context(folder))


def test_encodings_that_a_model_does_not_survive_are_refused_on_the_way_down(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, encoding={"down": {"kind": "top_k"}})
    assert (found.path, found.code) == ("encoding.down", "not_for_weights")
    assert "stochastic_int8" in found.message


def test_rows_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    wide = {"model": {"kind": "mlp", "hidden": [4096, 4096, 4096]}, "sampler": {"kind": "uniform", "num_clients": 12}}
    assert "rows_too_large" in {found.code for found in problems(tmp_path, **wide, **MEDIAN)}
    assert "rows_too_large" not in {found.code for found in problems(tmp_path, **wide)}


def test_too_few_updates_leave_the_model_and_are_told(tmp_path: Path) -> None:
    away = [{"name": name, "device": "rpi_4b_4gb", "count": count} for name, count in (("here", 3), ("gone", 9))]
    away[1]["availability"] = {"kind": "round_trace", "patterns": ["01"]}
    work, world = task(aggregator={"kind": "krum"}), context(tmp_path, fleet={"groups": away})
    start = work.init(world)
    state, events = run(work, world, start)
    told = [event.body["message"] for event in events if event.kind == "log" and event.body["level"] == "warning"]
    assert told == ["round 1: 3 updates arrived, krum needs 5: the model stays as it is"]
    first, second = values_of(events, "accuracy")
    assert first == values_of(run(task(rounds=1, local={"lr": 1e-9}), world)[1], "accuracy")[0]
    assert first != second
    assert far(weights_of(start), weights_of(state)) > 0
