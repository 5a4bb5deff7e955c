"""The clean-up removes what is overdue or needed by nobody, and nothing else."""

import hashlib
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from tests.webapp.people import People
from tests.webapp.rows import make_run
from tests.webapp.trash.conftest import file_of, folder_of, make_old
from webapp.experiments import files, services
from webapp.experiments.models import Experiment, Run, RunState
from webapp.teams.models import SignInLink, TrailEntry
from webapp.teams.tokens import issue_sign_in_link
from webapp.trash.cleaning import clean


def test_the_trash_is_emptied_of_what_is_overdue(people: People, run: Run) -> None:
    file = file_of(run)
    fresh = make_run(people.team, RunState.DONE)
    services.delete(run.cell.experiment, people["editor"])
    clean(timezone.now() + timedelta(days=settings.TRASH_DAYS - 1))
    assert Experiment.everything.count() == 2
    done = clean(timezone.now() + timedelta(days=settings.TRASH_DAYS + 1))

    assert done.num_items == 1
    assert list(Experiment.everything.all()) == [fresh.cell.experiment]
    assert not file.exists()
    assert TrailEntry.objects.filter(action="experiment.purge", actor="platform").count() == 1


def test_files_that_nobody_names_go_but_not_young_ones_nor_uploads(people: People, run: Run) -> None:
    folder = Path(settings.ARTIFACTS_FOLDER)
    names = {word: files.keep(word.encode()) for word in ("orphan", "young", "upload")}
    (folder / f"{names['upload']}.image_folder.json").write_text("{}")
    draft = folder / f".{hashlib.sha256(b'draft').hexdigest()}.abcdef"
    draft.write_bytes(b"half")
    for path in (folder / names["orphan"], folder / names["upload"], draft):
        make_old(path)
    clean()

    assert not (folder / names["orphan"]).exists()
    assert not draft.exists()
    assert all((folder / names[word]).exists() for word in ("young", "upload"))
    assert file_of(run).exists()


def test_a_file_that_was_just_kept_again_is_not_dropped(db: None) -> None:
    sha256 = files.keep(b"the same bytes")
    path = Path(settings.ARTIFACTS_FOLDER) / sha256
    make_old(path)
    files.keep(b"the same bytes")  # a worker counts on it; its row comes in a moment
    assert files.drop_unused([sha256]) == 0
    make_old(path)
    assert files.drop_unused([sha256]) == 1


def test_checkpoints_go_when_a_run_is_done_or_gone(people: People, run: Run) -> None:
    failed = make_run(people.team, RunState.FAILED)
    gone = make_run(people.team, RunState.PAUSED)
    foreign = Path(settings.RUNS_FOLDER) / "not-a-run"
    for folder in (folder_of(failed), folder_of(gone), foreign):
        folder.mkdir(parents=True, exist_ok=True)
    gone_folder = folder_of(gone)
    gone.cell.experiment.delete()
    assert clean().num_run_folders == 2

    assert folder_of(failed).exists(), "a failed run can be resumed"
    assert foreign.exists()
    assert not (folder_of(run).exists())
    assert not (gone_folder.exists())
    foreign.rmdir()


def test_expired_links_and_answers_go(people: People) -> None:
    issue_sign_in_link(people["owner"])
    clean()
    assert SignInLink.objects.count() == 1
    clean(timezone.now() + timedelta(days=settings.SIGN_IN_LINK_S / 86_400 + 2))
    assert SignInLink.objects.count() == 0
