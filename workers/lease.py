"""The lease of a run: one conditional update claims it, a side thread keeps it and listens to what the user wants."""

from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from typing_extensions import override

from webapp.experiments.models import Run, RunState, RunTransition
from webapp.experiments.states import announce
from webapp.logs.ids import add
from workers.control import Wishes, is_stopping
from workers.heartbeat import Heartbeat, expiry


def claim(run_id: UUID, *, owner: str, job_id: str) -> Run | None:
    """Take over a queued run; None if it is not queued (any more), so that a repeated message does no harm.

    The one conditional update also raises ``attempt``, the fencing token of everything that this worker writes.
    """
    now = timezone.now()
    with transaction.atomic():
        taken = Run.objects.filter(pk=run_id, state=RunState.QUEUED).update(
            state=RunState.RUNNING,
            attempt=F("attempt") + 1,
            lease_owner=owner,
            lease_expires_at=expiry(),
            job_id=job_id,
            wanted="",
            wanted_at=None,
            finished_at=None,
        )
        if not taken:
            return None
        Run.objects.filter(pk=run_id, started_at=None).update(started_at=now)
        run = Run.objects.select_related("cell", "team").get(pk=run_id)
        RunTransition.objects.create(
            run=run,
            at=now,
            from_state=RunState.QUEUED,
            to_state=RunState.RUNNING,
            actor=owner,
            reason=f"attempt {run.attempt}",
        )
        transaction.on_commit(lambda: announce(run))
    add(run_id=str(run.pk), attempt=str(run.attempt))
    if run.request_id:
        add(request_id=run.request_id)
    return run


class Lease(Heartbeat):
    """Keeps a claimed run while the body of the ``with`` works on it, and passes on what is wanted."""

    def __init__(self, run: Run, wishes: Wishes) -> None:
        super().__init__(f"lease of run {run.pk}")
        self._same = Run.objects.filter(pk=run.pk, attempt=run.attempt, state=RunState.RUNNING)
        self._wishes = wishes

    @override
    def renew(self) -> None:
        renewed = self._same.update(lease_expires_at=expiry())
        wanted = self._same.values_list("wanted", flat=True).first()
        if not renewed or wanted is None:
            self._wishes.ask("lost")
        elif wanted in {"cancel", "pause"}:
            self._wishes.ask("cancel" if wanted == "cancel" else "pause")
        elif is_stopping():
            self._wishes.ask("release")
