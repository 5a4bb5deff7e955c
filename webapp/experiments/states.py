"""The state machine of a run: which changes there are, and the one way to make them."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from engine.core.errors import EngineError
from webapp import broker
from webapp.experiments.log import pack, state_notice
from webapp.experiments.models import FINAL, Run, RunState, RunTransition
from webapp.logs.ids import current_id

MOVES: dict[str, frozenset[str]] = {
    RunState.DRAFT: frozenset({RunState.QUEUED, RunState.CANCELLED, RunState.DONE}),
    RunState.QUEUED: frozenset({RunState.RUNNING, RunState.PAUSED, RunState.CANCELLED, RunState.DONE}),
    RunState.RUNNING: frozenset({RunState.QUEUED, RunState.PAUSED, RunState.DONE, RunState.FAILED, RunState.CANCELLED}),
    RunState.PAUSED: frozenset({RunState.QUEUED, RunState.CANCELLED}),
    RunState.DONE: frozenset(),
    RunState.FAILED: frozenset({RunState.QUEUED}),
    RunState.CANCELLED: frozenset({RunState.QUEUED}),
}
"""Where a run may go from each state."""


class Conflict(EngineError):
    """The run or experiment is not in a state in which this can be done."""

    code = "conflict"


def move(run: Run, to_state: str, *, actor: str, reason: str = "", **fields: Any) -> bool:
    """Change a run's state if nobody else changed it since it was read.

    The change is one conditional update on the state and the attempt that ``run`` had when it was read, so of two who
    try only one gets through; ``run`` is brought up to date then.

    Args:
        run: as read.
        to_state: one of the states allowed by :data:`MOVES`.
        actor: address of a user, name of a worker, or ``reaper``.
        reason: why, in words.
        fields: further columns to set with it.

    Returns:
        Whether it was changed.

    Raises:
        Conflict: there is no such change from the run's state.
    """
    if to_state not in MOVES[run.state]:
        name, aim = RunState(run.state).label.lower(), RunState(to_state).label.lower()
        raise Conflict(f"a run that is {name} cannot become {aim}")
    now = timezone.now()
    changes: dict[str, Any] = {"state": to_state, "wanted": "", "wanted_at": None, **fields}
    if to_state != RunState.RUNNING:
        changes |= {"lease_owner": "", "lease_expires_at": None, "job_id": ""}
    changes["finished_at"] = now if to_state in FINAL else None
    with transaction.atomic():
        same = Run.objects.filter(pk=run.pk, state=run.state, attempt=run.attempt)
        if same.update(**changes) == 0:
            return False
        RunTransition.objects.create(
            run=run, at=now, from_state=run.state, to_state=to_state, actor=actor[:254], reason=reason[:300]
        )
        transaction.on_commit(lambda: announce(run))
    run.refresh_from_db()
    return True


def queue_all(drafts: Sequence[Run], *, actor: str, reason: str) -> None:
    """Queue many drafts at once; the same as :func:`move` for each, in two statements.

    Args:
        drafts: as read; those that are no drafts any more stay as they are.
        actor: address of a user.
        reason: why, in words.
    """
    now = timezone.now()
    with transaction.atomic():
        waiting = Run.objects.select_for_update().filter(pk__in=[run.pk for run in drafts], state=RunState.DRAFT)
        queued = set(waiting.values_list("pk", flat=True))
        Run.objects.filter(pk__in=queued).update(state=RunState.QUEUED, request_id=current_id())
        RunTransition.objects.bulk_create(
            RunTransition(
                run_id=pk, at=now, from_state=RunState.DRAFT, to_state=RunState.QUEUED, actor=actor, reason=reason
            )
            for pk in queued
        )


def announce(run: Run) -> None:
    """Tell the viewers of a run its state."""
    broker.publish(str(run.pk), 0, 0, pack([state_notice(run, timezone.now())]))
