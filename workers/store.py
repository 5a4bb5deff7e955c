"""Everything that a worker writes about a run, on condition that the run is still its own."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from engine.runs.sinks import HostTimes
from engine.task.context import Progress
from webapp import broker
from webapp.experiments import chunks, files
from webapp.experiments.log import Frame, pack, progress_notice, stamp, unpack
from webapp.experiments.models import Artifact, EventBatch, MetricChunk, Run, RunState
from webapp.experiments.states import move

MAX_LIVE_BYTES = 256 * 1024
"""A larger batch is announced without its contents, to spare the broker's memory; viewers read the database."""


class Superseded(Exception):
    """The run belongs to a later attempt (or to nobody) now; whatever this worker still holds is worthless."""


class RunStore:
    """Writes to one run as one attempt.

    Every method changes the row on condition of the attempt, in the same transaction as what it adds; after a later
    claim nothing of it gets through.

    Raises (all methods):
        Superseded: the run is not this worker's any more.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self._own = Run.objects.filter(pk=run.pk, attempt=run.attempt, state=RunState.RUNNING)

    def hold(self) -> None:
        """Make sure that the run is still this worker's; what the same transaction writes beside it holds only then."""
        self._change(lease_owner=self.run.lease_owner)

    def append(self, events: Sequence[Frame], points: dict[str, chunks.Points] | None = None) -> None:
        """Add consecutive events to the log, together with chunks of points; then send them to the viewers."""
        now = timezone.now()
        first, last = events[0]["seq"], events[-1]["seq"]
        times = [event["sim_time_s"] for event in events if event["sim_time_s"] is not None]
        changes: dict[str, Any] = {"last_seq": last} | ({"sim_time_s": times[-1]} if times else {})
        data = pack(events)
        with transaction.atomic():
            self._change(**changes)
            EventBatch.objects.create(run=self.run, seq_first=first, seq_last=last, at=now, data=data)
            if points:
                MetricChunk.objects.bulk_create(chunks.rows(self.run, points))
        at = stamp(now)
        live = pack([{**event, "at": at} for event in events])
        broker.publish(str(self.run.pk), first, last, live if len(live) <= MAX_LIVE_BYTES else b"")

    def progress(self, progress: Progress, host: HostTimes) -> None:
        """Note how far the run is and tell the viewers."""
        self._change(
            progress_done=progress.done,
            progress_total=progress.total,
            progress_unit=progress.unit,
            host_time_s=host.work_s,
            remaining_s=host.remaining_s,
        )
        broker.publish(str(self.run.pk), 0, 0, pack([progress_notice(self.run, timezone.now())]))

    def point_to(self, checkpoint: str) -> None:
        """Make a checkpoint the one from which the run goes on after a crash."""
        # Work was done since the last loss, so the count of losses in a row starts again.
        self._change(checkpoint=checkpoint, losses=0)

    def keep_artifact(self, name: str, data: bytes) -> str:
        """Store a file that the run made; gives its hash."""
        sha256 = files.keep(data)
        described = {
            "team": self.run.team,
            "sha256": sha256,
            "media_type": files.media_type(name),
            "size_bytes": len(data),
            "path": sha256,
        }
        with transaction.atomic():
            self.hold()
            Artifact.objects.update_or_create(run=self.run, name=name, defaults=described)
        return sha256

    def compact(self) -> None:
        """Replace the many chunks of the run by few full ones, made from the log."""
        points: dict[str, chunks.Points] = {}
        for batch in self.run.batches.order_by("seq_first").iterator(chunk_size=20):
            chunks.collect(unpack(batch.data), points)
        full = list(chunks.rows(self.run, points))
        with transaction.atomic():
            self.hold()
            self.run.chunks.all().delete()
            MetricChunk.objects.bulk_create(full)

    def leave(self, to_state: str, reason: str, **fields: Any) -> None:
        """Change the run's state and give up the lease."""
        if not move(self.run, to_state, actor=self.run.lease_owner, reason=reason, **fields):
            raise Superseded

    def _change(self, **columns: Any) -> None:
        if self._own.update(**columns) == 0:
            raise Superseded
        for name, value in columns.items():
            setattr(self.run, name, value)
