"""The designer's panel of plans: proposed, moved by hand, kept in the design."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from engine.specs.text import load
from tests.engine.inference.test_proposals import DESIGN
from tests.webapp.markup import form_of

SignIn = Callable[[str], Client]

TREE: dict[str, Any] = load(DESIGN)


@pytest.fixture
def client(client_of: SignIn) -> Client:
    """A runner's browser."""
    return client_of("runner")


def panel(client: Client, sent: dict[str, str]) -> tuple[str, dict[str, str]]:
    """The panel, and the inputs in it by name."""
    answer = client.post("/experiments/plan", sent)
    assert answer.status_code == 200
    text = answer.content.decode()
    return text, form_of(f'<form id="spec-form">{text}</form>').values


def design(client: Client, text: str = DESIGN) -> dict[str, str]:
    """The inputs of the designer with a design as YAML."""
    values = form_of(client.get("/experiments/new?kind=inference").content.decode()).values
    return {**values, "_yaml": text}


@pytest.mark.slow
def test_pieces_are_moved_evaluated_and_kept(client: Client) -> None:
    sent = design(client)
    text, inputs = panel(client, sent)
    assert all(title in text for title in ("All on the best device", "All in the cloud", "planner-places"))
    assert "moved" not in text
    was = inputs["plan:was:fc2"]
    to = "1" if was != "1" else "2"
    text, inputs = panel(client, {**sent, **inputs, "plan:piece:fc2": to})
    assert "1 piece moved: latency" in text
    assert "against the proposal" in text
    assert inputs["plan:piece:fc2"] == to
    text, reset = panel(client, {**sent, **inputs, "plan:reset": "1"})
    assert "moved" not in text
    assert reset["plan:piece:fc2"] == was
    kept = client.post("/experiments/new", {**sent, **inputs, "_edit": "keep:plan"}).content.decode()
    tree = load(form_of(kept).values["_yaml"])
    assert tree["task"]["placer"]["kind"] == "given"
    assert tree["task"]["placer"]["assignment"]["fc2"] == int(to)
    assert {name: value for name, value in tree.items() if name != "task"} == {
        name: value for name, value in TREE.items() if name != "task"
    }


@pytest.mark.slow
def test_what_is_wrong_with_a_device_stands_at_its_field(client: Client) -> None:
    sent = design(client)
    _, inputs = panel(client, sent)
    fewer = sent | {"_yaml": DESIGN.replace("count: 3", "count: 1")}
    text, again = panel(client, {**fewer, **inputs, "plan:piece:fc2": "3", "plan:piece:head": "0"})
    assert "The fleet has the devices 0 to 2; given: 3" in text
    assert 'aria-invalid="true"' in text
    assert "Keep this plan" not in text
    assert (again["plan:piece:fc2"], again["plan:piece:head"]) == ("3", "0")
    text, _ = panel(client, {**sent, **dict.fromkeys((name for name in inputs if ":piece:" in name), "0")})
    assert "Device 0 needs" in text
    assert "It breaks 1 rule, so it cannot be carried out." in text
    assert "Keep this plan" not in text
    text, _ = panel(client, {**sent, "plan:piece:gone": "1"})
    assert "devices chosen for pieces that are gone are dropped" in text


@pytest.mark.slow
def test_who_wins_where_is_a_grid(client: Client) -> None:
    sent = design(client)
    text = client.post("/experiments/plan/winners", {**sent, "plan:axes": "bandwidth devices"}).content.decode()
    assert text.count('class="won-') >= 20
    assert "The number of devices is that of boards." in text
    assert "two of bandwidth, rtt, devices" in client.post("/experiments/plan/winners", sent).content.decode()
    wrong = {**sent, "_yaml": "task: {kind: federated}", "plan:axes": "rtt devices"}
    assert "only tasks of kind inference" in client.post("/experiments/plan/winners", wrong).content.decode()


@pytest.mark.slow
def test_designs_without_a_plan_say_why(client: Client) -> None:
    text, _ = panel(client, design(client, DESIGN.replace("cloud: cloud", "cloud: nowhere")))
    assert "the fleet has no group &#x27;nowhere&#x27;" in text
    text, inputs = panel(client, design(client, DESIGN.replace("sweep", "  rules: {deadline_s: 0.000001}\nsweep")))
    assert "None of the" in text
    assert "allowed 1e-06 s" in text
    assert "plan:was:fc2" not in inputs
    assert "Keep this plan" not in text
    for name in ("", "x" * 201, "a\0"):
        assert (
            "names of pieces have 1 to 200 characters"
            in panel(client, {**design(client), f"plan:piece:{name}": "1"})[0]
        )
    assert panel(client, design(client, "task: {kind: federated}"))[0].strip() == ""
    assert panel(client, design(client, "task: ["))[0].strip() == ""


@pytest.mark.slow
def test_a_plan_is_kept_in_the_form_as_well(client: Client) -> None:
    yaml = design(client)
    in_form = form_of(client.post("/experiments/new", {**yaml, "_edit": "mode:form"}).content.decode()).values
    assert "_yaml" not in in_form
    _, inputs = panel(client, in_form)
    kept = form_of(client.post("/experiments/new", {**in_form, **inputs, "_edit": "keep:plan"}).content.decode()).values
    assert kept["task:inference.placer@kind"] == "given"
    assert "fc2" in kept.values()


@pytest.mark.slow
def test_a_plan_is_kept_whole_or_not_at_all(client: Client) -> None:
    """Also where somebody sends what no page does."""
    sent = design(client)
    _, inputs = panel(client, sent)

    def refused(change: dict[str, str], *without: str) -> str:
        values = {name: value for name, value in {**inputs, **change}.items() if name not in without}
        page = client.post("/experiments/new", {**sent, **values, "_edit": "keep:plan"}).content.decode()
        assert load(form_of(page).values["_yaml"])["task"]["placer"] == {"kind": "exhaustive"}
        return page

    page = refused({}, "plan:piece:fc1", "plan:piece:fc2")
    assert "gives each of the 4 pieces its device; without one: fc1, fc2" in page
    assert "task.placer.assignment" in page
    assert "without one: fc2" in refused({"plan:piece:fc2": "somewhere"})
    assert "the splitter makes no piece &#x27;gone&#x27;" in refused({"plan:piece:gone": "1"})
    assert "the fleet has the devices 0 to 4; given: 77" in refused({"plan:piece:fc2": "77"})
    assert "assignment" in refused({f"plan:piece:{'x' * 201}": "1"})
