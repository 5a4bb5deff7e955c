"""Saved fleets, networks and tasks: the same five operations for each family."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from ninja import Query, Router

from engine.core.errors import SpecError
from webapp.api.answers import answer, nothing, unchanged
from webapp.api.bodies import envelope
from webapp.api.documents import IDEMPOTENCY_KEY, IF_MATCH, IF_NONE_MATCH, merged, reference, takes
from webapp.api.filters import DesignQuery, FieldsQuery, TeamQuery, by_name
from webapp.api.gate import Request, find, team_for
from webapp.api.idempotency import idempotent
from webapp.api.pages import page
from webapp.api.resources import DESIGN, Design, DesignBody
from webapp.api.routes.versions import add_history
from webapp.api.shapes import Listing
from webapp.api.versions import etag_of, expected_version, is_known
from webapp.library import services
from webapp.library.models import DESIGNS
from webapp.teams.access import TeamQuerySet


@contextmanager
def placed_in_body(part: str) -> Iterator[None]:
    """Give the problems of a block the paths that they have in the document which was sent.

    Raises:
        SpecError: the block has problems.
    """
    try:
        yield
    except SpecError as error:
        raise SpecError(replace(one, path=_placed(one.path, part)) for one in error.problems) from error


def _placed(path: str, part: str) -> str:
    if path == "name":
        return path
    inner = path.removeprefix(part).removeprefix(".") if path == part or path.startswith(f"{part}.") else path
    return f"body.{inner}".rstrip(".")


def design_router(family: str) -> Router:
    """The operations on the saved designs of one family: ``fleets``, ``networks`` or ``tasks``."""
    router = Router(tags=[family])
    _add_reading(router, family)
    _add_creating(router, family)
    _add_changing(router, family)
    add_history(router, family)
    return router


def _all(family: str) -> TeamQuerySet[Any]:
    return DESIGNS[family].objects.all()


def _add_reading(router: Router, family: str) -> None:
    model = DESIGNS[family]

    @router.get("", response=Listing[Design], summary=f"List {family}", operation_id=f"list_{family}")
    def list_designs(request: Request, query: Query[DesignQuery]) -> HttpResponse:
        return page(request, by_name(request.auth.visible(_all(family)), query), query, DESIGN)

    extra = merged(headers=(IF_NONE_MATCH,))

    @router.get(
        "/{uuid:design_id}",
        response=Design,
        summary=f"Get a {model.part}",
        operation_id=f"get_{model.part}",
        openapi_extra=extra,
    )
    def get_design(request: Request, design_id: UUID, query: Query[FieldsQuery]) -> HttpResponse:
        design = find(request, _all(family), model.part, pk=design_id)
        etag = etag_of(design.version)
        if is_known(request, etag):
            return unchanged(etag)
        return answer(DESIGN.of(design, query.fields), headers={"ETag": etag})


def _add_creating(router: Router, family: str) -> None:
    part = DESIGNS[family].part

    @router.post(
        "",
        response={201: Design},
        summary=f"Create a {part}",
        operation_id=f"create_{part}",
        openapi_extra=merged(takes(reference(f"{part.capitalize()}Body")), headers=(IDEMPOTENCY_KEY,)),
    )
    @idempotent()
    def create_design(request: Request, query: Query[TeamQuery]) -> HttpResponse:
        team = team_for(request, query.team)
        sent = envelope(request, DesignBody)
        with placed_in_body(part):
            design = services.create(family, team, request.auth.user, sent.name, sent.body)
        headers = {"ETag": etag_of(design.version), "Location": f"{request.path}/{design.pk}"}
        return answer(DESIGN.of(design), status=201, headers=headers)


def _add_changing(router: Router, family: str) -> None:
    part = DESIGNS[family].part

    @router.put(
        "/{uuid:design_id}",
        response=Design,
        summary=f"Replace a {part}",
        operation_id=f"replace_{part}",
        openapi_extra=merged(takes(reference(f"{part.capitalize()}Body")), headers=(IF_MATCH,)),
    )
    def replace_design(request: Request, design_id: UUID) -> HttpResponse:
        design = find(request, _all(family), part, pk=design_id)
        expected = expected_version(request, design.version, required=True)
        sent = envelope(request, DesignBody)
        with placed_in_body(part):
            design = services.replace(design, request.auth.user, sent.name, sent.body, expected_version=expected)
        return answer(DESIGN.of(design), headers={"ETag": etag_of(design.version)})

    @router.delete(
        "/{uuid:design_id}",
        response={204: None},
        summary=f"Delete a {part}",
        operation_id=f"delete_{part}",
        openapi_extra=merged(headers=(IF_MATCH,)),
    )
    def delete_design(request: Request, design_id: UUID) -> HttpResponse:
        """Experiments made from it keep what they took over; only the saved block goes."""
        design = find(request, _all(family), part, pk=design_id)
        expected_version(request, design.version, required=False)
        services.remove(design, request.auth.user)
        return nothing()
