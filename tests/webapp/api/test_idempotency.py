"""A create that is sent twice with one Idempotency-Key is done once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from tests.webapp.api.client import Api
from tests.webapp.api.conftest import SPEC, Lab
from webapp.api.models import IdempotentAnswer
from webapp.experiments.models import Experiment
from webapp.library.models import Fleet
from webapp.teams.models import ApiToken

FLEET = {"name": "F", "body": {"groups": [{"name": "boards", "device": "rpi_4b_4gb", "count": 4}]}}
KEY = {"Idempotency-Key": "k-1"}


def test_repeated_create_gets_the_same_answer(lab: Lab) -> None:
    first, second = (lab.by("editor")("POST", "/fleets", FLEET, headers=KEY) for _ in range(2))
    assert (second.status_code, second.content) == (201, first.content)
    assert (second["ETag"], second["Location"]) == (first["ETag"], first["Location"])
    assert second["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first
    assert Fleet.objects.count() == 1


def test_experiments_too(lab: Lab) -> None:
    first, second = (lab.by("runner")("POST", "/experiments", SPEC, headers=KEY) for _ in range(2))
    assert first.json()["id"] == second.json()["id"]
    assert Experiment.objects.count() == 1


def test_another_body_with_the_key_is_a_conflict(lab: Lab) -> None:
    api = lab.by("editor")
    api("POST", "/fleets", FLEET, headers=KEY)
    for response in (
        api("POST", "/fleets", {**FLEET, "name": "G"}, headers=KEY),
        api("POST", "/networks", {"name": "N", "body": {}}, headers=KEY),
        api("POST", "/fleets", FLEET, headers=KEY, query={"team": "lab"}),
    ):
        assert (response.status_code, response.json()["code"]) == (409, "idempotency_conflict")
    assert Fleet.objects.count() == 1


def test_keys_belong_to_people(lab: Lab) -> None:
    lab.by("editor")("POST", "/fleets", FLEET, headers=KEY)
    assert lab.by("owner")("POST", "/fleets", FLEET, headers=KEY).status_code == 201
    assert Fleet.objects.count() == 2


def test_a_refused_create_leaves_the_key_free(lab: Lab) -> None:
    api = lab.by("editor")
    assert api("POST", "/fleets", {"name": "", "body": {}}, headers=KEY).status_code == 422
    assert not IdempotentAnswer.objects.exists()
    assert api("POST", "/fleets", FLEET, headers=KEY).status_code == 201


def test_keys_are_forgotten_after_a_day(lab: Lab) -> None:
    lab.by("editor")("POST", "/fleets", FLEET, headers=KEY)
    IdempotentAnswer.objects.update(created_at=timezone.now() - timedelta(days=1, seconds=1))
    lab.by("editor")("POST", "/fleets", FLEET, headers=KEY)
    assert Fleet.objects.count() == 2


def test_the_secret_of_a_token_is_not_kept(lab: Lab) -> None:
    body = {"name": "ci", "scopes": ["read"]}
    first = lab.by("owner")("POST", "/tokens", body, headers=KEY).json()
    second = lab.by("owner")("POST", "/tokens", body, headers=KEY).json()
    assert second == {**first, "secret": None}
    assert first["secret"].encode() not in bytes(IdempotentAnswer.objects.get().body)
    assert Api(token=first["secret"])("GET", "/runs").status_code == 200
    assert ApiToken.objects.filter(name="ci").count() == 1


def test_unusable_keys(lab: Lab) -> None:
    for key in ("", "x" * 201, "tab\there"):
        response = lab.by("editor")("POST", "/fleets", FLEET, headers={"Idempotency-Key": key})
        assert (response.status_code, response.json()["code"]) == (400, "invalid_idempotency_key")


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_of_requests_at_the_same_time_one_creates(lab: Lab) -> None:
    def send(_: int) -> str:
        try:
            return str(lab.by("editor")("POST", "/fleets", FLEET, headers=KEY).json()["id"])
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        found = set(pool.map(send, range(12)))
    assert len(found) == 1
    assert Fleet.objects.count() == 1
