"""The first workspace, accounts, and the command for them."""

import io

import pytest
from django.core.management import CommandError, call_command

from engine.core.errors import SpecError
from webapp.teams.models import Membership, Team, User
from webapp.teams.services import create_user, first_owner, seed_workspace, set_password

pytestmark = pytest.mark.django_db


def test_seeding_is_idempotent_and_leaves_a_used_platform_alone() -> None:
    owner = seed_workspace()
    assert seed_workspace() == owner == first_owner()
    assert (User.objects.count(), Team.objects.count(), Membership.objects.count()) == (1, 1, 1)

    Team.objects.update(name="Renamed")
    owner.email = "me@example.org"
    owner.save()
    assert seed_workspace().email == "me@example.org"
    assert Team.objects.get().name == "Renamed"


def test_an_address_is_unique_whatever_its_case() -> None:
    team = Team.objects.create(slug="lab", name="Lab")
    create_user("Ada@Example.org", "a long enough secret", team=team)

    with pytest.raises(SpecError, match="already"):
        create_user("ada@EXAMPLE.ORG", "a long enough secret", team=team)
    assert User.objects.get().email == "ada@example.org"


def test_all_that_is_wrong_with_an_account_is_said_at_once() -> None:
    team = Team.objects.create(slug="lab", name="Lab")

    with pytest.raises(SpecError) as caught:
        create_user("no address", "short", team=team, role="king")

    assert {problem.path for problem in caught.value.problems} == {"email", "password", "role"}
    assert not User.objects.exists()


def test_set_password_refuses_weak_ones() -> None:
    user = seed_workspace()
    with pytest.raises(SpecError):
        set_password(user, "password")
    set_password(user, "a long enough secret")
    assert User.objects.get().check_password("a long enough secret")


def test_the_command_makes_accounts_and_sets_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    output = io.StringIO()
    monkeypatch.setattr("sys.stdin", io.StringIO("first long secret\n"))
    call_command("user", "create", "ada@example.org", "--role", "runner", stdout=output)
    monkeypatch.setattr("sys.stdin", io.StringIO("second long secret\n"))
    call_command("user", "password", "ADA@example.org", "--password-stdin", stdout=output)

    user = User.objects.get(email="ada@example.org")
    assert user.check_password("second long secret")
    assert Membership.objects.get(user=user).role == "runner"
    assert Membership.objects.get(user=user).team == Team.objects.get(slug="workspace")
    assert "can sign in" in output.getvalue()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["create", "nonsense"], "name@example.org"),
        (["create", "ada@example.org", "--team", "none"], "no team 'none'"),
        (["password", "nobody@example.org"], "no account"),
    ],
)
def test_the_command_refuses_bad_input_with_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], complaint: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("a long enough secret\n"))
    with pytest.raises(CommandError, match=complaint) as caught:
        call_command("user", *arguments)
    assert caught.value.returncode == 2
