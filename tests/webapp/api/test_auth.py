"""Tokens and sessions: how a caller is known, and what a refused one is told."""

from datetime import timedelta

import pytest
from django.test import Client, override_settings
from django.utils import timezone

from tests.webapp.api.client import ROOT, Api
from tests.webapp.api.conftest import Lab
from webapp.teams.models import ApiToken
from webapp.teams.tokens import issue_token, revoke_token


def refusal(api: Api, method: str = "GET", path: str = "/runs") -> tuple[int, str]:
    response = api(method, path)
    return response.status_code, response.json()["code"]


def test_without_credentials(db: None) -> None:
    response = Api()("GET", "/runs")
    assert (response.status_code, response.json()["code"]) == (401, "unauthenticated")
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert response["Content-Type"] == "application/problem+json"


def test_expired_revoked_and_unknown_tokens_say_so(lab: Lab) -> None:
    tomorrow = timezone.now() + timedelta(days=1)
    expired, expired_secret = issue_token(lab.users["owner"], lab.team, "old", expires_at=tomorrow)
    ApiToken.objects.filter(pk=expired.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    revoked, revoked_secret = issue_token(lab.users["owner"], lab.team, "gone")
    revoke_token(revoked)
    assert refusal(Api(token=expired_secret)) == (401, "token_expired")
    assert refusal(Api(token=revoked_secret)) == (401, "token_revoked")
    assert refusal(Api(token="elm_" + "x" * 43)) == (401, "token_unknown")
    detail = Api(token=expired_secret)("GET", "/runs").json()["detail"]
    assert expired.prefix in detail
    assert expired_secret not in detail


@pytest.mark.parametrize("header", ["Basic abc", "Bearer", "Bearer  ", "token"])
def test_other_schemes_are_refused(header: str, db: None) -> None:
    api = Api()
    api.headers = {"Authorization": header}
    assert refusal(api) == (401, "unauthenticated")


def test_a_bad_token_is_not_rescued_by_a_cookie(lab: Lab) -> None:
    api = lab.session("owner")
    api.headers = {"Authorization": "Bearer elm_wrong"}
    assert refusal(api) == (401, "token_unknown")


def test_scope_is_needed_even_by_an_owner(lab: Lab) -> None:
    _, secret = issue_token(lab.users["owner"], lab.team, "reader", scopes=["read"])
    response = Api(token=secret)("POST", "/fleets", {"name": "F", "body": {}})
    assert (response.status_code, response.json()["code"]) == (403, "insufficient_scope")
    assert "write" in response.json()["detail"]


def test_last_use_is_noted(lab: Lab) -> None:
    token, secret = issue_token(lab.users["viewer"], lab.team, "noted")
    assert token.last_used_at is None
    Api(token=secret).get("/runs")
    token.refresh_from_db()
    assert token.last_used_at is not None


def test_a_session_writes_only_with_the_csrf_token(lab: Lab) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(lab.users["editor"])
    body = {"name": "F", "body": {"groups": [{"name": "a", "device": "rpi_4b_4gb", "count": 1}]}}

    def post(**headers: str) -> int:
        return client.post(f"{ROOT}/fleets", body, content_type="application/json", headers=headers).status_code

    assert client.get(f"{ROOT}/fleets").status_code == 200
    assert post() == 403
    client.cookies["csrftoken"] = "a" * 32
    assert post(**{"X-CSRFToken": "b" * 32}) == 403
    assert post(**{"X-CSRFToken": "a" * 32}) == 201


def test_wrong_credentials_are_counted_per_address(lab: Lab) -> None:
    with override_settings(API_LIMITS={"refusals": 2}):
        answers = [refusal(Api(token="elm_guess"))[0] for _ in range(4)]
        assert answers == [401, 401, 429, 429]
        assert Api(token=lab.secrets["owner"])("GET", "/runs")["Retry-After"].isdigit()


def test_reads_and_writes_are_limited_per_person(lab: Lab) -> None:
    with override_settings(API_LIMITS={"reads": 2}):
        assert [lab.by("viewer")("GET", "/runs").status_code for _ in range(3)] == [200, 200, 429]
        assert lab.by("runner")("GET", "/runs").status_code == 200
