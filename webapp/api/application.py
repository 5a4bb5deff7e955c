"""The API object: all operations behind the gate, everything that goes wrong a problem."""

import functools
from typing import Any

from ninja import NinjaAPI

from engine.fleet.catalogue import devices
from webapp.api import openapi, problems
from webapp.api.gate import Gate
from webapp.api.parameters import checked
from webapp.api.routes import (
    artifacts,
    catalogue,
    comparisons,
    datasets,
    exchange,
    experiments,
    members,
    models,
    notes,
    plans,
    previews,
    recosting,
    rounds,
    runs,
    shares,
    specs,
    system,
    teams,
    tokens,
    trash,
)
from webapp.api.routes.designs import design_router

DESCRIPTION = """\
Everything that the pages do: fleets, networks and tasks, experiments and their runs, live events and results.

- Send `Authorization: Bearer <token>`. A token belongs to one person and one team, has scopes and may expire.
- Bodies are YAML or JSON. Specs go through the same door as files and forms; all problems are listed at once.
- What goes wrong is an `application/problem+json` (RFC 9457) with a `code` and `errors: [{path, code, message}]`.
- Lists are newest first; follow `next` with `cursor`. `fields` limits what is answered.
- Creates take an `Idempotency-Key`, edits an `If-Match`. Times are RFC 3339 in UTC, quantities in SI units.
"""


def make_api() -> NinjaAPI:
    """The API with all its operations."""
    api = NinjaAPI(
        title="Edgeloom",
        version="1",
        description=DESCRIPTION,
        urls_namespace="api",
        auth=Gate(),
        openapi_url=None,
        docs_url=None,
    )
    problems.register(api)
    api.add_decorator(checked)
    for family in ("fleets", "networks", "tasks"):
        api.add_router(f"/{family}", design_router(family), url_name_prefix=family)
    api.add_router("/networks", exchange.router)
    api.add_router("/datasets", datasets.router)
    api.add_router("/models", models.router)
    api.add_router("", previews.router)
    api.add_router("/experiments", experiments.router)
    api.add_router("/runs", runs.router)
    api.add_router("/runs", recosting.router)
    api.add_router("/runs", rounds.router)
    api.add_router("/artifacts", artifacts.router)
    api.add_router("/catalogue", catalogue.router)
    api.add_router("", specs.router)
    api.add_router("", plans.router)
    api.add_router("", comparisons.router)
    api.add_router("/system", system.router)
    api.add_router("/trash", trash.router)
    api.add_router("/tokens", tokens.router)
    api.add_router("/teams", teams.router)
    api.add_router("/teams", members.router)
    api.add_router("/shares", shares.router)
    api.add_router("", notes.router)
    return api


api = make_api()


def openapi_document() -> dict[str, Any]:
    """The OpenAPI document."""
    return _document(tuple(devices()))


@functools.lru_cache(maxsize=2)
def _document(_devices: tuple[str, ...]) -> dict[str, Any]:
    """Made anew when devices were added; members of registries do not change while the process lives."""
    return openapi.document(api)
