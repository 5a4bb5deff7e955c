"""What the platform is doing: for those who wonder why their run waits."""

from datetime import datetime
from uuid import UUID

from django.http import HttpResponse
from ninja import Router

from webapp.api.answers import answer
from webapp.api.gate import Request
from webapp.api.shapes import Exact
from webapp.experiments.accuracy import NEWEST, accuracy
from webapp.system.health import findings
from webapp.system.status import Lag, status

router = Router(tags=["system"])


class Check(Exact):
    """A part of the platform and whether it works."""

    name: str
    problem: str
    """Empty if all is well."""


class WorkerState(Exact):
    """A worker that answers."""

    name: str
    queue: str
    runs: list[UUID]
    """What it computes, as far as you may see it."""
    helps: list[UUID]
    """Those of the runs you may see with which it helps another worker (`execution.shards`)."""
    num_foreign: int
    """With how many runs of other teams it is busy."""


class QueueState(Exact):
    """A queue of the broker."""

    name: str
    num_messages: int | None
    """Null if the broker does not answer."""


class WaitingRun(Exact):
    """A queued run of yours."""

    run: UUID
    place: int
    """How many are before it."""
    reason: str
    """Why it waits."""


class LiveLag(Exact):
    """How long live messages took to this web process lately."""

    num_messages: int
    median_s: float
    p95_s: float


class SystemState(Exact):
    """What the platform is doing."""

    at: datetime
    checks: list[Check]
    workers: list[WorkerState]
    queues: list[QueueState]
    num_queued: int
    """Of all teams."""
    num_running: int
    """Of all teams."""
    oldest_queued_at: datetime | None
    waiting: list[WaitingRun]
    disk_bytes: dict[str, int]
    """By what they are for; `free` is what is left."""
    lag: LiveLag | None
    """Null as long as nobody watched a run."""
    versions: dict[str, str]


class EstimateError(Exact):
    """The running error of the estimates of one figure; errors are shares of the actual figure."""

    name: str
    """Of the figure; `host_cpu_s` is the computing time on this machine."""
    num_runs: int
    median: float | None
    """Median of the absolute errors."""
    p90: float | None
    """Nine in ten runs are within this."""
    bias: float | None
    """Median of the signed errors: positive where estimates are too high."""
    share_inside: float | None
    """Share of the runs within the stated range; null where no range is stated."""


class EstimateErrors(Exact):
    """How far off the estimates were."""

    newest: int
    """Over how many finished runs at most, the newest ones of the platform."""
    figures: list[EstimateError]


@router.get(
    "/estimates", response=EstimateErrors, summary="Get the errors of estimates", operation_id="get_estimate_errors"
)
def get_estimate_errors(request: Request) -> HttpResponse:
    """Estimates that were made before runs began, held against what came of them."""
    figures = [{name: getattr(one, name) for name in EstimateError.model_fields} for one in accuracy()]
    return answer({"newest": NEWEST, "figures": figures})


@router.get("", response=SystemState, summary="Get the state of the platform", operation_id="get_system")
def get_system(request: Request) -> HttpResponse:
    """Workers, queues, why your runs wait, disk, live lag and versions."""
    found = status(request.auth.visible)
    return answer(
        {
            "at": found.at,
            "checks": [{"name": one.name, "problem": one.problem} for one in findings()],
            "workers": [
                {
                    "name": one.name,
                    "queue": one.queue,
                    "runs": list(one.runs),
                    "helps": list(one.helps),
                    "num_foreign": one.num_foreign,
                }
                for one in found.workers
            ],
            "queues": [{"name": one.name, "num_messages": one.num_messages} for one in found.queues],
            "num_queued": found.num_queued,
            "num_running": found.num_running,
            "oldest_queued_at": found.oldest_queued_at,
            "waiting": [{"run": one.run.pk, "place": one.place, "reason": one.reason} for one in found.waiting],
            "disk_bytes": found.disk,
            "lag": _lag(found.lag),
            "versions": found.versions,
        }
    )


def _lag(lag: Lag | None) -> dict[str, float] | None:
    return None if lag is None else {"num_messages": lag.num_messages, "median_s": lag.median_s, "p95_s": lag.p95_s}
