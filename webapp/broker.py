"""The message broker as the web process sees it: jobs are sent by name, and live messages are read from one stream.

Nothing here is the truth. A message carries the id of a row; whoever gets it reads the row, and the reaper sends
again what was lost.
"""

import logging
from functools import cache
from typing import Any

import redis
import redis.asyncio
from celery import Celery
from django.conf import settings
from kombu.exceptions import OperationalError

from webapp.logs.ids import current_id

logger = logging.getLogger(__name__)

RUNS_QUEUE = "runs"
SHARDS_QUEUE = "shards"
"""Taken from by the workers for runs, after ``runs``: helping comes after what waits."""
INTERACTIVE_QUEUE = "interactive"
EXECUTE = "runs.execute"
SHARD = "runs.shard"
SWEEP = "runs.sweep"
CHECK_UPLOAD = "datasets.check"
MAKE_PREVIEW = "previews.make"
CLEAN = "platform.clean"
STREAM = "edgeloom:live"
EVERYBODY = "*"
"""Stands for the run in a message that concerns the viewers of all runs."""

_DAY_S = 86_400


def celery_settings() -> dict[str, Any]:
    """Celery's settings, the same for the sender and for the workers."""
    return {
        "broker_url": settings.REDIS_URL or "memory://",
        "broker_connection_retry_on_startup": True,
        "broker_transport_options": {
            # It is no heartbeat: a message that is redelivered while its job still runs starts it twice. Lost workers
            # are found by their lease instead.
            "visibility_timeout": _DAY_S,
            "socket_connect_timeout": 2,
            "socket_keepalive": True,
            # A worker of several queues looks at them by their names: runs before shards.
            "queue_order_strategy": "sorted",
        },
        "accept_content": ["json"],
        "task_serializer": "json",
        "task_ignore_result": True,
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "task_default_queue": INTERACTIVE_QUEUE,
        "task_routes": {
            EXECUTE: {"queue": RUNS_QUEUE},
            SHARD: {"queue": SHARDS_QUEUE},
            SWEEP: {"queue": INTERACTIVE_QUEUE},
            CLEAN: {"queue": INTERACTIVE_QUEUE},
        },
        "task_publish_retry_policy": {
            "max_retries": 2,
            "interval_start": 0.1,
            "interval_step": 0.2,
            "interval_max": 0.5,
        },
        "worker_prefetch_multiplier": 1,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_hijack_root_logger": False,
        "timezone": "UTC",
    }


@cache
def _sender() -> Celery:
    app = Celery("webapp", set_as_current=False)
    app.conf.update(celery_settings())
    return app


def send(name: str, *args: str) -> bool:
    """Send a job by name, with the id of the request; False if the broker cannot be reached (then it is sent later)."""
    if not settings.REDIS_URL:
        return False
    try:
        _sender().send_task(name, args=list(args), headers={"request_id": current_id()})
    except (OperationalError, redis.RedisError, OSError) as error:
        logger.warning("the broker did not take the job %s%s: %s", name, args, error)
        return False
    return True


def end_job(job_id: str) -> None:
    """Kill the process that works on a job, without asking it."""
    _sender().control.revoke(job_id, terminate=True, signal="SIGKILL")


@cache
def _client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)


def publish(run_id: str, first: int, last: int, data: bytes) -> bool:
    """Put a live message on the stream: the events ``first`` to ``last`` of a run, or an unnumbered notice (0, 0).

    Empty data says "there is more, read the database". False if the broker cannot be reached; readers find out by
    themselves, a little later.
    """
    if not settings.REDIS_URL:
        return False
    fields: dict[Any, Any] = {"run": run_id, "first": first, "last": last, "data": data}
    try:
        _client().xadd(STREAM, fields, maxlen=settings.LIVE_STREAM_LENGTH, approximate=True)
    except redis.RedisError as error:
        logger.warning("no live message for run %s: %s", run_id, error)
        return False
    return True


def recheck() -> bool:
    """Have every open socket look again whether its viewer may still look, at once.

    False if the broker cannot be reached; the sockets' slow tick finds out then.
    """
    return publish(EVERYBODY, 0, 0, b"")


def num_waiting(queue: str) -> int | None:
    """How many messages wait in a queue; None if the broker cannot be reached."""
    if not settings.REDIS_URL:
        return None
    try:
        return int(_client().llen(queue))
    except redis.RedisError:
        return None


def alive_workers(timeout_s: float = 0.5) -> list[str]:
    """Names of the workers that answer within that time, such as ``runs@host``."""
    if not settings.REDIS_URL:
        return []
    try:
        answers = _sender().control.ping(timeout=timeout_s)
    except (OperationalError, redis.RedisError, OSError) as error:
        logger.warning("the broker cannot be asked for workers: %s", error)
        return []
    return sorted(name for answer in answers or () for name in answer)


def stream_client() -> redis.asyncio.Redis:
    """A client that may block for long; the caller closes it."""
    # Without None the client would give up on a silent socket after 5 s.
    return redis.asyncio.Redis.from_url(settings.REDIS_URL, socket_timeout=None, socket_connect_timeout=5)
