"""API tokens and one-time sign-in links."""

from datetime import timedelta

import pytest
from django.utils import timezone

from engine.core.errors import SpecError
from tests.webapp.people import People
from webapp.teams.models import ApiToken, Membership, SignInLink
from webapp.teams.tokens import (
    consume_sign_in_link,
    issue_sign_in_link,
    issue_token,
    resolve_token,
    revoke_token,
)


def test_only_the_hash_of_a_token_is_stored(people: People) -> None:
    token, secret = issue_token(people["runner"], people.team, "nightly")

    stored = ApiToken.objects.filter(pk=token.pk).values().get()
    assert secret not in str(stored)
    assert secret.startswith(stored["prefix"])
    assert len(stored["prefix"]) < len(secret) / 3
    found = resolve_token(secret)
    assert found is not None
    assert (found.user, found.team, found.scopes) == (people["runner"], people.team, ["read", "run", "write"])


def test_a_token_ends_when_it_is_revoked_expires_or_its_user_leaves(people: People) -> None:
    revoked, first = issue_token(people["runner"], people.team, "one")
    revoke_token(revoked)
    expired, second = issue_token(people["runner"], people.team, "two", expires_at=timezone.now() + timedelta(hours=1))
    ApiToken.objects.filter(pk=expired.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    _, third = issue_token(people["editor"], people.team, "three")
    Membership.objects.filter(user=people["editor"]).delete()

    assert [resolve_token(secret) for secret in (first, second, third, "elm_guess", "")] == [None] * 5


def test_all_that_is_wrong_with_a_token_is_said_at_once(people: People) -> None:
    with pytest.raises(SpecError) as caught:
        issue_token(
            people["stranger"],
            people.team,
            " ",
            scopes=["read", "everything"],
            expires_at=timezone.now() - timedelta(days=1),
        )

    assert {problem.path for problem in caught.value.problems} == {"name", "scopes", "expires_at", "team"}
    assert "everything" in str(caught.value)
    assert not ApiToken.objects.exists()


def test_a_sign_in_link_works_once(people: People) -> None:
    secret = issue_sign_in_link(people["owner"])

    assert SignInLink.objects.get().hash != secret
    assert consume_sign_in_link(secret) == people["owner"]
    assert consume_sign_in_link(secret) is None


def test_a_sign_in_link_expires(people: People) -> None:
    secret = issue_sign_in_link(people["owner"])
    SignInLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    assert consume_sign_in_link(secret) is None
