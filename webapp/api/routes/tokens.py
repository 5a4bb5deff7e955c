"""Your own bearer tokens."""

from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from ninja import Query, Router

from engine.core.errors import Problem
from webapp.api.access import ROLE_SCOPES, SCOPES
from webapp.api.answers import answer, nothing, rfc3339
from webapp.api.bodies import envelope
from webapp.api.documents import IDEMPOTENCY_KEY, merged, takes_model
from webapp.api.gate import Request, team_for
from webapp.api.idempotency import idempotent
from webapp.api.pages import PageQuery, page
from webapp.api.problems import ApiProblem, not_found
from webapp.api.resources import TOKEN, NewToken, Token, TokenBody
from webapp.api.shapes import Listing
from webapp.teams.access import role_of
from webapp.teams.models import ApiToken, Team
from webapp.teams.tokens import issue_token, revoke_token

router = Router(tags=["tokens"])


@router.get("", response=Listing[Token], summary="List your tokens", operation_id="list_tokens")
def list_tokens(request: Request, query: Query[PageQuery]) -> HttpResponse:
    """Revoked and expired ones too. Asked with a token, those of its team."""
    return page(request, _mine(request), query, TOKEN)


@router.post(
    "",
    response={201: NewToken},
    summary="Create a token",
    operation_id="create_token",
    openapi_extra=merged(takes_model(TokenBody), headers=(IDEMPOTENCY_KEY,)),
)
@idempotent(hidden="secret")
def create_token(request: Request) -> HttpResponse:
    """Its secret is in this answer and nowhere else."""
    sent = envelope(request, TokenBody)
    team = team_for(request, sent.team)
    problems = _beyond(request, team, sent)
    if problems:
        raise ApiProblem("invalid_parameters", "The token would exceed what you may do.", errors=problems)
    expires_at = sent.expires_at or _own_end(request)
    token, secret = issue_token(request.auth.user, team, sent.name, scopes=sent.scopes, expires_at=expires_at)
    return answer({**TOKEN.of(token), "secret": secret}, status=201)


@router.delete("/{uuid:token_id}", response={204: None}, summary="Revoke a token", operation_id="revoke_token")
def delete_token(request: Request, token_id: UUID) -> HttpResponse:
    """It is refused from now on; the list keeps it with the time of its end."""
    token = _mine(request).filter(pk=token_id).first()
    if token is None:
        raise not_found("token of yours")
    revoke_token(token)
    return nothing()


def _mine(request: Request) -> QuerySet[ApiToken]:
    caller = request.auth
    mine = ApiToken.objects.filter(user=caller.user)
    return mine if caller.token is None else mine.filter(team=caller.token.team_id)


def _beyond(request: Request, team: Team, sent: TokenBody) -> list[Problem]:
    caller = request.auth
    allowed = ROLE_SCOPES[role_of(caller.user, team) or "viewer"]
    if caller.token is not None:
        allowed &= frozenset(caller.token.scopes)
    held = ", ".join(scope for scope in SCOPES if scope in allowed)
    problems = [
        Problem("scopes", "not_allowed", f"the scope {scope} is more than you may give; you may give {held}")
        for scope in sorted(set(sent.scopes) & set(SCOPES) - allowed)
    ]
    end = _own_end(request)
    if end is not None and sent.expires_at is not None and sent.expires_at > end:
        message = f"a token made with a token ends no later than that one, {rfc3339(end)}"
        problems.append(Problem("expires_at", "not_allowed", message))
    return problems


def _own_end(request: Request) -> datetime | None:
    return request.auth.token.expires_at if request.auth.token else None
