"""Members, invitations and the trail: who may, what ends with a membership, and that a team keeps an owner."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.utils import timezone

from engine.core.errors import SpecError
from tests.webapp.people import People
from webapp import broker
from webapp.teams import invitations, members
from webapp.teams.access import role_of
from webapp.teams.models import Invitation, Membership, Role, Team, TrailEntry, User
from webapp.teams.tokens import issue_token, resolve_token

PASSWORD = "a long enough secret"


@pytest.fixture
def rechecks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A line for every time that all sockets were told to look again."""
    found: list[str] = []
    monkeypatch.setattr(broker, "recheck", lambda: found.append("recheck"))
    return found


def membership(people: People, name: str) -> Membership:
    return Membership.objects.select_related("team", "user").get(team=people.team, user=people[name])


def invite(people: People, role: str = Role.RUNNER, **more: Any) -> tuple[Invitation, str]:
    more.setdefault("expires_at", timezone.now() + timedelta(days=1))
    return invitations.invite(people.team, people["owner"], role, **more)


def trail(people: People) -> list[tuple[str, str, str]]:
    rows = TrailEntry.objects.filter(team=people.team).order_by("created_at")
    return [(row.actor, row.action, row.subject) for row in rows]


def test_a_removed_member_loses_sockets_tokens_and_waiting_invitations_for_good(
    people: People, rechecks: list[str], django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    members.change_role(membership(people, "editor"), people["owner"], Role.OWNER)
    _, secret = issue_token(people["editor"], people.team, "nightly")
    waiting, link = invitations.invite(
        people.team, people["editor"], Role.OWNER, expires_at=timezone.now() + timedelta(days=1)
    )
    with django_capture_on_commit_callbacks(execute=True):
        members.remove_member(membership(people, "editor"), people["owner"])

    assert rechecks == ["recheck"]
    assert role_of(people["editor"], people.team) is None
    assert resolve_token(secret) is None
    waiting.refresh_from_db()
    assert not waiting.is_open
    with pytest.raises(invitations.InvitationEnded):
        invitations.join(invitations.find_invitation(link), people["editor"])
    Membership.objects.create(team=people.team, user=people["editor"], role=Role.VIEWER)
    assert resolve_token(secret) is None, "a token must not come back with its owner"


def test_the_last_owner_stays(people: People) -> None:
    owner = membership(people, "owner")
    for refused in (
        lambda: members.remove_member(owner, people["owner"]),
        lambda: members.change_role(owner, people["owner"], Role.EDITOR),
    ):
        with pytest.raises(members.LastOwner, match="only owner"):
            refused()
    members.change_role(membership(people, "editor"), people["owner"], Role.OWNER)
    people["editor"].is_active = False
    people["editor"].save()
    with pytest.raises(members.LastOwner):
        members.remove_member(owner, people["owner"])
    people["editor"].is_active = True
    people["editor"].save()
    members.remove_member(owner, people["owner"])
    assert members.is_last_owner(membership(people, "editor"))


@pytest.mark.parametrize("name", ["viewer", "runner", "editor", "stranger"])
def test_only_owners_manage(people: People, name: str) -> None:
    other = membership(people, "viewer" if name != "viewer" else "runner")
    tomorrow = timezone.now() + timedelta(days=1)
    invitation, _ = invite(people)
    for refused in (
        lambda: members.change_role(other, people[name], Role.OWNER),
        lambda: members.remove_member(other, people[name]),
        lambda: members.rename_team(people.team, people[name], "Mine"),
        lambda: invitations.invite(people.team, people[name], Role.OWNER, expires_at=tomorrow),
        lambda: invitations.revoke(invitation, people[name]),
    ):
        with pytest.raises(PermissionDenied):
            refused()


def test_everybody_may_leave(people: People) -> None:
    for name in ("viewer", "runner", "editor"):
        members.remove_member(membership(people, name), people[name])
        assert role_of(people[name], people.team) is None


def test_only_the_hash_of_an_invitation_is_stored_and_it_counts(people: People) -> None:
    invitation, secret = invite(people, max_uses=2)
    assert secret not in str(Invitation.objects.filter(pk=invitation.pk).values().get())
    for number in (1, 2):
        user = invitations.sign_up(invitations.find_invitation(secret), f"new{number}@example.org", PASSWORD)
        assert role_of(user, people.team) == Role.RUNNER
    with pytest.raises(invitations.InvitationEnded):
        invitations.join(invitations.find_invitation(secret), people["stranger"])
    assert role_of(people["stranger"], people.team) is None


def test_a_member_who_follows_a_link_uses_nothing_up_and_keeps_the_role(people: People) -> None:
    invitation, _ = invite(people, Role.OWNER)
    assert invitations.join(invitation, people["viewer"]).role == Role.VIEWER
    invitation.refresh_from_db()
    assert invitation.num_uses == 0


@pytest.mark.parametrize("end", ["revoked", "expired"])
def test_an_ended_invitation_lets_nobody_in(people: People, end: str) -> None:
    invitation, secret = invite(people)
    if end == "revoked":
        invitations.revoke(invitation, people["owner"])
    else:
        Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(invitations.InvitationEnded):
        invitations.join(invitation, people["stranger"])
    answer = Client().post(f"/join/{secret}/", {"email": "new@example.org", "password": PASSWORD})
    assert answer.status_code == 410
    assert not User.objects.filter(email="new@example.org").exists()


def test_a_refused_sign_up_uses_nothing_up(people: People) -> None:
    _, secret = invite(people)
    answer = Client().post(f"/join/{secret}/", {"email": "viewer@example.org", "password": "short"})
    assert answer.status_code == 422
    assert "already" in answer.content.decode()
    assert Invitation.objects.get().num_uses == 0


def test_all_that_is_wrong_with_an_invitation_is_said_at_once(people: People) -> None:
    with pytest.raises(SpecError) as caught:
        invite(people, "king", max_uses=0, expires_at=timezone.now() - timedelta(days=1))
    assert {problem.path for problem in caught.value.problems} == {"role", "max_uses", "expires_at"}


def test_an_invitation_page_signs_up_and_in(people: People) -> None:
    _, secret = invite(people, Role.EDITOR)
    client = Client()
    page = client.get(f"/join/{secret}/")
    assert "Join Lab" in page.content.decode()
    assert page["Referrer-Policy"] == "same-origin"
    assert "no-store" in page["Cache-Control"]
    answer = client.post(f"/join/{secret}/", {"email": "New@example.org", "password": PASSWORD}, follow=True)
    assert "You are in Lab now." in answer.content.decode()
    assert role_of(User.objects.get(email="new@example.org"), people.team) == Role.EDITOR
    assert Client().get(f"/join/{secret}/").status_code == 410


def test_an_account_from_elsewhere_joins_and_works_there(people: People, client_of: Callable[[str], Client]) -> None:
    _, secret = invite(people)
    client = client_of("stranger")
    assert "Join as stranger@example.org" in client.get(f"/join/{secret}/").content.decode()
    assert "<h1>Lab</h1>" in client.post(f"/join/{secret}/", follow=True).content.decode()
    assert role_of(people["stranger"], people.team) == Role.RUNNER


def test_a_team_is_made_switched_to_and_left(people: People, client_of: Callable[[str], Client]) -> None:
    client = client_of("viewer")
    client.post("/team/new", {"name": "  Edge & loom  "})
    team = Team.objects.get(name="Edge & loom")
    assert (team.slug, role_of(people["viewer"], team)) == ("edge-loom", Role.OWNER)
    assert "<h1>Edge &amp; loom</h1>" in client.get("/team/").content.decode()
    client.post("/account/team/", {"team": str(people.team.pk)})
    assert "<h1>Lab</h1>" in client.get("/team/").content.decode()
    assert client.post("/team/new", {"name": " "}).status_code == 422
    second = members.create_team(people["viewer"], "Edge loom")
    assert second.slug.startswith("edge-loom-")
    left = client.post(f"/team/members/{membership(people, 'viewer').pk}/remove", follow=True)
    assert "You left Lab." in left.content.decode()
    assert client.post("/account/team/", {"team": str(people.team.pk)}).status_code == 404


def test_who_is_in_no_team_can_make_one(people: People, client_of: Callable[[str], Client]) -> None:
    Membership.objects.filter(user=people["viewer"]).delete()
    client = client_of("viewer")
    assert client.get("/team/new").status_code == 200
    assert "<h1>Mine</h1>" in client.post("/team/new", {"name": "Mine"}, follow=True).content.decode()


def test_an_owner_changes_roles_on_the_page(people: People, client_of: Callable[[str], Client]) -> None:
    client, viewer = client_of("owner"), membership(people, "viewer")
    client.post(f"/team/members/{viewer.pk}/role", {"role": "editor"})
    assert role_of(people["viewer"], people.team) == Role.EDITOR
    said = client.post(f"/team/members/{viewer.pk}/role", {"role": "king"}, follow=True).content.decode()
    assert "Roles are viewer, runner, editor, owner" in said
    own = membership(people, "owner")
    assert "the only owner" in client.get(f"/team/members/{own.pk}/remove").content.decode()
    assert client_of("editor").post(f"/team/members/{viewer.pk}/role", {"role": "owner"}).status_code == 403


def test_the_trail_says_who_did_what_and_only_grows(people: People) -> None:
    invitation, _ = invite(people)
    members.change_role(membership(people, "viewer"), people["owner"], Role.RUNNER)
    members.remove_member(membership(people, "runner"), people["runner"])
    invitations.revoke(invitation, people["owner"])
    invitations.revoke(invitation, people["owner"])
    assert trail(people) == [
        ("owner@example.org", "invitation.create", "runner, for 1"),
        ("owner@example.org", "member.role", "viewer@example.org: viewer to runner"),
        ("runner@example.org", "member.leave", "runner@example.org"),
        ("owner@example.org", "invitation.revoke", "runner"),
    ]
    for change in (lambda: TrailEntry.objects.update(actor="me"), lambda: TrailEntry.objects.all().delete()):
        with pytest.raises(TypeError):
            change()
    entry = TrailEntry.objects.first()
    assert entry is not None
    for change in (entry.save, entry.delete):
        with pytest.raises(TypeError):
            change()
    assert len(trail(people)) == 4
