"""Saved fleets, networks and tasks: made, read, edited without overwriting others, deleted."""

from typing import Any

import pytest

from tests.webapp.api.client import codes
from tests.webapp.api.conftest import Lab
from webapp.library.models import DESIGNS, Fleet

FLEET = {"groups": [{"name": "boards", "device": "rpi_4b_4gb", "count": 4}]}
NETWORK = {"topology": {"kind": "star"}, "links": {"default": "wifi4_linux"}}
TASK = {"kind": "federated", "dataset": {"kind": "digits"}, "rounds": 3}


@pytest.mark.parametrize(("family", "body"), [("fleets", FLEET), ("networks", NETWORK), ("tasks", TASK)])
def test_life_of_a_design(family: str, body: dict[str, Any], lab: Lab) -> None:
    api = lab.by("editor")
    made = api("POST", f"/{family}", {"name": "First", "body": body})
    assert made.status_code == 201
    assert made["ETag"] == '"1"'
    sent = made.json()
    assert (sent["name"], sent["body"], sent["version"], sent["team"]) == ("First", body, 1, "lab")
    assert sent["created_by"] == "editor@example.org"
    assert sent["created_at"].endswith("Z")
    path = f"/{family}/{sent['id']}"
    assert made["Location"] == "/api/v1" + path
    assert api.get(path) == sent
    replaced = api("PUT", path, {"name": "Second", "body": body}, headers={"If-Match": '"1"'})
    assert (replaced.status_code, replaced["ETag"], replaced.json()["name"]) == (200, '"2"', "Second")
    assert api("DELETE", path).status_code == 204
    assert api("GET", path).status_code == 404


def test_yaml_and_json_bodies_are_equal(lab: Lab) -> None:
    text = "name: Same\nbody:\n  groups:\n    - {name: boards, device: rpi_4b_4gb, count: 4}\n"
    api = lab.by("editor")
    made = [
        api("POST", "/fleets", text, media_type=media_type).json()["body"]
        for media_type in ("application/yaml", "text/yaml")
    ]
    made.append(api("POST", "/fleets", {"name": "Same", "body": FLEET}).json()["body"])
    assert made == [FLEET] * 3


def test_an_edit_of_an_old_version_is_refused(lab: Lab) -> None:
    fleet = Fleet.objects.create(team=lab.team, name="F", body=FLEET, version=3)
    api, path = lab.by("editor"), f"/fleets/{fleet.pk}"
    document = {"name": "G", "body": FLEET}
    missing = api("PUT", path, document)
    assert (missing.status_code, missing.json()["code"]) == (428, "version_required")
    old = api("PUT", path, document, headers={"If-Match": '"2"'})
    assert (old.status_code, old.json()["code"], old["ETag"]) == (412, "version_conflict", '"3"')
    assert api("DELETE", path, headers={"If-Match": '"2"'}).status_code == 412
    fleet.refresh_from_db()
    assert (fleet.name, fleet.version) == ("F", 3)
    assert api("PUT", path, document, headers={"If-Match": '"1", "3"'}).status_code == 200
    assert api("PUT", path, document, headers={"If-Match": "*"}).json()["version"] == 5


def test_unchanged_design_is_not_sent_again(lab: Lab) -> None:
    fleet = Fleet.objects.create(team=lab.team, name="F", body=FLEET)
    known = lab.by("viewer")("GET", f"/fleets/{fleet.pk}", headers={"If-None-Match": '"1"'})
    assert (known.status_code, known.content, known["ETag"]) == (304, b"", '"1"')
    assert lab.by("viewer")("GET", f"/fleets/{fleet.pk}", headers={"If-None-Match": '"0"'}).status_code == 200


def test_problems_stand_where_they_are_in_the_document(lab: Lab) -> None:
    body = {"groups": [{"name": "boards", "device": "no_such_board", "count": 0, "colour": "red"}]}
    response = lab.by("editor")("POST", "/fleets", {"name": "F", "body": body})
    assert response.status_code == 422
    found = codes(response)
    assert "body.groups.0.count" in found
    assert found["body.groups.0.colour"] == "unknown_field"
    assert any(path.startswith("body.groups.0.device") for path in found)
    assert not Fleet.objects.exists()


def test_envelope_is_strict(lab: Lab) -> None:
    response = lab.by("editor")("POST", "/fleets", {"nam": "F", "body": []})
    assert codes(response) == {"nam": "unknown_field", "name": "missing", "body": "dict_type"}
    assert codes(lab.by("editor")("POST", "/fleets", {"name": " ", "body": FLEET})) == {"name": "wrong_length"}


def test_sparse_fields(lab: Lab) -> None:
    fleet = Fleet.objects.create(team=lab.team, name="F", body=FLEET)
    assert lab.by("viewer").get(f"/fleets/{fleet.pk}", fields="name, version") == {"name": "F", "version": 1}
    assert lab.by("viewer").get("/fleets", fields="body")["items"] == [{"body": FLEET}]
    assert "body" not in lab.by("viewer").get("/fleets")["items"][0]


@pytest.mark.parametrize("family", list(DESIGNS))
def test_designs_of_one_family_are_not_found_in_another(family: str, lab: Lab) -> None:
    other = next(name for name in DESIGNS if name != family)
    design = DESIGNS[family].objects.create(team=lab.team, name="X", body={})
    assert lab.by("owner")("GET", f"/{other}/{design.pk}").status_code == 404
