"""The people of a team, the invitations to it, and who did what in it."""

from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from ninja import Query, Router

from webapp.api.answers import answer, nothing
from webapp.api.bodies import envelope
from webapp.api.documents import IDEMPOTENCY_KEY, merged, takes_model
from webapp.api.gate import Request, team_for
from webapp.api.idempotency import idempotent
from webapp.api.pages import PageQuery, page
from webapp.api.problems import not_found
from webapp.api.shapes import Listing
from webapp.api.teamwork import (
    INVITATION,
    TRAIL,
    Invitation,
    InvitationBody,
    MemberBody,
    NewInvitation,
    TeamMember,
    TrailEntry,
)
from webapp.teams import invitations, members, models

router = Router(tags=["members"])


@router.get("/{slug:team}/members", response=list[TeamMember], summary="List members", operation_id="list_members")
def list_members(request: Request, team: str) -> HttpResponse:
    """Longest first."""
    rows = models.Membership.objects.filter(team=team_for(request, team)).select_related("user")
    return answer([_row(row) for row in rows.order_by("joined_at", "pk")])


@router.put(
    "/{slug:team}/members/{int:member_id}",
    response=TeamMember,
    summary="Change a member's role",
    operation_id="replace_member",
    openapi_extra=takes_model(MemberBody),
)
def replace_member(request: Request, team: str, member_id: int) -> HttpResponse:
    """The only owner cannot become anything else."""
    member = _member(request, team, member_id)
    members.change_role(member, request.auth.user, envelope(request, MemberBody).role)
    member.refresh_from_db()
    return answer(_row(member))


@router.delete(
    "/{slug:team}/members/{int:member_id}",
    response={204: None},
    summary="Remove a member",
    operation_id="remove_member",
)
def remove_member(request: Request, team: str, member_id: int) -> HttpResponse:
    """Open pages and sockets of that person stop at once, tokens of the team end. The only owner cannot be removed."""
    members.remove_member(_member(request, team, member_id), request.auth.user)
    return nothing()


@router.get(
    "/{slug:team}/invitations",
    response=Listing[Invitation],
    summary="List invitations",
    operation_id="list_invitations",
)
def list_invitations(request: Request, team: str, query: Query[PageQuery]) -> HttpResponse:
    """Used, revoked and expired ones too."""
    return page(request, models.Invitation.objects.filter(team=team_for(request, team)), query, INVITATION)


@router.post(
    "/{slug:team}/invitations",
    response={201: NewInvitation},
    summary="Create an invitation",
    operation_id="create_invitation",
    openapi_extra=merged(takes_model(InvitationBody), headers=(IDEMPOTENCY_KEY,)),
)
@idempotent(hidden="url")
def create_invitation(request: Request, team: str) -> HttpResponse:
    """Its address is in this answer and nowhere else."""
    found = team_for(request, team)
    sent = envelope(request, InvitationBody)
    invitation, secret = invitations.invite(
        found, request.auth.user, sent.role, expires_at=sent.expires_at, max_uses=sent.max_uses
    )
    url = request.build_absolute_uri(reverse("join", args=[secret]))
    return answer({**INVITATION.of(invitation), "url": url}, status=201)


@router.delete(
    "/{slug:team}/invitations/{uuid:invitation_id}",
    response={204: None},
    summary="Revoke an invitation",
    operation_id="revoke_invitation",
)
def revoke_invitation(request: Request, team: str, invitation_id: UUID) -> HttpResponse:
    """Nobody joins by it from now on; the list keeps it."""
    found = models.Invitation.objects.filter(team=team_for(request, team), pk=invitation_id).first()
    if found is None:
        raise not_found("invitation")
    invitations.revoke(found, request.auth.user)
    return nothing()


@router.get("/{slug:team}/trail", response=Listing[TrailEntry], summary="Read who did what", operation_id="list_trail")
def list_trail(request: Request, team: str, query: Query[PageQuery]) -> HttpResponse:
    """Newest first; lines are only ever added."""
    return page(request, models.TrailEntry.objects.filter(team=team_for(request, team)), query, TRAIL)


def _row(member: models.Membership) -> dict[str, object]:
    return {
        "id": member.pk,
        "email": member.user.email,
        "name": member.user.get_full_name(),
        "role": member.role,
        "joined_at": member.joined_at,
    }


def _member(request: Request, team: str, member_id: int) -> models.Membership:
    found = team_for(request, team)
    rows = models.Membership.objects.select_related("team", "user").filter(team=found)
    member = rows.filter(pk=member_id).first()
    if member is None:
        raise not_found("member")
    return member
