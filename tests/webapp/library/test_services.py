"""Saved fleets, networks and tasks."""

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from engine.core.errors import SpecError
from tests.webapp.people import People
from webapp.library.models import DESIGNS, Fleet
from webapp.library.services import VersionConflict, body_for, create, remove, replace

FLEET = {"groups": [{"name": "boards", "device": "rpi_4b_4gb", "count": 5}]}
NETWORK = {"topology": {"kind": "star"}, "links": {"default": "wifi4_linux"}}
TASK = {"kind": "federated", "dataset": {"kind": "digits"}, "strategy": {"kind": "fedprox", "mu": 0.5}}


@pytest.mark.parametrize(("family", "body"), [("fleets", FLEET), ("networks", NETWORK), ("tasks", TASK)])
def test_a_design_is_kept_as_it_was_given(people: People, family: str, body: dict[str, Any]) -> None:
    design = create(family, people.team, people["editor"], " My design ", body)

    stored = DESIGNS[family].objects.get()
    assert (stored.name, stored.body, stored.version, stored.created_by) == ("My design", body, 1, people["editor"])
    assert body_for(people.team, family, str(design.pk)) == body


def test_a_task_may_leave_required_fields_open_but_nothing_wrong(people: People) -> None:
    create(
        "tasks", people.team, people["editor"], "only a strategy", {"kind": "federated", "strategy": {"kind": "fedavg"}}
    )

    with pytest.raises(SpecError) as caught:
        create(
            "tasks",
            people.team,
            people["editor"],
            "",
            {"kind": "federated", "rounds": 0, "strategy": {"kind": "fedprox", "mu": -1, "nu": 2}},
        )

    found = {problem.path: problem.code for problem in caught.value.problems}
    assert found == {
        "name": "wrong_length",
        "rounds": "out_of_range",
        "strategy.mu": "out_of_range",
        "strategy.nu": "unknown_field",
    }


@pytest.mark.parametrize(
    ("family", "body", "path"),
    [
        ("fleets", {"groups": [{"name": "a", "device": "no_such_device", "count": 1}]}, "groups.0.device"),
        ("fleets", {"groups": [{"name": "a", "device": "rpi_4b_4gb", "count": float("nan")}]}, "groups.0.count"),
        ("fleets", ["groups"], ""),
        ("fleets", {"groups": []}, ""),
        ("networks", {"topology": {"kind": "moebius"}}, "topology.kind"),
        ("tasks", {"strategy": {"kind": "fedavg"}}, "kind"),
    ],
)
def test_a_wrong_body_is_refused_with_its_path(people: People, family: str, body: Any, path: str) -> None:
    with pytest.raises(SpecError) as caught:
        create(family, people.team, people["editor"], "x", body)

    assert path in {problem.path for problem in caught.value.problems}
    assert not DESIGNS[family].objects.exists()


def test_replacing_raises_the_version_and_notices_a_change_in_between(people: People) -> None:
    design = create("fleets", people.team, people["editor"], "x", FLEET)
    bigger = {"groups": [{**FLEET["groups"][0], "count": 9}]}

    replace(design, people["editor"], "y", bigger, expected_version=1)
    assert (design.version, design.name, design.body) == (2, "y", bigger)
    with pytest.raises(VersionConflict):
        replace(design, people["owner"], "z", FLEET, expected_version=1)
    assert Fleet.objects.get().name == "y"
    replace(design, people["owner"], "z", FLEET)
    assert Fleet.objects.get().version == 3


@pytest.mark.parametrize("name", ["viewer", "runner", "stranger"])
def test_only_editors_change_designs(people: People, name: str) -> None:
    design = create("fleets", people.team, people["editor"], "x", FLEET)

    with pytest.raises(PermissionDenied):
        create("fleets", people.team, people[name], "x", FLEET)
    with pytest.raises(PermissionDenied):
        replace(design, people[name], "y", FLEET)
    with pytest.raises(PermissionDenied):
        remove(design, people[name])
    assert Fleet.objects.get().version == 1


@pytest.mark.parametrize("identifier", ["00000000-0000-0000-0000-000000000000", "no id", ""])
def test_there_is_no_body_for_an_unknown_id(people: People, identifier: str) -> None:
    with pytest.raises(KeyError):
        body_for(people.team, "fleets", identifier)


def test_designs_of_other_teams_are_unknown(people: People) -> None:
    design = create("fleets", people.elsewhere, people["stranger"], "x", FLEET)
    with pytest.raises(KeyError):
        body_for(people.team, "fleets", str(design.pk))
