"""A distributed inference as a task: plans, exact pieces, requests, losses, refusals."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.core.errors import SpecError
from engine.core.events import Event
from engine.inference.plans.planning import CHOSEN
from engine.inference.task import Inference
from engine.inference.world import World
from engine.models.build import build
from engine.models.model_file import read_model
from engine.runs.checkpoint import FolderCheckpoints
from engine.runs.context import make_context
from engine.runs.control import Control
from engine.runs.loop import Outcome, run
from engine.runs.sinks import MemorySink
from engine.specs.text import parse
from engine.training.arrays import as_tensors, load
from tests.engine.inference.fleets import SENSOR

SPEC = (
    SENSOR
    + """\
task:
  kind: inference
  dataset: {kind: digits}
  teacher: {kind: train, model: {kind: mlp, hidden: [32, 24]}, training: {epochs: 3, batch_size: 32}}
  placer: {kind: exhaustive}
  cloud: cloud
  requests: {count: 500, arrivals: poisson, rate_rps: 5}
"""
)


def carried_out(*settings: str) -> tuple[Outcome, list[Event]]:
    """A run of the small spec."""
    spec, sink = parse(SPEC, settings=list(settings)), MemorySink()
    return run(spec, 0, context=make_context(spec, 0), sink=sink), sink.events


def world_of(*settings: str) -> World:
    """The plans of the small spec."""
    spec = parse(SPEC, settings=list(settings))
    assert isinstance(spec.task, Inference)
    return World(spec.task, make_context(spec, 0))


@pytest.fixture(scope="module")
def whole() -> tuple[Outcome, list[Event]]:
    """One run for all that look at what came of it."""
    return carried_out("task.failures={most_lost: 3, renew: false}")


def body(events: list[Event], kind: str) -> dict[str, Any]:
    """What the last event of a kind says."""
    return [event.body for event in events if event.kind == kind][-1]


@pytest.mark.slow
def test_the_sensor_is_too_small_so_the_plan_leaves_it(whole: tuple[Outcome, list[Event]]) -> None:
    plan = body(whole[1], "plan")
    used = {stage["device"] for stage in plan["stages"]}
    assert used - {0}
    for share in plan["devices"]:
        assert share["memory_bytes"] <= share["memory_available"]
    assert {message["source"] for message in plan["messages"]} >= {0}
    assert plan["messages"][-1]["target"] == 0
    assert plan["messages"][-1]["num_bytes"] == 40  # ten logits


def test_every_plan_of_the_comparison_is_told_and_none_beats_the_best_of_all(
    whole: tuple[Outcome, list[Event]],
) -> None:
    rows = {event.body["name"]: event.body for event in whole[1] if event.kind == "contender"}
    assert set(rows) == {row["name"] for row in whole[1][0].body["contenders"]} == {CHOSEN, "single_best", "all_cloud"}
    assert all(rows[CHOSEN]["latency_s"] <= row["latency_s"] * (1 + 1e-9) for row in rows.values())
    assert len({row["accuracy"] for row in rows.values()}) == 1
    assert rows[CHOSEN]["accuracy"] > 0.9


@pytest.mark.slow
@pytest.mark.parametrize(
    "splitter",
    ["{kind: layer}", "{kind: pipeline}", "{kind: channel, num_slices: 3}"],
)
def test_pieces_together_are_the_whole_network(splitter: str) -> None:
    outcome, _ = carried_out(f"task.splitter={splitter}", "task.placer={kind: greedy}", "task.failures.most_lost=0")
    assert outcome.summary is not None
    assert outcome.summary.metrics["joined_difference"] <= 1e-5
    assert outcome.summary.metrics["joined_agreement"] == 1.0


@pytest.mark.slow
def test_requests_one_by_one_take_what_the_plan_says() -> None:
    outcome, events = carried_out(
        "task.requests={count: 10, arrivals: one_by_one, rate_rps: null}", "task.failures.most_lost=0"
    )
    metrics = outcome.summary.metrics if outcome.summary else {}
    assert metrics["latency_p99_s"] == metrics["latency_s"] == body(events, "plan")["latency_s"]
    assert metrics["answered_rps"] == pytest.approx(1 / metrics["latency_s"])


@pytest.mark.slow
def test_a_stream_waits_and_its_percentiles_grow_with_its_rate() -> None:
    period = world_of().planning.period_s
    found = []
    for share in (0.2, 0.9):
        outcome, _ = carried_out(f"task.requests.rate_rps={share / period}", "task.failures.most_lost=0")
        assert outcome.summary is not None
        found.append(outcome.summary.metrics)
    for metrics in found:
        assert metrics["latency_s"] <= metrics["latency_p50_s"] * (1 + 1e-9)
        assert metrics["latency_p50_s"] <= metrics["latency_p90_s"] <= metrics["latency_p99_s"]
    assert found[0]["latency_p99_s"] < found[1]["latency_p99_s"]
    assert found[1]["load"] == pytest.approx(0.9)


def test_every_loss_is_tried_and_exact_plans_die_with_their_devices(whole: tuple[Outcome, list[Event]]) -> None:
    table, plan = body(whole[1], "failures"), body(whole[1], "plan")
    used = {stage["device"] for stage in plan["stages"]} - {0}
    assert set(table["critical"]) == used
    assert table["num_sets"] == len(table["losses"]) == 2 ** len(used)
    # All devices must be there: independent ones, with 0.99 each.
    assert table["figures"]["answer_probability_low"] == pytest.approx(0.99 ** len(used))
    assert plan["survival"] == pytest.approx(0.99 ** len(used))
    assert table["figures"]["worst_accuracy"] == 0.0


@pytest.mark.slow
def test_a_renewed_plan_answers_as_long_as_somebody_can_compute() -> None:
    outcome, events = carried_out("task.failures={most_lost: 4}")
    table = body(events, "failures")
    assert table["critical"] == []
    assert {loss["outcome"] for loss in table["losses"]} <= {"unharmed", "replanned"}
    assert outcome.summary is not None
    assert outcome.summary.metrics["worst_accuracy"] == outcome.summary.metrics["accuracy"]
    for loss in table["losses"][1:]:
        assert loss["first_s"] > loss["latency_s"] + 1.0  # the timeout, and weights on their way


@pytest.mark.slow
def test_the_plan_for_the_worst_case_is_never_worse_then() -> None:
    worst = []
    for wish in ("normal", "worst_case"):
        planning = world_of(f"task.failures={{plan_for: {wish}, most_lost: 1, renew: false, standbys: 1}}").planning
        guard = planning.guard((1.0,))
        worst.append(guard.table(planning.sets(guard)).worst)
    assert worst[1].accuracy >= worst[0].accuracy


def test_what_is_booked_is_weights_and_all_requests(whole: tuple[Outcome, list[Event]]) -> None:
    outcome, events = whole
    assert outcome.summary is not None
    plan = body(events, "plan")
    phases = {row["phase"] for event in events if event.kind == "ledger" for row in event.body["rows"]}
    assert {"download", "message", "compute"} <= phases
    assert outcome.summary.costs["time_s"] > 500 * plan["latency_s"]
    weights = {stage["piece"]: stage["parameter_bytes"] for stage in plan["stages"]}
    # 64 x 32 + 32, 32 x 24 + 24 and 24 x 10 + 10 numbers of 4 bytes.
    assert sum(weights.values()) == 4 * (64 * 32 + 32 + 32 * 24 + 24 + 24 * 10 + 10)


def test_the_files_are_the_plan_the_losses_and_the_network(whole: tuple[Outcome, list[Event]]) -> None:
    assert whole[0].summary is not None
    files = whole[0].summary.artifacts
    assert set(files) == {"plan.json", "failures.json", "teacher.safetensors"}
    assert json.loads(files["failures.json"])["critical"] == body(whole[1], "failures")["critical"]


@pytest.mark.parametrize(
    ("setting", "path", "words"),
    [
        ("task.cloud=nowhere", "task.cloud", "sensors, boards, cloud"),
        ("task.failures={by_group: {nobody: 0.5}}", "task.failures.by_group.nobody", "sensors, boards, cloud"),
        ("task.splitter={kind: spatial}", "task.splitter", "convolution"),
        ("fleet.groups.1.count=80", "task.placer", "at most 64 devices"),
        ("task.rules={deadline_s: 1.0e-9}", "task.placer", "constraints"),
        ("task.placer={kind: min_cut}; task.objective=memory", "task.objective", "latency, energy_total"),
    ],
)
def test_what_cannot_be_is_refused_with_the_place_and_what_may_be(setting: str, path: str, words: str) -> None:
    with pytest.raises(SpecError) as error:
        parse(SPEC, settings=setting.split("; "))
    found = error.value.problems
    assert [problem for problem in found if problem.path.startswith(path) and words in problem.message], found


def test_a_rate_without_a_stream_is_refused() -> None:
    with pytest.raises(SpecError, match="rate_rps"):
        parse(SPEC, settings=["task.requests.arrivals=one_by_one"])
    with pytest.raises(SpecError, match="rate_rps"):
        parse(SPEC, settings=["task.requests.rate_rps=null"])


STUDENTS = (
    "task.teacher.training.epochs=10",
    "task.splitter={kind: nonn, num_students: 3, students: [{kind: mlp, hidden: [24]}], filters: {percentile: 50}}",
    "task.training={steps: 300, batch_size: 64, optimizer: adam, lr: 0.01}",
    "task.objective=memory",
    "task.failures={renew: false, most_lost: 3}",
)


@pytest.fixture(scope="module")
def taught() -> tuple[Outcome, list[Event]]:
    """A network of students."""
    return carried_out(*STUDENTS)


@pytest.mark.slow
def test_students_learn_and_the_teacher_stands_beside_them(taught: tuple[Outcome, list[Event]]) -> None:
    rows = {event.body["name"]: event.body for event in taught[1] if event.kind == "contender"}
    assert rows["teacher"]["accuracy"] > 0.9
    assert rows[CHOSEN]["accuracy"] > 0.75
    assert rows[CHOSEN]["peak_memory_bytes"] < rows["teacher"]["peak_memory_bytes"]
    assert rows[CHOSEN]["num_devices"] > 1
    plan, filters = body(taught[1], "plan"), body(taught[1], "filters")
    # A number of 4 bytes per filter goes from each student that is not at the sink.
    sent = [message["num_bytes"] for message in plan["messages"] if message["target"] == 0]
    sizes = [4 * student["num_filters"] for student in filters["students"]]
    assert set(sent) <= set(sizes)


def test_without_students_the_answer_is_worse_and_without_all_there_is_none(
    taught: tuple[Outcome, list[Event]],
) -> None:
    table, plan = body(taught[1], "failures"), body(taught[1], "plan")
    at = {stage["piece"]: stage["device"] for stage in plan["stages"]}
    for loss in table["losses"]:
        missing = sum(at[f"student{number}"] in loss["devices"] for number in range(3))
        assert loss["device_of"].count(-1) == (0 if loss["outcome"] == "lost" else missing)
        assert loss["outcome"] == ("lost" if missing == 3 else "degraded" if missing else "unharmed")
    curve = [row["mean_accuracy"] for row in table["curve"]]
    assert curve == sorted(curve, reverse=True)


def test_every_student_leaves_a_file_and_their_outputs_add_up(
    taught: tuple[Outcome, list[Event]], tmp_path: Path
) -> None:
    assert taught[0].summary is not None
    modules = {}
    for name in ("students", "student0", "student1", "student2"):
        path = tmp_path / name
        path.write_bytes(taught[0].summary.artifacts[f"{name}.safetensors"])
        card, weights = read_model(path)
        assert card is not None
        modules[name] = build(card.graph)
        load(modules[name], as_tensors(weights))
        modules[name].eval()
    x = torch.from_numpy(world_of(*STUDENTS).test.x[:20])
    with torch.no_grad():
        bias = modules["students"].head.bias
        shares = sum(modules[f"student{number}"](x) for number in range(3))
        assert torch.allclose(shares + bias, modules["students"](x), atol=1e-4)


@pytest.mark.slow
def test_members_of_an_ensemble_are_averaged() -> None:
    outcome, events = carried_out(
        "task.splitter={kind: ensemble, members: [{kind: mlp, hidden: [12]}]}",
        "task.training={steps: 120, batch_size: 64, optimizer: adam, lr: 0.01}",
        "task.objective=memory",
        "task.failures={renew: false}",
    )
    assert outcome.summary is not None
    assert outcome.summary.metrics["accuracy"] > 0.8
    assert outcome.summary.metrics["joined_agreement"] == 1.0
    assert {"student0.safetensors", "student1.safetensors"} <= set(outcome.summary.artifacts)
    assert all(row["name"] != "filters" for row in events[0].body["stages"])


class AfterSteps(Control):
    """Asks for a pause after two steps."""

    looks = 0

    def should_pause(self) -> bool:
        """From the third look on."""
        self.looks += 1
        return self.looks > 2


@pytest.mark.slow
def test_a_resumed_run_has_the_same_plan_of_a_search_that_was_cut_short(tmp_path: Path) -> None:
    settings = ["task.placer={kind: ilp, most_nodes: 1}", "task.objective=energy_per_node", "task.requests.count=20"]
    settings += ["task.splitter={kind: channel, num_slices: 3}", "task.failures.most_lost=0"]
    spec, sink, checkpoints = parse(SPEC, settings=settings), MemorySink(), FolderCheckpoints(tmp_path)
    for control, status in ((AfterSteps(), "paused"), (Control(), "done")):
        context = make_context(spec, 0)
        outcome = run(spec, 0, context=context, sink=sink, checkpoints=checkpoints, control=control)
        assert outcome.status == status
    whole = carried_out(*settings)[1]
    assert "integer program: best within 1 nodes" in body(whole, "plan")["explanation"]
    assert sink.events == whole
