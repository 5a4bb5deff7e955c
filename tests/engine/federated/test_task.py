"""The federated task as a whole, on digits and generated clients."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from engine.core.nodes import SERVER
from engine.costs.trace import SEND
from engine.network.catalogue import links
from tests.engine.federated.worlds import as_json, assert_resumes_alike, context, run, same_tensors, task, values_of

SYNTHETIC = {
    "dataset": {"kind": "synthetic", "num_clients": 40, "size_log_std": 0.5, "test_clients": 20},
    "partition": None,
    "model": {"kind": "mlp", "hidden": []},
}


def test_it_learns(tmp_path: Path) -> None:
    work = task(rounds=10, local={"epochs": 5, "batch_size": 16, "lr": 0.1}, partition={"kind": "iid"})
    _, events = run(work, context(tmp_path))
    accuracy = values_of(events, "accuracy")
    assert len(accuracy) == 10
    assert accuracy[-1] > 0.85 > accuracy[0]


def test_events_of_a_round_come_with_its_last_block(tmp_path: Path) -> None:
    work, world = task(local={"path": "per_client"}), context(tmp_path)
    state, told = work.init(world), []
    for _ in range(10):
        state, events = work.step(world, state)
        told.append([event.kind for event in events])
    round_events = ["cohort", "metrics", "clients", "ledger"]
    assert told == [[]] * 4 + [["log", *round_events]] + [[]] * 4 + [round_events]
    assert work.is_done(state)
    assert (work.progress(state).done, work.progress(state).total) == (2, 2)


def test_what_the_events_say(tmp_path: Path) -> None:
    _, events = run(task(evaluation={"divergence": True}), context(tmp_path))
    cohort, metrics, clients, ledger = events[1:5]
    values = metrics.body["values"]
    assert set(values) == {
        "accuracy", "loss", "train_loss", "divergence", "time_s", "energy_j", "bytes_up", "bytes_down", "round_time_s",
    }  # fmt: skip
    assert len(cohort.body["clients"]) == 5
    assert clients.body["ids"].tolist() == cohort.body["clients"]
    assert values["train_loss"] == pytest.approx(np.average(clients.body["loss"], weights=clients.body["num_samples"]))
    assert max(clients.body["time_s"]) == pytest.approx(values["round_time_s"])
    assert metrics.sim_time_s == values["time_s"]
    parts = [row for row in ledger.body["rows"] if row["owner"].startswith("group:")]
    assert sum(row["bytes_up"] for row in parts) == values["bytes_up"]


@pytest.mark.parametrize(("strategy", "factor"), [("fedavg", 1), ("fedprox", 1), ("fedmax", 1), ("scaffold", 2)])
def test_bytes_are_those_of_the_model(strategy: str, factor: int, tmp_path: Path) -> None:
    # 64 -> 16 -> 10 with biases in float32, 5 clients, 2 rounds
    expected = factor * 4 * (64 * 16 + 16 + 16 * 10 + 10) * 5 * 2
    work = task(strategy={"kind": strategy})
    state, events = run(work, context(tmp_path))
    assert values_of(events, "bytes_up")[-1] == expected
    assert values_of(events, "bytes_down")[-1] == expected
    assert work.summarize(state).costs["bytes_up"] == expected


def test_trace_costs_what_the_rounds_did(tmp_path: Path) -> None:
    work, world = task(), context(tmp_path)
    state, events = run(work, world)
    trace = work.trace(state)
    assert (trace.num_rounds, trace.num_items) == (2, 2 * (3 * 5 + 1))
    cost = world.cost_model.cost(trace)
    assert cost.end_s_total == pytest.approx(values_of(events, "time_s")[-1], rel=1e-12)
    assert cost.ledger.totals()["energy_j"] == pytest.approx(values_of(events, "energy_j")[-1], rel=1e-12)
    assert work.ledger(state).totals() == pytest.approx(cost.ledger.totals(), rel=1e-12)


def test_devices_join_the_network_once_a_round(tmp_path: Path) -> None:
    """One session per client and round: the update rides the connection over which the model came."""
    work, world = task(), context(tmp_path)
    state, _ = run(work, world)
    trace = work.trace(state)
    sends = trace["kind"] == SEND
    assert trace["connects"][sends & (trace["source"] == SERVER)].tolist() == [1] * 10
    assert trace["connects"][sends & (trace["target"] == SERVER)].tolist() == [0] * 10
    # each of the ten sessions wakes the radio once; the handshake comes on top
    joining = [row["time_s"] for row in work.ledger(state).to_rows() if row["phase"] == "connect"]
    wake_up_s = links()["wifi4_linux"].connect_time.value
    assert 10 * wake_up_s < sum(joining) < 11 * wake_up_s


@pytest.mark.slow
def test_runs_of_one_seed_are_pairs_whatever_the_strategy(tmp_path: Path) -> None:
    """Same partition, initial weights, cohorts and batches: with a weight of zero the runs are the same bits."""
    runs = [
        run(task(strategy=strategy, local={"path": "per_client"}), context(tmp_path))
        for strategy in ({"kind": "fedavg"}, {"kind": "fedprox", "mu": 0}, {"kind": "fedmax", "beta": 0})
    ]
    for state, events in runs[1:]:
        assert same_tensors(runs[0][0], state)
        assert as_json(events) == as_json(runs[0][1])
    _, scaffold = run(task(strategy={"kind": "scaffold"}), context(tmp_path))
    clients = [event.body["clients"] for event in runs[0][1] if event.kind == "cohort"]
    assert [event.body["clients"] for event in scaffold if event.kind == "cohort"] == clients


def test_another_seed_is_another_run(tmp_path: Path) -> None:
    states = [run(task(), context(tmp_path, seed=seed))[0] for seed in (0, 1)]
    assert not same_tensors(*states)


def test_stops_at_the_target(tmp_path: Path) -> None:
    state, events = run(task(rounds=50, evaluation={"target_accuracy": 0.15}), context(tmp_path))
    work = task(rounds=50)
    assert work.summarize(state).reason == "target_reached"
    assert values_of(events, "accuracy")[-1] >= 0.15
    assert all(value < 0.15 for value in values_of(events, "accuracy")[:-1])


def test_evaluates_at_its_cadence_and_at_the_end(tmp_path: Path) -> None:
    _, events = run(task(rounds=5, evaluation={"every_rounds": 2}), context(tmp_path))
    evaluated = [
        event.body["round"] for event in events if event.kind == "metrics" and "accuracy" in event.body["values"]
    ]
    assert evaluated == [2, 4, 5]


def test_generated_clients_are_made_as_they_are_needed(tmp_path: Path) -> None:
    work, world = task(**SYNTHETIC, rounds=3), context(tmp_path, devices=40)
    assert not work.check(world)
    state, events = run(work, world)
    assert values_of(events, "accuracy")[-1] > 0.2
    assert work.summarize(state).metrics["rounds"] == 3


@pytest.mark.slow
def test_generated_clients_resume_exactly(tmp_path: Path) -> None:
    assert_resumes_alike(task(**SYNTHETIC), lambda: context(tmp_path, devices=40))


def test_unreachable_devices_do_not_take_part(tmp_path: Path) -> None:
    patterns = {"kind": "round_trace", "patterns": ["01", "10", "00"]}
    fleet = {"groups": [{"name": "boards", "device": "rpi_4b_4gb", "count": 12, "availability": patterns}]}
    _, events = run(task(rounds=3), context(tmp_path, fleet=fleet))
    cohorts = [event.body["clients"] for event in events if event.kind == "cohort"]
    assert cohorts == [[1, 4, 7, 10], [0, 3, 6, 9], [1, 4, 7, 10]]


def test_a_round_without_anyone_changes_nothing(tmp_path: Path) -> None:
    patterns = {"kind": "round_trace", "patterns": ["10"]}
    fleet = {"groups": [{"name": "boards", "device": "rpi_4b_4gb", "count": 12, "availability": patterns}]}
    _, events = run(task(), context(tmp_path, fleet=fleet))
    assert values_of(events, "accuracy")[0] == values_of(events, "accuracy")[1]
    assert [len(event.body["clients"]) for event in events if event.kind == "cohort"] == [5, 0]


def test_clients_without_samples_are_dropped(tmp_path: Path) -> None:
    world = context(tmp_path)
    work = task(sampler={"kind": "uniform", "num_clients": 12})
    state = work.init(world)
    world.cache["population"].sizes = world.cache["population"].sizes.copy()
    world.cache["population"].sizes[[3, 7]] = 0
    _, events = run(work, world, state)
    (cohort, *_) = [event.body for event in events if event.kind == "cohort"]
    assert cohort["dropped"] == [{"id": 3, "reason": "no samples"}, {"id": 7, "reason": "no samples"}]
    assert 3 not in cohort["clients"]


def test_expected_trace_is_of_the_form_of_the_real_one(tmp_path: Path) -> None:
    work, world = task(rounds=40), context(tmp_path)
    trace = work.expected_trace(world)
    assert int(trace.repeats.sum()) == 40
    assert trace.num_rounds == 16
    real = work.trace(run(task(rounds=2), context(tmp_path))[0])
    sends = [
        (t["source"][t["kind"] == SEND][:5].tolist(), t["size"][t["kind"] == SEND][:5].tolist()) for t in (trace, real)
    ]
    assert sends[0] == sends[1]


def test_expected_trace_of_large_cohorts_stays_small(tmp_path: Path) -> None:
    data = {**SYNTHETIC, "dataset": {**SYNTHETIC["dataset"], "num_clients": 50_000}}
    work = task(**data, rounds=1000, sampler={"kind": "uniform", "num_clients": 20_000})
    trace = work.expected_trace(context(tmp_path, devices=50_000))
    assert int(trace.repeats.sum()) == 1000
    assert trace.num_items < 100_000


def test_facts(tmp_path: Path) -> None:
    facts = task().facts(context(tmp_path))
    assert facts["num_parameters"] == 64 * 16 + 16 + 160 + 10
    assert facts["clients_per_round"] == 5
    assert facts["message_bytes_up"] == 4 * 1210


@pytest.mark.parametrize(
    ("changes", "devices", "path", "words"),
    [
        ({"sampler": {"kind": "uniform", "num_clients": 200}}, 100, "sampler.num_clients", ("200", "100")),
        ({"partition": {"kind": "iid", "num_parts": 8}}, 12, "data_reuse", ("8", "12")),
        ({"partition": {"kind": "natural"}}, 12, "partition.kind", ("clients of its own",)),
        ({"partition": {"kind": "iid"}}, 5000, "partition", ("5000",)),
        ({"model": {"kind": "lenet5"}}, 12, "model", ("8x8",)),
        ({"model": {"kind": "mcmahan_cnn"}, "local": {"path": "cohort"}}, 12, "local.path", ("chain", "per_client")),
    ],
)
def test_problems(changes: dict[str, Any], devices: int, path: str, words: tuple[str, ...], tmp_path: Path) -> None:
    (problem,) = task(**changes).check(context(tmp_path, devices=devices))
    assert problem.path == path
    for word in words:
        assert word in problem.message


def test_all_problems_at_once(tmp_path: Path) -> None:
    work = task(sampler={"kind": "uniform", "num_clients": 200}, partition={"kind": "iid", "num_parts": 8})
    assert {problem.path for problem in work.check(context(tmp_path))} >= {"sampler.num_clients", "data_reuse"}


def test_a_model_that_does_not_fit_the_device(tmp_path: Path) -> None:
    fleet = {"groups": [{"name": "tiny", "device": "stm32l4r5", "count": 12}]}
    world = context(tmp_path, fleet=fleet)
    assert not [problem for problem in task().check(world) if problem.code == "out_of_memory"]
    problems = task(model={"kind": "mlp", "hidden": [4000]}).check(world)
    assert [problem.path for problem in problems if problem.code == "out_of_memory"] == ["model"]


def test_what_a_strategy_keeps_counts_as_memory(tmp_path: Path) -> None:
    """Parameters and gradients of 64 -> 600 -> 10 are 0.36 MB, with two control variates twice that."""
    fleet = {"groups": [{"name": "tiny", "device": "stm32l4r5", "count": 12}]}
    model = {"kind": "mlp", "hidden": [600]}
    for kind, fits in (("fedavg", True), ("scaffold", False)):
        problems = task(model=model, strategy={"kind": kind}).check(context(tmp_path, fleet=fleet))
        assert (not [problem for problem in problems if problem.code == "out_of_memory"]) == fits


def test_parts_can_be_shared_on_request(tmp_path: Path) -> None:
    work = task(partition={"kind": "iid", "num_parts": 8}, data_reuse=True)
    world = context(tmp_path)
    assert not work.check(world)
    work.init(world)
    samples = world.cache["population"].samples((0, 8))
    assert samples.places[0].tolist() == samples.places[1].tolist()


@pytest.mark.parametrize(
    "bad",
    [{"rounds": 0}, {"local": {"lr": -1}}, {"local": {"nesterov": True}}, {"unknown": 1}, {"strategy": {"kind": "x"}}],
)
def test_wrong_values_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        task(**bad)


@pytest.mark.slow
def test_declaring_checking_and_estimating_load_no_torch(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; import json\n"
        "from engine.federated.task import Federated\n"
        "from engine.federated.strategy import strategies; strategies.members()\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[3])
