"""The Celery application of the worker processes."""

import ctypes
import os
import signal
import sys
from typing import Any

from celery import Celery, signals

os.environ["OMP_NUM_THREADS"] = "1"  # two threads give other sums, and a thread pool does not survive a fork
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
os.environ["CELERY_SKIP_CHECKS"] = "1"  # they load every page and the API, of which a worker has none

app = Celery("edgeloom")  # finds Django by the variable above, sets it up and minds its database connections

from django.conf import settings  # noqa: E402 - after the app, which prepares Django

from webapp import broker  # noqa: E402
from webapp.logs.ids import begin  # noqa: E402
from workers import control  # noqa: E402

app.conf.update(
    broker.celery_settings(),
    imports=("workers.jobs",),
    worker_max_tasks_per_child=50,  # libraries for numbers do not always give memory back
    beat_schedule={
        "sweep": {
            "task": broker.SWEEP,
            "schedule": settings.SWEEP_S,
            # A sweep that could not start in time is pointless once the next one is there.
            "options": {"expires": 2 * settings.SWEEP_S},
        },
        "clean": {"task": broker.CLEAN, "schedule": settings.CLEAN_S, "options": {"expires": settings.CLEAN_S}},
    },
)

_PR_SET_PDEATHSIG = 1


@signals.setup_logging.connect
def _keep_logging(**_: Any) -> None:
    """Leave the log as Django's settings have it; Celery would set up its own unless somebody listens to this."""


@signals.task_prerun.connect
def _name_log_lines(task: Any, task_id: str, **_: Any) -> None:
    """Let all log lines of a job carry its id and that of the request from which it comes."""
    request_id = task.request.get("request_id") or (task.request.headers or {}).get("request_id")
    begin(job_id=task_id, job=task.name, **({"request_id": request_id} if request_id else {}))


@signals.worker_process_init.connect
def _die_with_parent(**_: Any) -> None:
    """Have Linux end this pool process when the worker that started it dies, whatever it died of."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@signals.worker_shutting_down.connect
def _give_back_runs(**_: Any) -> None:
    """Ask the pool processes to checkpoint what they run and to give it back to the queue."""
    control.announce_stop()


@signals.worker_ready.connect
def _look_for_lost_runs(**_: Any) -> None:
    """Have lost messages and lost runs looked for at once, not only with the next beat."""
    broker.send(broker.SWEEP)
