"""Plans before anything is trained: proposed, changed by hand, kept in the design."""

from typing import Any

import pytest

from engine.core.errors import SpecError
from engine.inference.plans.planning import CHOSEN
from engine.inference.task import Inference
from engine.inference.world import World
from engine.runs.context import make_context
from engine.specs.plan_sweep import PlanSweep, sweep_of, winners
from engine.specs.plans import planning_of, plans, read_design
from engine.specs.text import load, parse
from tests.engine.inference.fleets import SENSOR

DESIGN = (
    SENSOR
    + """\
task:
  kind: inference
  dataset: {kind: digits}
  teacher: {kind: train, model: {kind: mlp, hidden: [32, 24]}}
  placer: {kind: exhaustive}
  cloud: cloud
sweep: {task.requests.count: [10, 20]}
"""
)
WEIGHTS = 4 * (64 * 32 + 32 + 32 * 24 + 24 + 24 * 10 + 10)
"""Bytes of the three layers."""


def told(*settings: str, assignment: dict[str, int] | None = None) -> dict[str, Any]:
    """The plans of the small design."""
    return plans(planning_of(read_design(load(DESIGN), settings=settings)), assignment)


@pytest.fixture(scope="module")
def proposed() -> dict[str, Any]:
    """The plans as proposed."""
    return told()


@pytest.mark.slow
def test_what_is_proposed_is_what_the_run_carries_out(proposed: dict[str, Any]) -> None:
    assert [plan["name"] for plan in proposed["plans"]] == ["chosen", "single_best", "all_cloud"]
    assert (proposed["origin"], proposed["sink"], proposed["cloud"], proposed["missing"]) == (0, 0, 4, [])
    assert set(proposed["plans"][2]["assignment"].values()) == {4}
    spec = parse(DESIGN.split("sweep", maxsplit=1)[0])
    assert isinstance(spec.task, Inference)
    plan = World(spec.task, make_context(spec, 0)).planning.plans[CHOSEN]
    assert proposed["plans"][0]["latency_s"] == plan.latency_s
    assert [stage["device"] for stage in proposed["plans"][0]["stages"]] == list(plan.at)
    assert [row["roles"] for row in proposed["devices"]] == [["origin", "sink"], [], [], [], ["cloud"]]
    assert sum(row["parameter_bytes"] for row in proposed["pieces"]) == WEIGHTS


@pytest.mark.slow
def test_a_plan_by_hand_says_what_it_moves_and_what_it_breaks(proposed: dict[str, Any]) -> None:
    names = [row["name"] for row in proposed["pieces"]]
    edited = told(assignment=dict.fromkeys(names, 0))["edited"]
    memory = edited["devices"][0]["memory_bytes"]
    assert memory > WEIGHTS > 9000
    assert edited["violations"] == [f"device 0 needs {memory:,.0f} bytes of memory and has 9,000"]
    assert edited["messages"] == []
    last = names[-1]
    before = proposed["plans"][0]["assignment"]
    other = next(device for device in (1, 2) if device != before[last])
    found = told(assignment={last: other})
    assert found["moved"] == [{"piece": last, "from": before[last], "to": other}]
    assert found["edited"]["assignment"] == {**before, last: other}
    assert (found["edited"]["violations"], found["edited"]["title"]) == ([], "Plan by hand")


def test_all_that_is_wrong_with_an_assignment_is_told_at_once(proposed: dict[str, Any]) -> None:
    name = proposed["pieces"][0]["name"]
    with pytest.raises(SpecError) as caught:
        told(assignment={name: 9, "conv7": 1})
    problems = {problem.path: problem.message for problem in caught.value.problems}
    assert problems[f"assignment.{name}"] == "the fleet has the devices 0 to 4; given: 9"
    assert problems["assignment.conv7"].startswith(f"the splitter makes no piece 'conv7'; there are {name}")


@pytest.mark.slow
def test_a_plan_by_hand_is_carried_out_as_it_is(proposed: dict[str, Any]) -> None:
    first, *others = (row["name"] for row in proposed["pieces"])
    by_hand = {first: 2, **dict.fromkeys(others, 4)}
    keep = f"task.placer={{kind: given, assignment: {by_hand}}}"
    found = told(keep)
    assert found["plans"][0]["assignment"] == by_hand
    assert found["plans"][0]["explanation"] == "chosen by hand"
    assert parse(DESIGN, settings=[keep]).task.kind == "inference"
    with pytest.raises(SpecError) as caught:
        parse(DESIGN, settings=["task.placer={kind: given, assignment: {conv7: 9}}"])
    assert {problem.path for problem in caught.value.problems} == {"task.placer.assignment.conv7"}
    with pytest.raises(SpecError, match=r"device 0 needs .* bytes of memory and has 9,000"):
        parse(DESIGN, settings=["task.placer={kind: given}"])


@pytest.mark.slow
def test_a_design_without_a_plan_still_shows_the_others() -> None:
    found = told("task.rules.deadline_s=0.000001")
    assert [one["name"] for one in found["missing"]] == ["chosen"]
    assert "none of the" in found["missing"][0]["reason"]
    assert all("allowed 1e-06 s" in plan["violations"][0] for plan in found["plans"])
    assert told("task.rules.deadline_s=0.000001", assignment={})["edited"]["assignment"]
    assert [one["name"] for one in told("task.cloud=null")["missing"]] == ["all_cloud"]


def test_only_distributed_inference_has_plans() -> None:
    with pytest.raises(SpecError, match="only tasks of kind inference have plans; given: federated"):
        read_design({"task": {"kind": "federated"}})
    with pytest.raises(SpecError, match="a spec is a mapping"):
        read_design([])
    with pytest.raises(SpecError, match="no group 'here'"):
        told("task.origin=here")


@pytest.mark.slow
def test_who_wins_where(proposed: dict[str, Any]) -> None:
    spec = read_design(load(DESIGN))
    sweep = PlanSweep(bandwidth=(0.001, 1), rtt=(0.0, 1, 100))
    found: dict[str, Any] = winners(spec, planning_of(spec), sweep, {"fc1": 0})
    assert [point["at"] for point in found["points"]] == [[b, r] for b in (0.001, 1) for r in (0, 1, 100)]
    for point in found["points"]:
        allowed = {name: one["latency_s"] for name, one in point["plans"].items() if one["is_allowed"]}
        assert allowed[point["winner"]] <= min(allowed.values()) * (1 + 1e-6)
    here = next(point["plans"] for point in found["points"] if point["at"] == [1, 1])
    assert here["chosen"]["latency_s"] == proposed["plans"][0]["latency_s"]
    assert here["all_cloud"]["latency_s"] == proposed["plans"][2]["latency_s"]
    assert "edited" in here
    # Nothing but the rate and the round trip of the links changed, and both only make a message slower.
    late = next(point["plans"] for point in found["points"] if point["at"] == [0.001, 100])
    assert late["all_cloud"]["latency_s"] > here["all_cloud"]["latency_s"]


def test_fewer_devices_leave_a_plan_by_hand_out() -> None:
    spec = read_design(load(DESIGN))
    found: dict[str, Any] = winners(spec, planning_of(spec), PlanSweep(devices=(1, 3)), {"fc1": 3, "fc2": 1})
    assert found["group"] == "boards"
    # Of one board the cloud is device 2, and there is no device 3.
    assert ["edited" in point["plans"] for point in found["points"]] == [False, True]
    with pytest.raises(SpecError, match="no group 'here'"):
        winners(spec, planning_of(spec), PlanSweep(devices=(1,), group="here"))


@pytest.mark.parametrize(
    ("tree", "path"),
    [
        ({}, "sweep"),
        ({"bandwidth": [1], "rtt": [1], "devices": [1]}, "sweep"),
        ({"bandwidth": [0]}, "sweep.bandwidth.0"),
        ({"devices": [1.5]}, "sweep.devices.0"),
        ({"rtt": [1.0] * 10}, "sweep.rtt"),
        ({"loss": [1]}, "sweep.loss"),
    ],
)
def test_sweeps_that_are_wrong(tree: dict[str, Any], path: str) -> None:
    with pytest.raises(SpecError) as caught:
        sweep_of(tree)
    assert path in {problem.path for problem in caught.value.problems}
