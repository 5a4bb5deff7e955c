"""Read-only links to experiments, for people without an account."""

from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from ninja import Query, Router
from pydantic import Field

from webapp.api.answers import answer, nothing
from webapp.api.bodies import envelope
from webapp.api.documents import IDEMPOTENCY_KEY, merged, takes_model
from webapp.api.filters import FieldsQuery
from webapp.api.gate import Request, find
from webapp.api.idempotency import idempotent
from webapp.api.pages import PageQuery, page
from webapp.api.shapes import Listing
from webapp.api.teamwork import SHARE, NewShare, Share, ShareBody
from webapp.experiments.models import Experiment
from webapp.sharing import models, services

router = Router(tags=["shares"])


class ShareQuery(PageQuery):
    """Filters of shared links."""

    team: str | None = Field(None, description="Slug of a team; all of yours without.")
    experiment: UUID | None = Field(None, description="To this experiment.")


@router.get("", response=Listing[Share], summary="List shared links", operation_id="list_shares")
def list_shares(request: Request, query: Query[ShareQuery]) -> HttpResponse:
    """Ended and expired ones too."""
    found = request.auth.visible(models.Share.objects.all())
    if query.team is not None:
        found = found.filter(team__slug=query.team)
    if query.experiment is not None:
        found = found.filter(experiment=query.experiment)
    return page(request, found, query, SHARE)


@router.post(
    "",
    response={201: NewShare},
    summary="Share an experiment",
    operation_id="create_share",
    openapi_extra=merged(takes_model(ShareBody), headers=(IDEMPOTENCY_KEY,)),
)
@idempotent(hidden="url")
def create_share(request: Request) -> HttpResponse:
    """The address is in this answer and nowhere else. It opens without signing in, shows this experiment as far as its
    scope goes, and reaches nothing else.
    """
    sent = envelope(request, ShareBody)
    experiment = find(request, Experiment.objects.all(), "experiment", pk=sent.experiment)
    shared, secret = services.share(
        experiment, request.auth.user, sent.scope, name=sent.name, expires_at=sent.expires_at
    )
    url = request.build_absolute_uri(reverse("shared-experiment", args=[secret]))
    headers = {"Location": f"{request.path}/{shared.pk}"}
    return answer({**SHARE.of(shared), "url": url}, status=201, headers=headers)


@router.get("/{uuid:share_id}", response=Share, summary="Get a shared link", operation_id="get_share")
def get_share(request: Request, share_id: UUID, query: Query[FieldsQuery]) -> HttpResponse:
    """With how often it was opened."""
    return answer(SHARE.of(_find(request, share_id), query.fields))


@router.delete("/{uuid:share_id}", response={204: None}, summary="End a shared link", operation_id="revoke_share")
def delete_share(request: Request, share_id: UUID) -> HttpResponse:
    """It shows nothing from now on; the list keeps it."""
    services.revoke(_find(request, share_id), request.auth.user)
    return nothing()


def _find(request: Request, share_id: UUID) -> models.Share:
    return find(request, models.Share.objects.select_related("experiment"), "shared link", pk=share_id)
