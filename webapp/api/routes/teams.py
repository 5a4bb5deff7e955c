"""The teams that you are in."""

from django.http import HttpResponse
from ninja import Router

from webapp.api.answers import answer, nothing
from webapp.api.bodies import envelope
from webapp.api.documents import IDEMPOTENCY_KEY, merged, takes_model
from webapp.api.gate import Request, team_for
from webapp.api.idempotency import idempotent
from webapp.api.resources import Team
from webapp.api.teamwork import TeamBody
from webapp.teams import members, models
from webapp.teams.access import role_of

router = Router(tags=["teams"])


@router.get("", response=list[Team], summary="List your teams", operation_id="list_teams")
def list_teams(request: Request) -> HttpResponse:
    """With your role in each; with a token, the one that it reaches."""
    mine = models.Membership.objects.filter(user=request.auth.user, team__in=request.auth.teams())
    rows = mine.order_by("team__name").values_list("team__slug", "team__name", "role")
    return answer([{"slug": slug, "name": name, "role": role} for slug, name, role in rows])


@router.post(
    "",
    response={201: Team},
    summary="Create a team",
    operation_id="create_team",
    openapi_extra=merged(takes_model(TeamBody), headers=(IDEMPOTENCY_KEY,)),
)
@idempotent()
def create_team(request: Request) -> HttpResponse:
    """You are its owner. A token reaches only the team that it was made for, so not this one."""
    team = members.create_team(request.auth.user, envelope(request, TeamBody).name)
    return answer(_row(request, team), status=201, headers={"Location": f"{request.path}/{team.slug}"})


@router.get("/{slug:team}", response=Team, summary="Get a team", operation_id="get_team")
def get_team(request: Request, team: str) -> HttpResponse:
    """With your role in it."""
    return answer(_row(request, team_for(request, team)))


@router.put(
    "/{slug:team}",
    response=Team,
    summary="Rename a team",
    operation_id="replace_team",
    openapi_extra=takes_model(TeamBody),
)
def replace_team(request: Request, team: str) -> HttpResponse:
    """Its slug stays, so addresses go on working."""
    found = team_for(request, team)
    members.rename_team(found, request.auth.user, envelope(request, TeamBody).name)
    return answer(_row(request, found))


@router.post("/{slug:team}/leave", response={204: None}, summary="Leave a team", operation_id="leave_team")
def leave_team(request: Request, team: str) -> HttpResponse:
    """Your tokens of the team end with it. The only owner cannot leave."""
    found = team_for(request, team)
    members.remove_member(models.Membership.objects.get(team=found, user=request.auth.user), request.auth.user)
    return nothing()


def _row(request: Request, team: models.Team) -> dict[str, object]:
    return {"slug": team.slug, "name": team.name, "role": role_of(request.auth.user, team)}
