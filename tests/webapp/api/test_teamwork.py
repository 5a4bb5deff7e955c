"""Teams, members, invitations, shared links, notes and versions over REST (who may is in ``test_access.py``)."""

from typing import Any

from django.test import Client

from tests.webapp.api.client import Api, codes
from tests.webapp.api.conftest import Lab
from webapp.experiments.models import Experiment, Run
from webapp.teams.models import Membership, TrailEntry

FLEET = {"groups": [{"name": "boards", "device": "rpi_4b_4gb", "count": 2}]}
LATER = "2999-01-01T00:00:00Z"


def test_a_link_is_made_opened_counted_and_ended(lab: Lab, experiment: Experiment) -> None:
    editor = lab.by("editor")
    body = {"experiment": str(experiment.pk), "scope": "runs", "name": "reviewers", "expires_at": LATER}
    key = {"Idempotency-Key": "one"}
    made = editor("POST", "/shares", body, headers=key).json()
    path = made["url"].removeprefix("http://testserver")
    assert Client().get(path).status_code == 200
    again = editor("POST", "/shares", body, headers=key).json()
    assert (again["id"], again["url"]) == (made["id"], None), "the address is not stored, not even for a repetition"
    (listed,) = lab.by("viewer").get("/shares", experiment=str(experiment.pk))["items"]
    assert (listed["num_views"], listed["name"], listed["scope"]) == (1, "reviewers", "runs")
    assert editor("DELETE", f"/shares/{made['id']}").status_code == 204
    assert Client().get(path).status_code == 410
    assert lab.by("viewer").get(f"/shares/{made['id']}")["revoked_at"] is not None


def test_wrong_links_are_refused_with_every_problem(lab: Lab, experiment: Experiment) -> None:
    body = {"experiment": str(experiment.pk), "scope": "all", "name": "x" * 81, "expires_at": "2000-01-01T00:00:00Z"}
    answer = lab.by("editor")("POST", "/shares", body)
    assert (answer.status_code, set(codes(answer))) == (422, {"scope", "name", "expires_at"})
    answer = lab.by("editor")("POST", "/shares", {"experiment": "nonsense"})
    assert (answer.status_code, set(codes(answer))) == (422, {"experiment"})


def test_a_team_is_made_renamed_and_its_people_managed(lab: Lab) -> None:
    made = lab.by("owner")("POST", "/teams", {"name": "Second lab"})
    assert (made.status_code, made.json()) == (201, {"slug": "second-lab", "name": "Second lab", "role": "owner"})
    assert lab.by("owner")("GET", "/teams/second-lab").status_code == 404, "a token reaches its own team only"
    assert lab.by("owner")("PUT", "/teams/lab", {"name": "The lab"}).json()["name"] == "The lab"
    people = {row["email"]: row for row in lab.by("viewer").get("/teams/lab/members")}
    viewer = people["viewer@example.org"]["id"]
    answer = lab.by("owner")("PUT", f"/teams/lab/members/{viewer}", {"role": "editor"})
    assert answer.json()["role"] == "editor"
    answer = lab.by("owner")("PUT", f"/teams/lab/members/{viewer}", {"role": "king"})
    assert codes(answer) == {"role": "unknown_role"}
    last = people["owner@example.org"]["id"]
    for method, body in (("PUT", {"role": "viewer"}), ("DELETE", None)):
        answer = lab.by("owner")(method, f"/teams/lab/members/{last}", body)
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert lab.by("owner")("DELETE", f"/teams/lab/members/{viewer}").status_code == 204
    assert lab.by("viewer")("GET", "/runs").json()["code"] == "token_revoked"
    assert lab.by("owner")("DELETE", f"/teams/lab/members/{10**30}").status_code == 404
    trail = lab.by("owner").get("/teams/lab/trail")["items"]
    actions = [line["action"] for line in trail if not line["action"].startswith("token.")]
    assert actions == ["member.remove", "member.role", "team.rename"]


def test_an_invitation_is_made_used_and_ended(lab: Lab) -> None:
    owner = lab.by("owner")
    body = {"role": "runner", "expires_at": LATER, "max_uses": 2}
    made = owner("POST", "/teams/lab/invitations", body).json()
    path = made["url"].removeprefix("http://testserver")
    joined = Client().post(path, {"email": "new@example.org", "password": "a long enough secret"})
    assert joined.status_code == 302
    (listed,) = owner.get("/teams/lab/invitations")["items"]
    assert (listed["num_uses"], listed["role"], listed["max_uses"]) == (1, "runner", 2)
    assert Membership.objects.get(user__email="new@example.org").role == "runner"
    assert owner("DELETE", f"/teams/lab/invitations/{made['id']}").status_code == 204
    assert Client().get(path).status_code == 410
    answer = owner("POST", "/teams/lab/invitations", {**body, "max_uses": 0})
    assert codes(answer) == {"max_uses": "out_of_range"}


def test_leaving_ends_the_token_that_asked_for_it(lab: Lab) -> None:
    lab.team.memberships.create(user=lab.users["stranger"], role="owner")
    assert lab.by("owner")("POST", "/teams/lab/leave").status_code == 204
    assert lab.by("owner")("GET", "/teams/lab").json()["code"] == "token_revoked"


def test_notes_are_written_read_changed_and_deleted(lab: Lab, run: Run) -> None:
    made = lab.by("runner")("POST", f"/runs/{run.pk}/notes", {"text": "Odd in round 3"})
    note = made.json()
    assert (note["author"], note["text"], note["edited_at"]) == ("runner@example.org", "Odd in round 3", None)
    assert lab.by("viewer").get(f"/runs/{run.pk}/notes")["items"] == [note]
    assert lab.by("editor")("PUT", f"/notes/{note['id']}", {"text": "Mine"}).status_code == 403
    changed = lab.by("runner")("PUT", f"/notes/{note['id']}", {"text": "Fine"}).json()
    assert changed["edited_at"] is not None
    assert codes(lab.by("runner")("PUT", f"/notes/{note['id']}", {"text": " "})) == {"text": "wrong_length"}
    assert lab.by("owner")("DELETE", f"/notes/{note['id']}").status_code == 204
    assert lab.by("viewer").get(f"/runs/{run.pk}/notes")["items"] == []


def test_versions_and_copies_of_a_design(lab: Lab) -> None:
    editor: Api = lab.by("editor")
    made: Any = editor("POST", "/fleets", {"name": "One", "body": FLEET}).json()
    place = f"/fleets/{made['id']}"
    editor("PUT", place, {"name": "Two", "body": FLEET}, headers={"If-Match": '"1"'})
    listed = lab.by("viewer").get(f"{place}/versions")["items"]
    assert [(row["number"], row["name"], row["author"]) for row in listed] == [
        (2, "Two", "editor@example.org"),
        (1, "One", "editor@example.org"),
    ]
    assert lab.by("viewer").get(f"{place}/versions/1")["body"] == FLEET
    stale = editor("POST", f"{place}/versions/1/restore", headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "version_conflict")
    restored = editor("POST", f"{place}/versions/1/restore", headers={"If-Match": '"2"'})
    assert (restored.json()["name"], restored.json()["version"], restored["ETag"]) == ("One", 3, '"3"')
    for number in (9, 10**30):
        assert editor("POST", f"{place}/versions/{number}/restore").status_code == 404
    copy = editor("POST", f"{place}/clone").json()
    assert (copy["name"], copy["body"], copy["version"]) == ("Copy of One", FLEET, 1)
    assert TrailEntry.objects.filter(action="fleet.create").count() == 2
