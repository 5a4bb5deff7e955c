"""Every operation, called by everybody: who may, who may not, and who must not even learn that there is something."""

import hashlib
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver
from django.utils import timezone

from tests.webapp.api.client import Api
from tests.webapp.api.conftest import SPEC, Lab
from tests.webapp.datasets.conftest import images
from webapp.api.access import ACCESS, MOUNT, ROLE_SCOPES, Rule
from webapp.api.application import openapi_document
from webapp.api.urls import urlpatterns
from webapp.datasets import services as datasets
from webapp.experiments.files import keep
from webapp.experiments.models import Artifact, Experiment, Run
from webapp.library.models import Fleet, Network, Task
from webapp.library.versions import keep_version
from webapp.notes.models import Note
from webapp.sharing.services import share
from webapp.teams.invitations import invite
from webapp.teams.models import Role, User
from webapp.teams.tokens import issue_token

FLEET = {"groups": [{"name": "boards", "device": "rpi_4b_4gb", "count": 2}]}
BODIES: dict[str, dict[str, Any]] = {
    "fleets": {"name": "F", "body": FLEET},
    "networks": {"name": "N", "body": {"topology": {"kind": "star"}}},
    "tasks": {"name": "T", "body": {"kind": "federated", "dataset": {"kind": "digits"}}},
}


@pytest.fixture
def targets(lab: Lab, experiment: Experiment, run: Run, tmp_path: Path) -> dict[str, str]:
    """Something of the lab for every placeholder of a path."""
    sha256 = keep(b"weights")
    Artifact.objects.create(
        team=lab.team, run=run, sha256=sha256, name="w.bin", media_type="x/y", size_bytes=7, path=sha256
    )
    fleet = Fleet.objects.create(team=lab.team, name="F", body=FLEET)
    network = Network.objects.create(team=lab.team, name="N", body={})
    task = Task.objects.create(
        team=lab.team, name="T", body={"kind": "federated", "dataset": {"kind": "digits"}, "model": {"kind": "mlp"}}
    )
    token, _ = issue_token(lab.users["owner"], lab.team, "spare")
    spare = lab.team.memberships.create(user=User.objects.create_user("spare@example.org"), role=Role.VIEWER)
    tomorrow = timezone.now() + timedelta(days=1)
    invitation, _ = invite(lab.team, lab.users["owner"], Role.VIEWER, expires_at=tomorrow)
    shared, _ = share(experiment, lab.users["editor"], "summary")
    note = Note.objects.create(team=lab.team, run=run, text="Look here", author=lab.users["runner"])
    for design in (fleet, network, task):
        keep_version(design, lab.users["editor"])
    data = images(tmp_path)
    sent = datasets.Announcement("Cats", "image_folder", hashlib.sha256(data).hexdigest(), len(data))
    upload = datasets.announce(lab.team, lab.users["editor"], sent)
    datasets.put_part(upload, lab.users["editor"], 0, data)
    datasets.complete(upload, lab.users["editor"])
    return {
        "dataset_id": str(upload.pk),
        "task_id": str(task.pk),
        "team": lab.team.slug,
        "member_id": str(spare.pk),
        "invitation_id": str(invitation.pk),
        "share_id": str(shared.pk),
        "note_id": str(note.pk),
        "number": "1",
        "fleets": str(fleet.pk),
        "networks": str(network.pk),
        "tasks": str(task.pk),
        "experiment_id": str(experiment.pk),
        "run_id": str(run.pk),
        "sha256": sha256,
        "family": "strategies",
        "kind": "fedavg",
        "token_id": str(token.pk),
    }


def address(path: str, targets: dict[str, str]) -> str:
    """The path with its placeholders filled."""
    family = path.split("/")[1]
    return re.sub(r"\{(\w+)\}", lambda match: targets.get(match[1]) or targets[family], path)


def call(api: Api, method: str, path: str, targets: dict[str, str]) -> int:
    """The status of a call that is right in itself."""
    family = path.split("/")[1]
    headers = {"If-Match": "*"} if method == "PUT" else {}
    body: Any = None
    if method in {"POST", "PUT"}:
        body = BODIES.get(family)
    if method == "POST" and path in {"/experiments", "/estimates"}:
        body = SPEC
    if path == "/tokens" and method == "POST":
        body = {"name": "another", "scopes": ["read"]}
    if method in {"POST", "PUT"}:
        body = {
            "/teams": {"name": "A new team"},
            "/teams/{team}": {"name": "Renamed"},
            "/teams/{team}/members/{member_id}": {"role": "runner"},
        elif path == "/trash/{item_id}/restore" and role == "owner":
            assert status == 404  # the editor before has brought it back
            "/teams/{team}/invitations": {"role": "runner", "expires_at": "2999-01-01T00:00:00Z"},
            "/shares": {"experiment": targets["experiment_id"], "scope": "runs"},
            "/runs/{run_id}/notes": {"text": "Seen"},
            "/notes/{note_id}": {"text": "Seen again"},
            "/datasets": {"name": "D", "kind": "arrays", "sha256": "a" * 64, "size_bytes": 10},
            "/previews": {"part": "model", "task": {"dataset": {"kind": "digits"}, "model": {"kind": "mlp"}}},
        }.get(path, body)
    query = {"/compare": {"cells": targets["experiment_id"]}, "/tasks/{task_id}/preview": {"part": "model"}}.get(path)
    more = {"media_type": "application/octet-stream"} if "/parts/" in path else {}
    body = b"part" if more else body
    return api(method, address(path, targets), body, headers=headers, query=query, **more).status_code


def test_every_route_has_a_rule_and_every_rule_a_route() -> None:
    routed = set()
    assert isinstance(urlpatterns[0], URLResolver)
    for pattern in urlpatterns[0].url_patterns:
        assert isinstance(pattern, URLPattern)
        if pattern.name in {"nowhere", "openapi", "docs"}:
            continue
        path = "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", str(pattern.pattern))
        methods = openapi_document()["paths"][f"/{MOUNT}".rstrip("/") + path]
        routed |= {(method.upper(), path) for method in methods}
    ruled = {key for key, rule in ACCESS.items() if rule.level != "public"}
    assert routed == ruled


def granted(rule: Rule, role: str) -> bool:
    """Whether a member of that role may, with a token that holds all scopes of the role."""
    assert rule.scope is not None
    if rule.scope not in ROLE_SCOPES[role]:
        return False
    return rule.level == "signed_in" or Role.values.index(role) >= Role.values.index(rule.level)


OPERATIONS = [
    pytest.param(method, path, rule, id=f"{method} {path}")
    for (method, path), rule in ACCESS.items()
    if rule.level != "public"
]


@pytest.mark.parametrize(("method", "path", "rule"), OPERATIONS)
def test_operation_answers_to_those_who_may(
    method: str, path: str, rule: Rule, lab: Lab, targets: dict[str, str]
) -> None:
    assert call(Api(), method, path, targets) == 401
    stranger = call(lab.by("stranger"), method, path, targets)
    if "_id" in path or "sha256" in path or "{team}" in path:
        assert stranger == 404
    for role in Role.values:  # from the lowest: what a higher role does may remove what a lower one asked for
        status = call(lab.by(role), method, path, targets)
        if path == "/tokens/{token_id}" and role != "owner":
            assert status in {403, 404}  # tokens are personal, whatever the role
        elif not granted(rule, role):
            assert status == 403, role
        elif path == "/notes/{note_id}" and method != "GET" and role != "runner":
            assert status in {403, 404}  # a runner wrote the note, and has deleted it before the others came
        elif method == "DELETE" and role == "owner" and rule.level == "editor" and "share" not in path:
            assert status == 404  # the editor before has deleted it; a link stays in the list
        else:
            assert status in {200, 201, 204, 409}, role


@pytest.mark.parametrize(("method", "path", "rule"), OPERATIONS)
def test_role_counts_even_if_the_token_claims_more(
    method: str, path: str, rule: Rule, lab: Lab, targets: dict[str, str]
) -> None:
    _, secret = issue_token(lab.users["viewer"], lab.team, "too much", scopes=["read", "run", "write", "admin"])
    status = call(Api(token=secret), method, path, targets)
    if rule.level in {"viewer", "signed_in"}:
        assert status in {200, 201, 204, 404}
    else:
        assert status == 403


@pytest.mark.parametrize("path", ["/fleets", "/networks", "/tasks", "/experiments", "/runs", "/artifacts", "/teams"])
def test_lists_hold_nothing_of_other_teams(path: str, lab: Lab, targets: dict[str, str]) -> None:
    def number(api: Api) -> int:
        found = api.get(path)
        return len(found if isinstance(found, list) else found["items"])

    assert number(lab.by("viewer")) >= 1
    assert number(lab.by("stranger")) == (1 if path == "/teams" else 0)


def test_token_reaches_only_its_team(lab: Lab, experiment: Experiment) -> None:
    editor = lab.users["editor"]
    lab.elsewhere.memberships.create(user=editor, role=Role.OWNER)
    _, secret = issue_token(editor, lab.elsewhere, "elsewhere")
    assert Api(token=secret)("GET", f"/experiments/{experiment.pk}").status_code == 404
    assert Api(token=secret)("POST", "/fleets", BODIES["fleets"], query={"team": "lab"}).status_code == 404
    both = Api(user=editor)
    assert {team["slug"] for team in both.get("/teams")} == {"lab", "elsewhere"}
    assert both.get("/experiments", team="lab")["items"][0]["id"] == str(experiment.pk)
    assert both.get("/experiments", team="elsewhere")["items"] == []


def test_whoever_leaves_the_team_loses_access(lab: Lab, experiment: Experiment) -> None:
    lab.team.memberships.filter(user=lab.users["viewer"]).delete()
    response = lab.by("viewer")("GET", "/experiments")
    assert (response.status_code, response.json()["code"]) == (401, "token_unknown")
    assert lab.session("viewer")("GET", f"/experiments/{experiment.pk}").status_code == 404
