"""People, teams and things of the REST tests."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.cache import cache
from django.utils import timezone

from tests.webapp.api.client import Api
from tests.webapp.datasets.conftest import images
from tests.webapp.finished import round_frames, tell
from tests.webapp.trained.weights import DATASET, MODEL, bare, hash_of
from webapp.datasets import services as datasets
from webapp.experiments import services
from webapp.experiments.files import keep
from webapp.experiments.models import Artifact, Experiment, Run
from webapp.library.models import Fleet, Network, Task
from webapp.library.versions import keep_version
from webapp.notes.models import Note
from webapp.sharing.services import share
from webapp.teams.invitations import invite
from webapp.teams.models import Membership, Role, Team, User
from webapp.teams.tokens import issue_token
from webapp.trained import uploading

SPEC = """\
version: 1
name: Two strategies on digits
seeds: [0, 1]
fleet: {groups: [{name: boards, device: rpi_4b_4gb, count: 10}]}
task:
  kind: federated
  dataset: {kind: digits}
  partition: {kind: iid}
  model: {kind: mlp, hidden: [16]}
  sampler: {kind: uniform, num_clients: 2}
  rounds: 2
sweep:
  task.strategy: [{kind: fedavg}, {kind: fedmax}]
"""

FLEET = {"groups": [{"name": "boards", "device": "rpi_4b_4gb", "count": 2}]}

SCOPES = {
    Role.VIEWER: ["read"],
    Role.RUNNER: ["read", "run"],
    Role.EDITOR: ["read", "run", "write"],
    Role.OWNER: ["read", "run", "write", "admin"],
}


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even read the boundaries where they are not asked for: to list them takes most of a minute."""
    return True if collection_path.name == "test_boundaries.py" and "not full" in config.option.markexpr else None


@dataclass
class Lab:
    """A team with a member of each role, and a stranger with a team of their own."""

    team: Team
    elsewhere: Team
    users: dict[str, User] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)

    def by(self, role: str) -> Api:
        """Calls by the bearer token of the member with that role."""
        return Api(token=self.secrets[role])

    def session(self, role: str) -> Api:
        """Calls by the session cookie of the member with that role."""
        return Api(user=self.users[role])


@pytest.fixture
def lab(db: None) -> Iterator[Lab]:
    """Two teams and their people; counters of requests start at zero."""
    cache.clear()
    lab = Lab(Team.objects.create(slug="lab", name="Lab"), Team.objects.create(slug="elsewhere", name="Elsewhere"))
    for role in Role.values:
        lab.users[role] = User.objects.create_user(f"{role}@example.org")
        Membership.objects.create(team=lab.team, user=lab.users[role], role=role)
        _, lab.secrets[role] = issue_token(lab.users[role], lab.team, f"{role}'s", scopes=SCOPES[Role(role)])
    lab.users["stranger"] = User.objects.create_user("stranger@example.org")
    Membership.objects.create(team=lab.elsewhere, user=lab.users["stranger"], role=Role.OWNER)
    _, lab.secrets["stranger"] = issue_token(
        lab.users["stranger"], lab.elsewhere, "stranger's", scopes=SCOPES[Role.OWNER]
    )
    yield lab
    cache.clear()


@pytest.fixture
def submit(lab: Lab) -> Callable[..., Experiment]:
    """Submits a spec into the lab."""

    def _submit(text: str = SPEC, *, launch: bool = False) -> Experiment:
        return services.submit(lab.team, lab.users["editor"], text, launch=launch)

    return _submit


@pytest.fixture
def experiment(submit: Callable[..., Experiment]) -> Experiment:
    """An experiment of two cells and two seeds, not launched."""
    return submit()


@pytest.fixture
def run(experiment: Experiment) -> Run:
    """One of its runs."""
    found = Run.objects.filter(cell__experiment=experiment).order_by("cell__index", "seed").first()
    assert found is not None
    return found


def _model(lab: Lab) -> str:
    """Uploaded weights."""
    weights = bare()
    wish = uploading.Wish("Mine", hash_of(weights), len(weights), MODEL, DATASET)
    model = uploading.announce(lab.team, lab.users["editor"], wish)
    uploading.put_part(model, lab.users["editor"], 0, weights)
    return str(uploading.complete(model, lab.users["editor"]).pk)


@pytest.fixture
def targets(lab: Lab, experiment: Experiment, run: Run, tmp_path: Path) -> dict[str, str]:
    """Something of the lab for every placeholder of a path."""
    sha256 = keep(b"weights")
    Artifact.objects.create(
        team=lab.team, run=run, sha256=sha256, name="w.bin", media_type="x/y", size_bytes=7, path=sha256
    )
    tell(run, round_frames(1, 1, [0, 3]))
    fleet = Fleet.objects.create(team=lab.team, name="F", body=FLEET)
    network = Network.objects.create(team=lab.team, name="N", body={})
    task = Task.objects.create(
        team=lab.team, name="T", body={"kind": "federated", "dataset": {"kind": "digits"}, "model": {"kind": "mlp"}}
    )
    token, _ = issue_token(lab.users["owner"], lab.team, "spare")
    spare = lab.team.memberships.create(user=User.objects.create_user("spare@example.org"), role=Role.VIEWER)
    tomorrow = timezone.now() + timedelta(days=1)
    invitation, _ = invite(lab.team, lab.users["owner"], Role.VIEWER, expires_at=tomorrow)
    shared, _ = share(experiment, lab.users["editor"], "summary")
    note = Note.objects.create(team=lab.team, run=run, text="Look here", author=lab.users["runner"])
    for design in (fleet, network, task):
        keep_version(design, lab.users["editor"])
    data = images(tmp_path)
    sent = datasets.Announcement("Cats", "image_folder", hashlib.sha256(data).hexdigest(), len(data))
    upload = datasets.announce(lab.team, lab.users["editor"], sent)
    datasets.put_part(upload, lab.users["editor"], 0, data)
    datasets.complete(upload, lab.users["editor"])
    trashed = Fleet.objects.create(team=lab.team, name="Trashed", body=FLEET, trashed_at=timezone.now())
    return {
        "item_id": str(trashed.pk),
        "dataset_id": str(upload.pk),
        "model_id": _model(lab),
        "task_id": str(task.pk),
        "team": lab.team.slug,
        "member_id": str(spare.pk),
        "invitation_id": str(invitation.pk),
        "share_id": str(shared.pk),
        "note_id": str(note.pk),
        "number": "1",
        "fleets": str(fleet.pk),
        "networks": str(network.pk),
        "tasks": str(task.pk),
        "experiment_id": str(experiment.pk),
        "run_id": str(run.pk),
        "sha256": sha256,
        "family": "strategies",
        "kind": "fedavg",
        "token_id": str(token.pk),
    }
