"""The history of saved fleets, networks and tasks: copies, versions, and an old one made new again."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from ninja import Query, Router

from webapp.api.answers import answer
from webapp.api.documents import IDEMPOTENCY_KEY, IF_MATCH, merged
from webapp.api.filters import FieldsQuery
from webapp.api.gate import Request, find
from webapp.api.idempotency import idempotent
from webapp.api.pages import PageQuery, page
from webapp.api.problems import not_found
from webapp.api.resources import DESIGN, Design
from webapp.api.shapes import Listing
from webapp.api.teamwork import VERSION, DesignVersion
from webapp.api.versions import etag_of, expected_version
from webapp.library import services
from webapp.library.models import DESIGNS
from webapp.teams.access import TeamQuerySet


def add_history(router: Router, family: str) -> None:
    """Add the operations to the router of a family."""
    _add_clone(router, family)
    _add_versions(router, family)
    _add_restore(router, family)


def _design(request: Request, family: str, design_id: UUID) -> Any:
    found: TeamQuerySet[Any] = DESIGNS[family].objects.all()
    return find(request, found, DESIGNS[family].part, pk=design_id)


def _add_clone(router: Router, family: str) -> None:
    part = DESIGNS[family].part

    @router.post(
        "/{uuid:design_id}/clone",
        response={201: Design},
        summary=f"Clone a {part}",
        operation_id=f"clone_{part}",
        openapi_extra=merged(headers=(IDEMPOTENCY_KEY,)),
    )
    @idempotent()
    def clone_design(request: Request, design_id: UUID) -> HttpResponse:
        """A copy with a history of its own; no body is needed."""
        copy = services.clone(_design(request, family, design_id), request.auth.user)
        headers = {"ETag": etag_of(copy.version), "Location": f"/api/v1/{family}/{copy.pk}"}
        return answer(DESIGN.of(copy), status=201, headers=headers)


def _add_versions(router: Router, family: str) -> None:
    part = DESIGNS[family].part

    @router.get(
        "/{uuid:design_id}/versions",
        response=Listing[DesignVersion],
        summary=f"List the versions of a {part}",
        operation_id=f"list_{part}_versions",
    )
    def list_versions(request: Request, design_id: UUID, query: Query[PageQuery]) -> HttpResponse:
        """Newest first; every save keeps one."""
        return page(request, _design(request, family, design_id).versions.all(), query, VERSION)

    @router.get(
        "/{uuid:design_id}/versions/{int:number}",
        response=DesignVersion,
        summary=f"Get a version of a {part}",
        operation_id=f"get_{part}_version",
    )
    def get_version(request: Request, design_id: UUID, number: int, query: Query[FieldsQuery]) -> HttpResponse:
        version = _design(request, family, design_id).versions.filter(number=number).first()
        if version is None:
            raise not_found(f"version {number}")
        return answer(VERSION.of(version, query.fields))


def _add_restore(router: Router, family: str) -> None:
    part = DESIGNS[family].part

    @router.post(
        "/{uuid:design_id}/versions/{int:number}/restore",
        response=Design,
        summary=f"Restore a version of a {part}",
        operation_id=f"restore_{part}_version",
        openapi_extra=merged(headers=(IF_MATCH,)),
    )
    def restore_version(request: Request, design_id: UUID, number: int) -> HttpResponse:
        """Its name and body are saved again as the newest version; nothing in between is lost."""
        design = _design(request, family, design_id)
        expected = expected_version(request, design.version, required=False)
        try:
            services.restore(design, number, request.auth.user, expected_version=expected)
        except KeyError:
            raise not_found(f"version {number}") from None
        return answer(DESIGN.of(design), headers={"ETag": etag_of(design.version)})
