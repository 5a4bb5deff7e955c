"""What the platform is doing at this moment: workers, queues, runs, disk, live lag, versions."""

import os
import platform
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import ParamSpec, TypeAlias, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Count, Min, Q
from django.utils import timezone

from webapp import broker
from webapp.experiments.hub import lags_s
from webapp.experiments.models import Run, RunState, Shard
from webapp.system.folder import Folder
from webapp.teams.access import TeamQuerySet

P = ParamSpec("P")
R = TypeVar("R")
Seen: TypeAlias = Callable[[TeamQuerySet[Run]], TeamQuerySet[Run]]

PACKAGES = ("torch", "numpy", "Django", "celery", "channels", "redis")
PLACES = {
    "artifacts": ("artifacts",),
    "uploads": ("uploads",),
    "checkpoints": ("runs",),
    "datasets": ("data",),
    "caches": ("cache",),
    "logs": ("logs",),
}
"""What lies in which folders of the platform's."""
MOST_WAITING = 50


@dataclass(frozen=True)
class Worker:
    """A worker that answered, and what its processes compute.

    Attributes:
        name: queue and host, ``runs@host``.
        queue: from which it takes jobs.
        runs: ids of the runs that the asker may see.
        helps: ids of those of them with which it helps another worker.
        num_foreign: further runs, of other teams.
    """

    name: str
    queue: str
    runs: Sequence[UUID]
    helps: Sequence[UUID]
    num_foreign: int


@dataclass(frozen=True)
class Waiting:
    """A queued run of the asker's, and why it waits."""

    run: Run
    place: int
    reason: str


@dataclass(frozen=True)
class Queue:
    """A queue of the broker.

    Attributes:
        name: which.
        num_messages: how many wait; None if the broker does not answer.
    """

    name: str
    num_messages: int | None


@dataclass(frozen=True)
class Lag:
    """How long live messages took from the broker to this web process lately, in seconds."""

    num_messages: int
    median_s: float
    p95_s: float


def _kept(seconds: float) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Give the last answer again for so long: many may look at once."""

    def decorate(make: Callable[P, R]) -> Callable[P, R]:
        answers: dict[object, tuple[float, R]] = {}

        @wraps(make)
        def kept(*args: P.args, **kwargs: P.kwargs) -> R:
            now = time.monotonic()
            if args not in answers or now - answers[args][0] > seconds:
                answers[args] = (now, make(*args, **kwargs))
            return answers[args][1]

        return kept

    return decorate


def workers(seen: Seen) -> list[Worker]:
    """The workers that answer, with what they compute."""
    running = Run.objects.filter(state=RunState.RUNNING)
    owners = dict(running.values_list("pk", "lease_owner"))
    helping = Shard.objects.filter(run__in=running).exclude(lease_owner="").values_list("run_id", "lease_owner")
    helpers = [(pk, owner.rpartition(":")[0]) for pk, owner in helping]
    visible = set(seen(running).values_list("pk", flat=True))
    found = []
    for name in _alive(settings.REDIS_URL):
        mine = [pk for pk, owner in owners.items() if owner.rpartition(":")[0] == name]
        helps = sorted({pk for pk, owner in helpers if owner == name})
        shown, helped = ([pk for pk in many if pk in visible] for many in (mine, helps))
        num_foreign = len(mine) + len(helps) - len(shown) - len(helped)
        found.append(Worker(name, name.partition("@")[0], shown, helped, num_foreign))
    return found


@_kept(3.0)
def _alive(url: str) -> list[str]:
    return broker.alive_workers()


def queues() -> list[Queue]:
    """The queues and how many messages wait in each."""
    names = (broker.RUNS_QUEUE, broker.SHARDS_QUEUE, broker.INTERACTIVE_QUEUE)
    return [Queue(name, broker.num_waiting(name)) for name in names]


def counts() -> dict[str, int]:
    """Number of runs of all teams that wait or run."""
    states = (RunState.QUEUED, RunState.RUNNING)
    return Run.objects.aggregate(**{state.value: Count("pk", filter=Q(state=state)) for state in states})


def waiting(seen: Seen, alive: Sequence[Worker]) -> list[Waiting]:
    """Queued runs of the asker's in the order in which they will be taken, each with the reason of its waiting."""
    order = list(
        Run.objects.filter(state=RunState.QUEUED).order_by("sent_at", "created_at").values_list("pk", flat=True)
    )
    places = {pk: place for place, pk in enumerate(order)}
    mine = seen(Run.objects.filter(state=RunState.QUEUED)).select_related("cell__experiment")
    rows = sorted(mine.defer("result", "cell__text")[:1000], key=lambda run: places.get(run.pk, len(order)))
    has_worker = any(worker.queue == broker.RUNS_QUEUE for worker in alive)
    num_running = counts()["running"]
    found = []
    for run in rows[:MOST_WAITING]:
        place = places.get(run.pk, len(order))
        found.append(Waiting(run, place, _reason(run, place, num_running, has_worker=has_worker)))
    return found


def _reason(run: Run, place: int, num_running: int, *, has_worker: bool) -> str:
    if not has_worker:
        return "No worker for runs answers; see the log of worker-runs."
    if run.sent_at is None:
        return "The broker has not taken it yet; it is sent again within seconds."
    others = f"{num_running} run{'' if num_running == 1 else 's'}"
    if place == 0:
        return f"It is next: all workers compute other runs ({others})." if num_running else "A worker takes it now."
    return f"{place} queued before it, while {others} compute."


def oldest_wait() -> datetime | None:
    """Since when the run that waits longest is there; None if none waits."""
    oldest: datetime | None = Run.objects.filter(state=RunState.QUEUED).aggregate(at=Min("created_at"))["at"]
    return oldest


@_kept(30.0)
def disk() -> dict[str, int]:
    """Bytes by what they are for, and what is free; folders of a million files are not counted at every look."""
    home = Path(settings.EDGELOOM_HOME)
    sizes = {"database": _database_bytes()}
    for name, folders in PLACES.items():
        sizes[name] = sum(_folder_bytes(home / folder) for folder in folders)
    return {**sizes, "free": shutil.disk_usage(home).free}


def _database_bytes() -> int:
    if connection.vendor == "sqlite":
        path = Path(str(connection.settings_dict["NAME"]))
        return sum(part.stat().st_size for part in path.parent.glob(f"{path.name}*"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        return int(cursor.fetchone()[0])


def _folder_bytes(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_size  # noqa: PTH118 - called for very many files
            except FileNotFoundError:
                continue
    return total


def lag() -> Lag | None:
    """The live lag of this web process; None as long as nobody watched anything."""
    found = sorted(lags_s())
    if not found:
        return None
    return Lag(len(found), found[len(found) // 2], found[int(len(found) * 0.95)])


@_kept(3600.0)
def versions() -> dict[str, str]:
    """What runs here, by name."""
    found = {"Edgeloom": _version("edgeloom"), "Python": platform.python_version()}
    found |= {name: _version(name) for name in PACKAGES}
    with connection.cursor() as cursor:
        cursor.execute("SELECT sqlite_version()" if connection.vendor == "sqlite" else "SHOW server_version")
        found["SQLite" if connection.vendor == "sqlite" else "PostgreSQL"] = str(cursor.fetchone()[0])
    return found


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # run from its sources, as Edgeloom itself is
        return "of this folder"


@dataclass(frozen=True)
class Status:
    """All of it at one moment."""

    at: datetime
    workers: Sequence[Worker]
    processes: Sequence[dict[str, object]]
    queues: Sequence[Queue]
    num_queued: int
    num_running: int
    oldest_queued_at: datetime | None
    waiting: Sequence[Waiting]
    disk: dict[str, int]
    lag: Lag | None
    versions: dict[str, str]


def status(seen: Seen) -> Status:
    """What the platform is doing.

    Args:
        seen: leaves of runs those that the asker may see.
    """
    alive, numbers = workers(seen), counts()
    state = Folder(Path(settings.EDGELOOM_HOME)).read_state()
    return Status(
        at=timezone.now(),
        workers=alive,
        processes=state.get("processes", []),
        queues=queues(),
        num_queued=numbers["queued"],
        num_running=numbers["running"],
        oldest_queued_at=oldest_wait(),
        waiting=waiting(seen, alive),
        disk=disk(),
        lag=lag(),
        versions=versions(),
    )
