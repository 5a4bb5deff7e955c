"""Back up a platform that is being written to, wipe it, restore it: pages, results and files are equal."""

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.environment import ROOT

SETUP = """
import django; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from tests.webapp.people import make_people
from tests.webapp.rows import add_batch, make_run, metrics
from webapp.experiments import files
from webapp.experiments.models import Artifact
people = make_people()
run = make_run(people.team, "done", result={"seed": 0, "state": "done", "reason": "all_rounds", "metrics":
    {"accuracy": 0.5}, "baselines": {}, "costs": {"time_s": 3.0}, "wall_s": 1.5, "published": []})
add_batch(run, [metrics(number, number, accuracy=number / 100) for number in range(1, 60)])
sha = files.keep(b"weights of the run")
Artifact.objects.create(team=people.team, run=run, sha256=sha, name="w.bin", media_type="x/y", size_bytes=18, path=sha)
"""

LOOK = """
import django; django.setup()
import json, re, sys
from django.conf import settings
from django.test import Client
from webapp.experiments.models import Artifact, Experiment, Run
from webapp.teams.models import User
settings.ALLOWED_HOSTS = ["testserver"]
run = Run.objects.get()
client = Client()
viewer = User.objects.get(email="viewer@example.org")
client.force_login(viewer, backend="allauth.account.auth_backends.AuthenticationBackend")
def page(path):
    text = client.get(path).content.decode()
    text = re.sub(r'nonce="[^"]*"|x-csrftoken": "[^"]*"|csrfmiddlewaretoken" value="[^"]*"|<time.*?</time>', "", text)
    return re.sub(r"[0-9.]+ ?(s|min) ago|just now", "", text)
found = {
    "pages": [page("/experiments/"), page(f"/experiments/{run.cell.experiment.pk}/"), page(f"/runs/{run.pk}/")],
    "events": client.get(f"/api/v1/runs/{run.pk}/events").content.decode(),
    "result": client.get(f"/api/v1/experiments/{run.cell.experiment.pk}/result").content.decode(),
    "file": b"".join(client.get(f"/artifacts/{Artifact.objects.get().pk}").streaming_content).decode(),
    "key": settings.SECRET_KEY,
}
print(json.dumps(found))
"""


def run_python(home: Path, program: str) -> str:
    environment = {**os.environ, "EDGELOOM_HOME": str(home), "PYTHONPATH": str(ROOT), "EDGELOOM_LOG_LEVEL": "ERROR"}
    environment.pop("DATABASE_URL", None)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def manage(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "EDGELOOM_HOME": str(home)}
    return subprocess.run(
        [sys.executable, "manage.py", *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A platform with a finished run, its log and its file."""
    folder = tmp_path_factory.mktemp("home")
    run_python(folder, SETUP)
    return folder


@pytest.fixture(scope="module")
def archive(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("backup") / "edgeloom.tar"
    done = manage(home, "backup", str(file))
    assert done.returncode == 0, done.stderr
    return file


@pytest.mark.slow
def test_a_restored_platform_shows_the_same(home: Path, archive: Path, tmp_path: Path) -> None:
    before = json.loads(run_python(home, LOOK))
    assert archive.stat().st_mode & 0o777 == 0o600
    done = manage(tmp_path, "restore", str(archive))
    assert done.returncode == 0, done.stderr
    after = json.loads(run_python(tmp_path, LOOK))

    assert before["file"] == "weights of the run"
    assert json.loads(before["result"])["metrics"]["accuracy"]["mean"] == 0.5
    assert after == before


@pytest.mark.slow
def test_data_that_is_there_is_not_lost(home: Path, archive: Path, tmp_path: Path) -> None:
    run_python(tmp_path, SETUP)
    refused = manage(tmp_path, "restore", str(archive))
    assert refused.returncode == 1
    assert "holds data already (database, artifacts)" in refused.stderr
    forced = manage(tmp_path, "restore", str(archive), "--force")
    assert forced.returncode == 0, forced.stderr
    (aside,) = tmp_path.glob("before-restore-*")
    assert (aside / "db.sqlite3").exists()
    assert json.loads(run_python(tmp_path, LOOK))["key"] == json.loads(run_python(home, LOOK))["key"]


@pytest.mark.slow
def test_a_damaged_backup_changes_nothing(archive: Path, tmp_path: Path) -> None:
    unpacked, broken, target = tmp_path / "unpacked", tmp_path / "broken.tar", tmp_path / "home"
    with tarfile.open(archive) as whole:
        whole.extractall(unpacked, filter="data")
    (artifact,) = (unpacked / "artifacts").iterdir()
    artifact.write_bytes(b"weights of somebody")
    with tarfile.open(broken, "w") as made:
        made.add(unpacked, arcname=".")
    target.mkdir()
    done = manage(target, "restore", str(broken))
    assert done.returncode == 1
    assert f"Wrong: artifacts/{artifact.name}" in done.stderr
    assert not (target / "artifacts").exists()
    for text in (b"no archive", archive.read_bytes()[:3000]):
        broken.write_bytes(text)
        assert "is no backup of Edgeloom" in manage(target, "restore", str(broken)).stderr


@pytest.mark.slow
def test_a_backup_never_replaces_a_file(home: Path, archive: Path) -> None:
    done = manage(home, "backup", str(archive))
    assert done.returncode == 1
    assert "exists already" in done.stderr
