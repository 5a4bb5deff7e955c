"""schemathesis against the whole API as in ``test_contract``, with many requests, and one for every boundary."""

from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as examples

from tests.webapp.api.conftest import Lab
from tests.webapp.api.test_contract import _quiet, check, people, schema_of

__all__ = ["_quiet"]  # a fixture that works by being here

pytestmark = [pytest.mark.django_db, pytest.mark.full]

api = schema_of(has_boundaries=True)


@people
@api.parametrize()  # type: ignore[untyped-decorator]
@examples(max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_every_answer_to_every_boundary_is_documented(case: Any, who: str, lab: Lab, targets: dict[str, str]) -> None:
    check(case, who, lab, targets)
