"""The coordinator's side of shards: the worker that claimed a run offers its blocks as rows, and idle workers help.

Rows carry leases and names of files only; tensors go through a folder of the run. Everything is tied to the attempt, so
what an earlier one left is never taken for this one's, and the reaper removes it.
"""

import hashlib
import json
import logging
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import F, Q, QuerySet, Sum
from django.utils import timezone

from engine.runs.exchange import Exchange
from engine.runs.provenance import provenance
from engine.runs.sharding import BlockName, ShardedExecutor
from engine.specs.experiment import ExperimentSpec
from engine.task.contract import Block, BlockExecutor, BlockResult
from engine.task.local import LocalExecutor
from webapp import broker
from webapp.experiments.models import BlockState, Run, RunState, Shard, ShardBlock
from workers.control import Wishes
from workers.store import RunStore

logger = logging.getLogger(__name__)

LEAST_MACS = 1e9
"""Work of a block from which on a helper pays: some tenths of a second, against hundredths for rows and files."""

LOOK_S = 0.05
"""Between two looks at the rows while nothing is left to do."""

_FOLDER = re.compile(r"blocks-(\d+)")


@cache
def host_key() -> str:
    """A hash of everything about this host on which bits depend."""
    known: Any = provenance()
    bits = {name: known[name] for name in ("numerics_version", "machine", "cpu")}
    bits |= {name: known["packages"][name] for name in ("torch", "numpy")}
    return hashlib.sha256(json.dumps(bits, sort_keys=True).encode()).hexdigest()


def folder_of(run_id: UUID, attempt: int) -> Path:
    """Where the blocks of an attempt lie."""
    return Path(settings.RUNS_FOLDER) / str(run_id) / f"blocks-{attempt}"


def runs_wait() -> bool:
    """Whether a run waits for a worker; then nobody helps."""
    return Run.objects.filter(state=RunState.QUEUED).exists()


@contextmanager
def executor_for(store: RunStore, spec: ExperimentSpec, wishes: Wishes) -> Iterator[BlockExecutor]:
    """What computes the blocks of a run: this process, with those who help it.

    Args:
        store: of the claimed run.
        spec: what is run.
        wishes: tells when to stop waiting for others.
    """
    clear(store.run.pk, before=store.run.attempt)
    if spec.execution.shards == 1:
        yield LocalExecutor()
        return
    crew = RowCrew(store, spec.execution.shards - 1)
    try:
        yield ShardedExecutor(crew, lambda: wishes.loop.should_stop() or wishes.loop.should_pause())
    finally:
        crew.close()


def clear(run_id: UUID, *, before: int) -> None:
    """Remove what attempts before this one left."""
    Shard.objects.filter(run_id=run_id, attempt__lt=before).delete()
    ShardBlock.objects.filter(run_id=run_id, attempt__lt=before).delete()
    for place in (Path(settings.RUNS_FOLDER) / str(run_id)).glob("blocks-*"):
        found = _FOLDER.fullmatch(place.name)
        if found and int(found[1]) < before:
            shutil.rmtree(place, ignore_errors=True)


class RowCrew:
    """Workers that help with one attempt of a run.

    Args:
        store: of the claimed run.
        count: places for helpers.
    """

    least_macs = LEAST_MACS

    def __init__(self, store: RunStore, count: int) -> None:
        self._store, self._count, self._run = store, count, store.run
        self._exchange = Exchange(folder_of(self._run.pk, self._run.attempt))
        self._shards = Shard.objects.filter(run=self._run, attempt=self._run.attempt)
        self._blocks = ShardBlock.objects.filter(run=self._run, attempt=self._run.attempt)
        self._rows: dict[BlockName, int] = {}
        self._series = 0

    def post(self, blocks: Sequence[Block]) -> None:
        """Have these blocks computed by whoever is free.

        Raises:
            Superseded: the run is not this worker's any more.
        """
        if not self._series:
            self._exchange.open()
        self._series += 1
        self._rows = {}
        self._blocks.delete()
        self._exchange.clear()
        files = self._exchange.put_blocks(str(self._series), blocks)
        with transaction.atomic():
            self._store.hold()
            if self._series == 1:
                Shard.objects.bulk_create(self._places())
            rows = ShardBlock.objects.bulk_create(
                ShardBlock(run=self._run, attempt=self._run.attempt, file=file) for file in files.values()
            )
        self._rows = {name: row.pk for name, row in zip(files, rows, strict=True)}
        self._invite()

    def take(self, name: BlockName | None = None) -> BlockName | None:
        """Keep a block from the helpers: its row goes."""
        states = [BlockState.WAITING] if name is None else [BlockState.WAITING, BlockState.LEFT]
        looked_at = self._blocks if name is None else self._row(name)
        # Looked at first: a deletion that finds nothing would still lock the database.
        for row in looked_at.filter(state__in=states).order_by("pk").values_list("pk", flat=True):
            if self._blocks.filter(pk=row, state__in=states).delete()[0]:
                return next(found for found, pk in self._rows.items() if pk == row)
        return None

    def revoke(self, name: BlockName) -> None:
        """Take a block away from whoever has it: without its row no result is accepted."""
        self._row(name).delete()

    def fetch(self, name: BlockName) -> BlockResult | None:
        """The result of a block; None as long as there is none."""
        row = self._row(name).filter(state=BlockState.DONE).first()
        if row is None:
            return None
        try:
            result = self._exchange.result(row.result)
        except FileNotFoundError:
            logger.warning("run %s: the result of block %s is gone; it is computed again", self._run.pk, row.file)
            self._blocks.filter(pk=row.pk).update(state=BlockState.LEFT)
            return None
        self._exchange.drop(row.result)
        self.revoke(name)
        return result

    def is_lost(self, name: BlockName) -> bool:
        """Whether the lease of whoever took the block ran out, or somebody else has that lease now."""
        is_free = Q(shard__lease_expires_at=None) | Q(shard__lease_expires_at__lt=timezone.now())
        taken = self._row(name).filter(state=BlockState.TAKEN)
        return taken.filter(is_free | ~Q(token=F("shard__token"))).exists()

    def wait(self, at_most_s: float) -> None:
        """Let some time pass; others have the processor."""
        time.sleep(max(at_most_s, LOOK_S))

    def close(self) -> None:
        """Remove the rows and files of this attempt; what cannot be removed now is left to the reaper."""
        try:
            self._blocks.delete()
            cpu_s = self._shards.aggregate(total=Sum("cpu_s"))["total"] or 0.0
            self._shards.delete()
            # Written with the state that the run is left in.
            self._run.host_cpu_s = (self._run.host_cpu_s or 0.0) + cpu_s
        except DatabaseError as error:
            logger.warning("run %s: the rows of shards stay for now: %s", self._run.pk, error)
        self._exchange.close()

    def _row(self, name: BlockName) -> QuerySet[ShardBlock]:
        """The row of a block, if it has one."""
        return self._blocks.filter(pk=self._rows.get(name, 0))

    def _places(self) -> list[Shard]:
        numbers = range(1, self._count + 1)
        attempt = self._run.attempt
        return [Shard(run=self._run, attempt=attempt, number=number, host=host_key()) for number in numbers]

    def _invite(self) -> None:
        """Ask for helpers for the places that nobody has, unless runs wait or enough were asked just now."""
        now = timezone.now()
        is_free = Q(lease_expires_at=None) | Q(lease_expires_at__lt=now)
        is_due = Q(sent_at=None) | Q(sent_at__lt=now - timedelta(seconds=settings.RESEND_S))
        free = list(self._shards.filter(is_free & is_due)[: len(self._rows)])
        if not free or runs_wait():
            return
        missing = Shard.objects.filter(is_free).count() - (broker.num_waiting(broker.SHARDS_QUEUE) or 0)
        for shard in free[: max(0, missing)]:
            if broker.send(broker.SHARD, str(self._run.pk)):
                self._shards.filter(pk=shard.pk).update(sent_at=now)
