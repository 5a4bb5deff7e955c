"""Deleting experiments: into the trash, back out of it, and for good."""

import shutil
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from webapp import broker
from webapp.experiments import files
from webapp.experiments.models import Artifact, Experiment, Run, RunState
from webapp.experiments.states import Conflict, move
from webapp.experiments.submission import require
from webapp.teams.models import Role, User
from webapp.teams.trail import record


def delete(experiment: Experiment, user: User) -> None:
    """Put an experiment with its runs into the trash: nobody sees it any more, and open sockets are closed.

    Runs that wait in the queue are paused, so that nothing is computed for the trash.

    Raises:
        PermissionDenied: the user is no editor of the team.
        Conflict: a run of it is running.
    """
    require(user, experiment.team, Role.EDITOR)
    now = timezone.now()
    with transaction.atomic():
        # Locked, so that no worker claims a run between the look and the change.
        runs = list(Run.objects.select_for_update().filter(cell__experiment=experiment))
        if any(run.state == RunState.RUNNING for run in runs):
            raise Conflict("a run of this experiment is running", remedy="Cancel its runs first, then delete it.")
        for run in runs:
            if run.state == RunState.QUEUED:
                move(run, RunState.PAUSED, actor=user.email, reason="the experiment was put into the trash")
        Run.objects.filter(cell__experiment=experiment).update(trashed_at=now)
        Experiment.objects.filter(pk=experiment.pk).update(trashed_at=now, trashed_by=user)
        record(experiment.team, user, "experiment.delete", experiment.name)
        transaction.on_commit(broker.recheck)


def restore(experiment: Experiment, user: User) -> None:
    """Take an experiment with its runs out of the trash; runs that were paused for it can be resumed.

    Raises:
        PermissionDenied: the user is no editor of the team.
    """
    require(user, experiment.team, Role.EDITOR)
    with transaction.atomic():
        Run.everything.filter(cell__experiment=experiment).update(trashed_at=None)
        Experiment.everything.filter(pk=experiment.pk).update(trashed_at=None, trashed_by=None)
        record(experiment.team, user, "experiment.put_back", experiment.name)


def purge(experiment: Experiment, user: User | None) -> None:
    """Delete an experiment for good, with its runs, their logs, checkpoints and artifacts.

    Run by run, each in its own transaction: other writers get their turn in between, and an end in the middle leaves an
    experiment in the trash that can be purged again.

    Args:
        experiment: one that is in the trash.
        user: who does it; None for the platform itself, when its time in the trash is over.

    Raises:
        PermissionDenied: the user is no editor of the team.
        Conflict: it is not in the trash.
    """
    if user is not None:
        require(user, experiment.team, Role.EDITOR)
    if not Experiment.everything.filter(pk=experiment.pk, trashed_at__isnull=False).exists():
        raise Conflict("the experiment is not in the trash", remedy="Delete it first.")
    record(experiment.team, user, "experiment.purge", experiment.name)
    for run in Run.everything.filter(cell__experiment=experiment).defer("result", "failure"):
        hashes = set(Artifact.everything.filter(run=run).values_list("sha256", flat=True))
        shutil.rmtree(Path(settings.RUNS_FOLDER) / str(run.pk), ignore_errors=True)
        run.delete()
        files.drop_unused(hashes)
    experiment.delete()
