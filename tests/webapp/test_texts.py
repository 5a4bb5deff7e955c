"""How large a spec may be on the web, and where large estimates are made."""

import json
import time
from typing import Any

import pytest

from engine.core.errors import SpecError
from tests.webapp.api.client import Api
from tests.webapp.people import People
from tests.webapp.rows import TEXT
from webapp.experiments import engine_process, services
from webapp.teams.tokens import issue_token
from webapp.texts import byte_limit, tree_of

YAML_LIMIT, JSON_LIMIT = 256 * 1024, 1024 * 1024


def test_a_large_text_must_be_json_from_end_to_end() -> None:
    large = json.dumps({"name": "x" * YAML_LIMIT})
    assert byte_limit("name: x") == YAML_LIMIT
    assert byte_limit(large) == byte_limit(large.encode()) == JSON_LIMIT
    assert byte_limit(f"{large}]") == YAML_LIMIT, "it would be read as YAML"
    assert byte_limit(b"\xff" * (YAML_LIMIT + 1)) == YAML_LIMIT
    assert byte_limit(json.dumps("x" * JSON_LIMIT)) == YAML_LIMIT


def test_a_large_yaml_is_refused_at_once(people: People) -> None:
    _, token = issue_token(people["runner"], people.team, "runs", scopes=["read", "run", "write"])
    api, text = Api(token=token), TEXT + "#" + "x" * YAML_LIMIT
    began = time.process_time()
    for path in ("/experiments", "/estimates"):
        answer = api("POST", path, text)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert time.process_time() - began < 10.0


def test_what_would_be_stored_has_a_limit_too(people: People, settings: Any) -> None:
    settings.SPEC_YAML_BYTES = 500
    with pytest.raises(SpecError, match="with everything by value") as caught:
        services.submit(people.team, people["runner"], json.dumps(tree_of(TEXT)))
    assert caught.value.problems[0].code == "too_large"


def test_a_stored_text_is_read_once_and_nobody_changes_it_for_others() -> None:
    tree_of(TEXT)["seeds"].append(5)
    assert tree_of(TEXT)["seeds"] == [0]


@pytest.mark.slow
def test_a_process_of_its_own_estimates_the_same(settings: Any, people: People) -> None:
    here = services.estimate(TEXT, people.team)
    settings.ESTIMATE_AT_ONCE = 1
    assert services.estimate(TEXT, people.team) == here


def test_an_estimate_that_takes_too_long_is_refused(settings: Any, people: People) -> None:
    settings.ESTIMATE_AT_ONCE, settings.ESTIMATE_LIMIT_S = 1, 0.01
    with pytest.raises(SpecError, match="takes over"):
        services.estimate(TEXT, people.team)
    assert engine_process._SLOTS.acquire(blocking=False), "the slot is free again"
    engine_process._SLOTS.release()
