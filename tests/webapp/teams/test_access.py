"""Roles, visibility and the current team."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client

from tests.webapp.people import People
from webapp.library.models import Fleet
from webapp.teams.access import at_least, role_of, teams_of
from webapp.teams.models import Membership, Role


@pytest.mark.parametrize(
    ("holder", "allowed"),
    [
        ("viewer", {"viewer"}),
        ("runner", {"viewer", "runner"}),
        ("editor", {"viewer", "runner", "editor"}),
        ("owner", {"viewer", "runner", "editor", "owner"}),
        ("stranger", set()),
    ],
)
def test_each_role_may_what_lower_ones_may(people: People, holder: str, allowed: set[str]) -> None:
    assert {role for role in Role.values if at_least(people[holder], people.team, role)} == allowed


def test_nobody_sees_rows_of_foreign_teams(people: People) -> None:
    Fleet.objects.create(team=people.team, name="ours", body={})
    Fleet.objects.create(team=people.elsewhere, name="theirs", body={})

    assert [fleet.name for fleet in Fleet.objects.visible_to(people["viewer"])] == ["ours"]
    assert [fleet.name for fleet in Fleet.objects.visible_to(people["stranger"])] == ["theirs"]
    assert not Fleet.objects.visible_to(AnonymousUser()).exists()


def test_a_deactivated_user_sees_and_may_nothing(people: People) -> None:
    Fleet.objects.create(team=people.team, name="ours", body={})
    owner = people["owner"]
    owner.is_active = False

    assert not Fleet.objects.visible_to(owner).exists()
    assert role_of(owner, people.team) is None
    assert not teams_of(owner).exists()


def test_a_member_of_two_teams_sees_rows_once(people: People) -> None:
    Membership.objects.create(team=people.elsewhere, user=people["viewer"], role=Role.EDITOR)
    Fleet.objects.create(team=people.team, name="ours", body={})

    assert Fleet.objects.visible_to(people["viewer"]).count() == 1


def test_nobody_signs_up_by_themselves(people: People) -> None:
    from allauth.account.adapter import get_adapter
    from django.test import RequestFactory

    assert get_adapter().is_open_for_signup(RequestFactory().get("/")) is False


def test_passwords_sign_in_by_address_whatever_its_case(people: People) -> None:
    people["editor"].set_password("correct horse battery")
    people["editor"].save()

    assert Client().login(email="editor@example.org", password="correct horse battery")
    from django.contrib.auth import authenticate
    from django.test import RequestFactory

    request = RequestFactory().post("/accounts/login/")
    assert authenticate(request, email="Editor@Example.ORG", password="correct horse battery") == people["editor"]
    assert authenticate(request, email="editor@example.org", password="wrong") is None
