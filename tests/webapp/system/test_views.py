"""Probes and the System page."""

import json
from pathlib import Path

import pytest
from django.db import DatabaseError
from django.test import Client
from pytest_django.fixtures import Settings

from webapp.system import health
from webapp.teams.services import seed_workspace


def test_healthz_asks_nothing(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        health, "findings", None
    )  # would fail if it were asked, as would the database, which is not allowed
    answer = client.get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok\n")


@pytest.mark.django_db
def test_readyz_names_what_is_missing(client: Client, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert json.loads(answer.content) == {
        "status": "not ready",
        "checks": {"database": "ok", "broker": "it does not answer", "folder": "ok"},
    }


@pytest.mark.django_db
def test_readyz_is_good_when_all_is(client: Client, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    monkeypatch.setattr(health, "answers", lambda url: True)
    assert client.get("/readyz").status_code == 200


def test_a_silent_database_is_named(monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path) -> None:
    def fail(*_: object) -> None:
        raise DatabaseError("connection refused")

    settings.EDGELOOM_HOME = tmp_path
    monkeypatch.setattr(health, "MigrationExecutor", fail)
    found = {finding.name: finding.problem for finding in health.findings()}
    assert found["database"] == "it does not answer"
    assert found["broker"] == "REDIS_URL is not set, so no job is sent"


def test_a_full_disk_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(health, "LEAST_FREE_BYTES", 10**18)
    assert "MB are free" in health._folder_problem(tmp_path)


@pytest.mark.django_db
def test_the_system_page_is_for_members(client: Client) -> None:
    assert client.get("/system/").status_code == 302
    client.force_login(seed_workspace(), backend="allauth.account.auth_backends.AuthenticationBackend")
    page = client.get("/system/")
    assert page.status_code == 200
    assert "broker" in page.content.decode().lower()
