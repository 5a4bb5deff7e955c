"""What users can do to runs: cancel, pause, resume."""

from django.db import transaction
from django.utils import timezone

from webapp.experiments.models import Run, RunState
from webapp.experiments.states import Conflict, announce, move
from webapp.experiments.submission import require, send
from webapp.logs.ids import current_id
from webapp.teams.models import Role, User

RESUMABLE = (RunState.PAUSED, RunState.FAILED, RunState.CANCELLED)


def cancel(run: Run, user: User) -> None:
    """End a run: at once if it waits, at the next block border if it runs. Its results so far stay.

    Raises:
        PermissionDenied: the user may not run in this team.
        Conflict: it has ended already.
    """
    _stop(run, user, RunState.CANCELLED, "cancel")


def pause(run: Run, user: User) -> None:
    """Halt a run: at once if it waits, with a checkpoint at the next block border if it runs.

    Raises:
        PermissionDenied: the user may not run in this team.
        Conflict: it is neither queued nor running.
    """
    _stop(run, user, RunState.PAUSED, "pause")


def resume(run: Run, user: User) -> None:
    """Go on with a paused, failed or cancelled run from its last checkpoint, or from the start if it has none.

    Raises:
        PermissionDenied: the user may not run in this team.
        Conflict: it is in another state.
    """
    require(user, run.team, Role.RUNNER)
    with transaction.atomic():
        run.refresh_from_db()
        if run.state not in RESUMABLE:
            raise Conflict(f"a run that is {run.get_state_display().lower()} cannot be resumed")
        fresh = {"failure": None, "losses": 0, "sent_at": None, "request_id": current_id()}
        if move(run, RunState.QUEUED, actor=user.email, reason="resumed", **fresh):
            send(run)


def _stop(run: Run, user: User, to_state: str, wish: str) -> None:
    require(user, run.team, Role.RUNNER)
    with transaction.atomic():
        run.refresh_from_db()
        if run.state == RunState.RUNNING:
            now = timezone.now()
            # The same wish again changes nothing, least of all its time: the grace for a hung worker has begun.
            asked = Run.objects.filter(pk=run.pk, state=RunState.RUNNING).exclude(wanted=wish)
            asked.update(wanted=wish, wanted_at=now)
            run.refresh_from_db()
            transaction.on_commit(lambda: announce(run))
        else:
            move(run, to_state, actor=user.email, reason="asked for by the user")
