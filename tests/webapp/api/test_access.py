"""Every operation, called by everybody: who may, who may not, and who must not even learn that there is something."""

import re
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver

from tests.webapp.api.client import Api
from tests.webapp.api.conftest import FLEET, SPEC, Lab
from tests.webapp.trained.weights import DATASET, MODEL
from webapp.api.access import ACCESS, MOUNT, ROLE_SCOPES, Rule
from webapp.api.application import openapi_document
from webapp.api.urls import urlpatterns
from webapp.experiments.models import Experiment
from webapp.teams.models import Role
from webapp.teams.tokens import issue_token

BODIES: dict[str, dict[str, Any]] = {
    "fleets": {"name": "F", "body": FLEET},
    "networks": {"name": "N", "body": {"topology": {"kind": "star"}}},
    "tasks": {"name": "T", "body": {"kind": "federated", "dataset": {"kind": "digits"}}},
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
            "/teams/{team}/invitations": {"role": "runner", "expires_at": "2999-01-01T00:00:00Z"},
            "/shares": {"experiment": targets["experiment_id"], "scope": "runs"},
            "/runs/{run_id}/notes": {"text": "Seen"},
            "/notes/{note_id}": {"text": "Seen again"},
            "/networks/import": {"name": "N", "data": "source,target\nserver,device 1\n"},
            "/datasets/{dataset_id}": {"name": "Renamed"},
            "/datasets": {"name": "D", "kind": "arrays", "sha256": "a" * 64, "size_bytes": 10},
            "/models": {"name": "M", "sha256": "a" * 64, "size_bytes": 10, "model": MODEL, "dataset": DATASET},
            "/runs/{run_id}/recost": {"bandwidth": 0.5},
            "/plans": {"spec": {"fleet": {}, "task": {"kind": "inference", "dataset": {"kind": "digits"}}}},
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


@pytest.mark.slow
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
        elif path == "/trash/{item_id}/restore" and role == "owner":
            assert status == 404  # the editor before has brought it back
        else:
            assert status in {200, 201, 204, 409}, role


@pytest.mark.slow
@pytest.mark.parametrize(("method", "path", "rule"), OPERATIONS)
def test_role_counts_even_if_the_token_claims_more(
    method: str, path: str, rule: Rule, lab: Lab, targets: dict[str, str]
) -> None:
    _, secret = issue_token(lab.users["viewer"], lab.team, "too much", scopes=["read", "run", "write", "admin"])
    status = call(Api(token=secret), method, path, targets)
    if rule.level in {"viewer", "signed_in"}:
        assert status in {200, 201, 204, 404, 409}
    else:
        assert status == 403


@pytest.mark.slow
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
