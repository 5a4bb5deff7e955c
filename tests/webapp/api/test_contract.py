"""schemathesis against the whole API, in this process: whatever is sent, the answer is one that the document announces.

As an editor of the team that owns everything there is, and as a stranger, who must not reach any of it.
"""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck
from hypothesis import settings as examples
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.webapp.api.conftest import Lab
from webapp.api.application import openapi_document

CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
ALL_TEAMS_SEE = ("/catalogue/",)

pytestmark = pytest.mark.django_db


def schema_of(*, has_boundaries: bool) -> Any:
    """The API's document as schemathesis reads it.

    Args:
        has_boundaries: beside random requests, one for every boundary of every field.
    """
    schema = schemathesis.openapi.from_dict(json.loads(json.dumps(openapi_document())))
    schema.app = get_wsgi_application()
    schema.config.generation.update(with_security_parameters=False, deterministic=True)
    schema.config.phases.coverage.enabled = has_boundaries
    return schema


api = schema_of(has_boundaries=False)
people = pytest.mark.parametrize("who", ["editor", "stranger"])
turns = itertools.count()


@pytest.fixture(autouse=True)
def _quiet(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Files go into a folder of the test, and nobody asks too often."""
    monkeypatch.setenv("EDGELOOM_HOME", str(tmp_path))
    settings.EDGELOOM_HOME = tmp_path
    settings.ARTIFACTS_FOLDER, settings.UPLOADS_FOLDER = tmp_path / "artifacts", tmp_path / "uploads"
    settings.API_LIMITS = {"reads": 10**9, "writes": 10**9, "refusals": 10**9}
    # A request through WSGI would close the connection that holds the test's transaction.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def check(case: Any, who: str, lab: Lab, targets: dict[str, str]) -> None:
    """Send a request, look at the answer, and undo what it did."""
    # An id that was made up is nobody's, so every second request asks for something that is there.
    is_there = bool(case.path_parameters) and next(turns) % 2 == 0
    if is_there:
        family = case.path.removeprefix("/api/v1/").partition("/")[0]
        for name in case.path_parameters:
            case.path_parameters[name] = targets.get(name) or targets[family]
    headers = {"Authorization": f"Bearer {lab.secrets[who]}"}
    with transaction.atomic():
        response = case.call(base_url="http://localhost", headers=headers)
        transaction.set_rollback(True)
    case.validate_response(response, checks=CHECKS, headers=headers)
    if who == "stranger" and is_there and not any(part in case.path for part in ALL_TEAMS_SEE):
        assert response.status_code >= 400, "a stranger reached it"


@pytest.mark.slow
@people
@api.parametrize()  # type: ignore[untyped-decorator]  # schemas are Any here: schemathesis gives no type of theirs
@examples(max_examples=6, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_documented(case: Any, who: str, lab: Lab, targets: dict[str, str]) -> None:
    check(case, who, lab, targets)
