"""Plans of distributed inference by REST."""

import json
from typing import Any

import pytest

from engine.core.errors import EngineError
from engine.specs.plans import planning_of, plans, read_design
from engine.specs.text import load
from tests.engine.inference.test_proposals import DESIGN
from tests.webapp.api.client import codes
from tests.webapp.api.conftest import Lab
from webapp.experiments.engine_process import TakesTooLong
from webapp.inference import planner

SPEC = load(DESIGN)


def planned(lab: Lab, body: dict[str, Any]) -> Any:
    """The answer to a viewer."""
    response = lab.by("viewer")("POST", "/plans", body)
    assert response.status_code == 200, response.content
    return response.json()


@pytest.mark.slow
def test_plans_are_proposed_and_edited(lab: Lab) -> None:
    found = planned(lab, {"spec": SPEC})
    assert [plan["name"] for plan in found["plans"]] == ["chosen", "single_best", "all_cloud"]
    assert (found["edited"], found["moved"]) == (None, [])
    piece, was = next(iter(found["plans"][0]["assignment"].items()))
    to = 1 if was != 1 else 2
    edited = planned(lab, {"spec": SPEC, "assignment": {piece: to}})
    assert edited["moved"] == [{"piece": piece, "from": was, "to": to}]
    assert edited["edited"]["latency_s"] > 0
    assert edited["winners"] is None


@pytest.mark.slow
def test_who_wins_where(lab: Lab, settings: Any) -> None:
    asked = {"spec": SPEC, "sweep": {"bandwidth": [0.1, 1], "devices": [2], "group": "boards"}}
    found = planned(lab, asked)["winners"]
    assert [point["at"] for point in found["points"]] == [[0.1, 2], [1, 2]]
    assert all(point["winner"] in point["plans"] for point in found["points"])
    settings.PLAN_STEPS_AT_ONCE = 0  # as if that took long: the command says the same
    assert planned(lab, asked)["winners"] == found
    refused = lab.by("viewer")("POST", "/plans", {"spec": SPEC, "sweep": {"devices": [1], "group": "here"}})
    assert codes(refused) == {"sweep.group": "unknown_group"}


def test_every_problem_has_its_place_in_the_body(lab: Lab) -> None:
    def refused(body: dict[str, Any]) -> dict[str, str]:
        return codes(lab.by("viewer")("POST", "/plans", body))

    assert refused({"spec": SPEC, "assignment": {"conv7": 1, "fc2": 77}}) == {
        "assignment.conv7": "unknown_piece",
        "assignment.fc2": "unknown_device",
    }
    assert refused({"spec": {"task": {"kind": "federated"}}}) == {"spec.task.kind": "no_plans"}
    assert set(refused({"spec": {"task": {"kind": "inference"}}})) == {"spec.fleet", "spec.task.dataset"}
    task = {"kind": "inference", "dataset": {"kind": "digits"}, "teacher": {"kind": "file", "path": "/etc/passwd"}}
    assert refused({"spec": {"task": task}}) == {"spec.task.teacher": "headless_only"}
    assert set(refused({"spec": SPEC, "assignment": {"fc2": -1}})) == {"assignment.fc2"}


@pytest.mark.slow
def test_a_slow_placer_is_asked_in_a_process_of_its_own(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def answer_of(words: list[str], *, limit_s: float, given: bytes) -> Any:
        asked.append(words)
        if len(asked) == 2:
            raise TakesTooLong
        if len(asked) == 3:
            raise EngineError("it fails")
        assert len(asked) in (1, 4)
        return {**plans(planning_of(read_design(json.loads(given))), {"fc2": 1}), "winners": None}

    monkeypatch.setattr(planner, "answer_of", answer_of)
    slow = {**SPEC, "task": {**SPEC["task"], "placer": {"kind": "ilp"}}}
    assert planned(lab, {"spec": slow, "assignment": {"fc2": 1}})["edited"]["assignment"]["fc2"] == 1
    assert asked == [["plan", "-", "--json", "--assign", "fc2=1"]]
    assert codes(lab.by("viewer")("POST", "/plans", {"spec": slow})) == {"spec.task.placer": "plan_too_slow"}
    assert set(codes(lab.by("viewer")("POST", "/plans", {"spec": slow}))) == {"spec"}
    assert codes(lab.by("viewer")("POST", "/plans", {"spec": slow, "assignment": {"x": 1}})) == {
        "assignment.x": "unknown_piece"
    }
    assert len(asked) == 3
    lab.by("viewer")("POST", "/plans", {"spec": slow, "assignment": {"fc2": 1}, "sweep": {"rtt": [1.0, 2.0]}})
    words = ["plan", "-", "--json", "--assign", "fc2=1", "--sweep", "rtt=1,2"]
    assert asked[3:] == [words], "one question for plans and sweep"
