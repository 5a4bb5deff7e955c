"""``token create | list | revoke`` from the command line."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.webapp.api.client import Api
from tests.webapp.api.conftest import Lab
from webapp.teams.models import ApiToken


def token(*words: str) -> str:
    """What the command prints."""
    out = StringIO()
    call_command("token", *words, stdout=out)
    return out.getvalue()


def test_created_token_stands_alone_on_the_last_line_and_works(lab: Lab) -> None:
    secret = token("create", "--name", "ci").splitlines()[-1]
    assert Api(token=secret)("GET", "/runs").status_code == 200
    made = ApiToken.objects.get(name="ci")
    assert (made.user, made.team, made.expires_at) == (lab.users["owner"], lab.team, None)
    assert made.scopes == ["read", "run", "write"]


def test_person_team_scopes_and_days_can_be_named(lab: Lab) -> None:
    words = [
        "--user",
        "Stranger@example.org",
        "--team",
        "elsewhere",
        "--scopes",
        "read, admin",
        "--days",
        "1.5",
        "--json",
    ]
    printed: dict[str, Any] = json.loads(token("create", "--name", "ci", *words))
    made = ApiToken.objects.get(name="ci")
    assert Api(token=printed["secret"])("GET", "/experiments").status_code == 200
    assert (made.user, made.team, made.scopes) == (lab.users["stranger"], lab.elsewhere, ["read", "admin"])
    assert made.expires_at is not None
    assert (made.expires_at - made.created_at).total_seconds() == pytest.approx(1.5 * 86400, abs=5)


@pytest.mark.parametrize(
    "words",
    [
        ["create", "--name", "x", "--user", "nobody@example.org"],
        ["create", "--name", "x", "--team", "elsewhere"],
        ["create", "--name", "x", "--scopes", "fly"],
        ["create", "--name", " ", "--days", "-1"],
        ["revoke", "elm_unknown"],
    ],
)
def test_bad_input_ends_with_2_and_makes_nothing(words: list[str], lab: Lab) -> None:
    before = ApiToken.objects.count()
    with pytest.raises(CommandError) as caught:
        token(*words)
    assert caught.value.returncode == 2
    assert ApiToken.objects.count() == before


def test_listed_and_revoked_by_prefix(lab: Lab) -> None:
    secret = token("create", "--name", "short").splitlines()[-1]
    rows = {row["name"]: row for row in json.loads(token("list", "--json"))}
    assert rows["short"]["state"] == "active"
    assert secret.startswith(rows["short"]["prefix"])
    token("revoke", rows["short"]["prefix"])
    assert Api(token=secret)("GET", "/runs").json()["code"] == "token_revoked"
    assert "revoked" in token("list")
