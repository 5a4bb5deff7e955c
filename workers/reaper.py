"""Finds what got lost: messages that nobody received, workers that are gone, and workers that no longer listen."""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from webapp import broker
from webapp.experiments.models import Run, RunState, Shard, ShardBlock
from webapp.experiments.states import move
from webapp.experiments.submission import send
from workers import shards

logger = logging.getLogger(__name__)

ACTOR = "reaper"


def sweep() -> None:
    """Look once; safe to call at any time and by several at once."""
    now = timezone.now()
    requeue_lost(now)
    end_hung(now)
    send_again(now)
    clear_shards()


def requeue_lost(now: datetime) -> None:
    """Put runs whose lease ran out back into the queue; a run that lost too many workers in a row has failed."""
    for run in Run.objects.filter(state=RunState.RUNNING, lease_expires_at__lt=now):
        losses = run.losses + 1
        owner = run.lease_owner
        # The attempt rises here already, so from now on the old worker can write nothing, even before the next claim.
        fields = {"attempt": run.attempt + 1, "losses": losses}
        if run.wanted == "cancel":
            move(
                run,
                RunState.CANCELLED,
                actor=ACTOR,
                reason=f"asked for by the user; the worker {owner} is gone",
                **fields,
            )
        elif losses >= settings.MAX_ATTEMPTS:
            reason = f"{losses} workers in a row were lost over this run without getting any further"
            move(run, RunState.FAILED, actor=ACTOR, reason=reason, failure=_too_many_losses(reason), **fields)
        else:
            state = RunState.PAUSED if run.wanted == "pause" else RunState.QUEUED
            with transaction.atomic():
                if move(run, state, actor=ACTOR, reason=f"the worker {owner} is gone", sent_at=None, **fields):
                    logger.warning("run %s lost its worker %s", run.pk, owner)
                    if state == RunState.QUEUED:
                        send(run)


def end_hung(now: datetime) -> None:
    """Kill the process of a run that was told to stop and keeps its lease, but did not stop within the grace time."""
    since = now - timedelta(seconds=settings.HANG_GRACE_S)
    for run in Run.objects.filter(state=RunState.RUNNING, wanted_at__lt=since).exclude(wanted=""):
        job_id = run.job_id
        state = RunState.CANCELLED if run.wanted == "cancel" else RunState.PAUSED
        reason = f"the worker did not listen for {settings.HANG_GRACE_S:g} s and was ended"
        if move(run, state, actor=ACTOR, reason=reason, attempt=run.attempt + 1):
            logger.warning("run %s hung; its process is ended", run.pk)
            broker.end_job(job_id)


def send_again(now: datetime) -> None:
    """Send queued runs again that nobody claimed for a while, if their messages can be lost."""
    since = now - timedelta(seconds=settings.RESEND_S)
    overdue = Run.objects.filter(state=RunState.QUEUED).filter(Q(sent_at=None) | Q(sent_at__lt=since))
    waiting = broker.num_waiting(broker.RUNS_QUEUE)
    if waiting is None:
        return
    # As many messages as queued runs: all of them just wait for their turn, and more messages would only be more work.
    missing = Run.objects.filter(state=RunState.QUEUED).count() - waiting
    for run in overdue.order_by("sent_at", "created_at")[: max(0, missing)]:
        logger.info("run %s is sent again", run.pk)
        send(run)


def clear_shards() -> None:
    """Remove rows and files of shards whose run goes on without them, or does not go on."""
    is_live = Q(run__state=RunState.RUNNING, attempt=F("run__attempt"))
    for model in (Shard, ShardBlock):
        for run_id in set(model._base_manager.exclude(is_live).values_list("run_id", flat=True)):
            run = Run.everything.get(pk=run_id)
            shards.clear(run_id, before=run.attempt + (run.state != RunState.RUNNING))


def _too_many_losses(reason: str) -> dict[str, object]:
    return {
        "code": "worker_lost",
        "message": f"{reason[0].upper()}{reason[1:]}.",
        "remedy": "Most likely they ran out of memory: use a smaller model, batch or cohort, or a machine with more "
        "memory. Then resume the run; it goes on from its last checkpoint.",
        "trace": "",
        "log_tail": [],
    }
