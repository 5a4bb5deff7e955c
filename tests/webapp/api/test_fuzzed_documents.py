"""Damaged specs and files over REST: a documented answer below 500, and nothing is stored of what was refused."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.specs.text import canonical, parse
from tests.engine.data.test_any_upload import files
from tests.engine.specs.mutants import texts, trees
from tests.webapp.api.client import Answer
from tests.webapp.api.conftest import Lab
from webapp.datasets.models import Upload
from webapp.experiments.models import Artifact, Cell, Experiment, Run

STORED = (Experiment, Cell, Run, Artifact, Upload)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the test; nothing is fetched, and nobody asks too often."""
    monkeypatch.setenv("EDGELOOM_OFFLINE", "1")
    monkeypatch.setenv("EDGELOOM_HOME", str(tmp_path))
    settings.EDGELOOM_HOME = tmp_path
    settings.ARTIFACTS_FOLDER, settings.UPLOADS_FOLDER = tmp_path / "artifacts", tmp_path / "uploads"
    settings.API_LIMITS = {"reads": 10**9, "writes": 10**9}
    return tmp_path


def at_most(examples: int) -> settings:
    return settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))


def check(answer: Answer) -> None:
    """Refused with problems and without a trace, in both senses."""
    assert 200 <= answer.status_code < 500
    if answer.status_code >= 400:
        assert not any(model.objects.exists() for model in STORED)
        assert b"Traceback" not in answer.content
        for problem in answer.json()["errors"]:
            assert problem["code"]
            assert problem["message"]


def try_spec(lab: Lab, body: Any) -> None:
    check(lab.by("runner")("POST", "/estimates", body))
    answer = lab.by("runner")("POST", "/experiments", body)
    check(answer)
    if answer.status_code == 201:
        (made,) = Experiment.objects.all()
        assert canonical(parse(made.text)) == made.text
        made.delete()


def try_file(lab: Lab, home: Path, kind: str, content: bytes) -> None:
    api = lab.by("editor")
    facts = {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}
    begun = api("POST", "/datasets", {"name": "Mine", "kind": kind, **facts})
    check(begun)
    if begun.status_code == 201:
        place = f"/datasets/{begun.json()['id']}"
        for number in begun.json()["missing_parts"]:
            api("PUT", f"{place}/parts/{number}", content, media_type="application/octet-stream")
        answer = api("POST", f"{place}/complete")
        check(answer)
        if answer.status_code == 200:
            assert api("DELETE", place).status_code == 204
            assert lab.by("owner")("DELETE", place.replace("datasets", "trash")).status_code == 204
    assert not Upload.everything.exists()
    left = [path for folder in ("artifacts", "uploads") for path in (home / folder).rglob("*") if path.is_file()]
    assert not left


@pytest.mark.slow
@at_most(25)
@given(body=texts() | trees())
def test_damaged_specs(body: Any, lab: Lab) -> None:
    try_spec(lab, body)


@pytest.mark.slow
@at_most(40)
@given(kind=st.sampled_from(["arrays", "image_folder"]), content=files())
def test_damaged_files(kind: str, content: bytes, lab: Lab, home: Path) -> None:
    try_file(lab, home, kind, content)


@pytest.mark.full
@at_most(2_000)
@given(body=texts() | trees())
def test_two_thousand_damaged_specs(body: Any, lab: Lab) -> None:
    try_spec(lab, body)


@pytest.mark.full
@at_most(2_000)
@given(kind=st.sampled_from(["arrays", "image_folder"]), content=files())
def test_two_thousand_damaged_files(kind: str, content: bytes, lab: Lab, home: Path) -> None:
    try_file(lab, home, kind, content)
