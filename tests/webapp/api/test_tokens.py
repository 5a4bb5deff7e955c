"""Tokens over REST: never more than what their maker may do, and revoked at once."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.webapp.api.client import Api, codes
from tests.webapp.api.conftest import Lab
from webapp.teams.models import ApiToken
from webapp.teams.tokens import issue_token


def test_new_token_works_and_is_shown_once(lab: Lab) -> None:
    response = lab.session("editor")("POST", "/tokens", {"name": "ci", "scopes": ["read", "write"]})
    made = response.json()
    assert response.status_code == 201
    assert made["secret"].startswith(made["prefix"])
    assert (made["team"], made["scopes"], made["expires_at"]) == ("lab", ["read", "write"], None)
    assert Api(token=made["secret"])("GET", "/fleets").status_code == 200
    stored = ApiToken.objects.get(pk=made["id"])
    assert made["secret"] not in {stored.hash, stored.name}
    assert all("secret" not in item for item in lab.session("editor").get("/tokens")["items"])


@pytest.mark.parametrize(("role", "scope"), [("viewer", "run"), ("runner", "write"), ("editor", "admin")])
def test_scopes_do_not_exceed_the_role(role: str, scope: str, lab: Lab) -> None:
    response = lab.session(role)("POST", "/tokens", {"name": "more", "scopes": ["read", scope]})
    assert (response.status_code, codes(response)) == (422, {"scopes": "not_allowed"})
    assert not ApiToken.objects.filter(name="more").exists()


def test_scopes_and_end_do_not_exceed_the_token_that_asks(lab: Lab) -> None:
    end = timezone.now() + timedelta(days=2)
    _, secret = issue_token(lab.users["owner"], lab.team, "maker", scopes=["read", "admin"], expires_at=end)
    api = Api(token=secret)
    later = (end + timedelta(days=1)).isoformat()
    refused = api("POST", "/tokens", {"name": "more", "scopes": ["write"], "expires_at": later})
    assert codes(refused) == {"scopes": "not_allowed", "expires_at": "not_allowed"}
    made = api("POST", "/tokens", {"name": "same", "scopes": ["read"]}).json()
    assert made["expires_at"] is not None  # takes over the end of its maker
    assert ApiToken.objects.get(pk=made["id"]).expires_at == end


def test_making_tokens_with_a_token_needs_admin(lab: Lab) -> None:
    response = lab.by("editor")("POST", "/tokens", {"name": "more", "scopes": ["read"]})
    assert (response.status_code, response.json()["code"]) == (403, "insufficient_scope")


def test_bad_tokens_are_refused_with_all_problems(lab: Lab) -> None:
    api = lab.session("owner")
    past = (timezone.now() - timedelta(seconds=1)).isoformat()
    assert set(codes(api("POST", "/tokens", {"name": " ", "scopes": ["fly"], "expires_at": past}))) == {
        "name", "scopes", "expires_at",
    }  # fmt: skip
    assert codes(api("POST", "/tokens", {"name": "x", "scopes": "read", "expires_at": "soon", "colour": 1})).keys() == {
        "scopes", "expires_at", "colour",
    }  # fmt: skip
    local_time = {"name": "x", "scopes": ["read"], "expires_at": "2999-01-01T00:00:00"}
    assert codes(api("POST", "/tokens", local_time)).keys() == {"expires_at"}
    assert api("POST", "/tokens", {"name": "x", "scopes": ["read"], "team": "elsewhere"}).status_code == 404


def test_revoked_token_is_refused_and_stays_listed(lab: Lab) -> None:
    api = lab.session("owner")
    made = api("POST", "/tokens", {"name": "short", "scopes": ["read"]}).json()
    assert api("DELETE", f"/tokens/{made['id']}").status_code == 204
    assert Api(token=made["secret"])("GET", "/runs").json()["code"] == "token_revoked"
    listed = {item["id"]: item for item in api.get("/tokens")["items"]}
    assert listed[made["id"]]["revoked_at"] is not None


def test_tokens_of_others_are_not_seen(lab: Lab) -> None:
    mine = {item["name"] for item in lab.session("owner").get("/tokens")["items"]}
    assert mine == {"owner's"}
    foreign = ApiToken.objects.get(user=lab.users["editor"])
    assert lab.session("owner")("DELETE", f"/tokens/{foreign.pk}").status_code == 404
    foreign.refresh_from_db()
    assert foreign.revoked_at is None
