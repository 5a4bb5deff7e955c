"""The teams that you are in."""

from django.http import HttpResponse
from ninja import Router

from webapp.api.answers import answer
from webapp.api.gate import Request
from webapp.api.resources import Team
from webapp.teams.models import Membership

router = Router(tags=["teams"])


@router.get("", response=list[Team], summary="List your teams", operation_id="list_teams")
def list_teams(request: Request) -> HttpResponse:
    """With your role in each; with a token, the one that it reaches."""
    mine = Membership.objects.filter(user=request.auth.user, team__in=request.auth.teams())
    rows = mine.order_by("team__name").values_list("team__slug", "team__name", "role")
    return answer([{"slug": slug, "name": name, "role": role} for slug, name, role in rows])
