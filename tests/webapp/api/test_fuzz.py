"""Whatever is sent, the answer is a documented one below 500 and refused input is not stored."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from engine.specs.text import load
from tests.webapp.api.conftest import SPEC, Lab
from webapp.experiments.models import Experiment
from webapp.library.models import Fleet, Network, Task
from webapp.teams.models import ApiToken

PATHS = ["/networks/import", "/experiments", "/estimates", "/fleets", "/networks", "/tasks", "/tokens"]
TREES = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=12),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
BODIES = (
    some.binary(max_size=60)
    | some.text(max_size=60).map(str.encode)
    | TREES.map(lambda tree: json.dumps(tree).encode())
)

pytestmark = pytest.mark.django_db


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(path=some.sampled_from(PATHS), body=BODIES)
def test_any_body(path: str, body: bytes, lab: Lab) -> None:
    response = lab.by("owner")("POST", path, body)
    assert 400 <= response.status_code < 500
    assert not any(model.objects.exists() for model in (Experiment, Fleet, Network, Task))
    assert ApiToken.objects.count() == 5


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(data=some.data(), value=TREES)
def test_a_spec_with_one_place_changed(data: some.DataObject, value: Any, lab: Lab) -> None:
    tree = load(SPEC)
    place: Any = tree
    while True:
        key = data.draw(some.sampled_from(list(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(some.booleans()):
            break
        place = place[key]
    place[key] = value
    response = lab.by("runner")("POST", "/estimates", json.dumps(tree))
    assert response.status_code in {200, 422}


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(
    path=some.sampled_from(["/runs", "/experiments", "/fleets", "/tokens", "/artifacts"]),
    query=some.dictionaries(
        some.sampled_from(
            ["cursor", "limit", "fields", "team", "text", "state", "seed", "parent", "created_after", "run"]
        ),
        some.text(max_size=20),
        max_size=3,
    ),
)
def test_any_parameters(path: str, query: dict[str, str], lab: Lab) -> None:
    assert lab.by("viewer")("GET", path, query=query).status_code in {200, 400, 422}
