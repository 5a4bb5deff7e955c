"""The helper's side of shards: a worker that has no run of its own computes blocks of somebody else's."""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from typing_extensions import override

from engine.data.store import DataStore
from engine.runs.exchange import Exchange
from engine.specs.context import make_context
from engine.specs.experiment import ExperimentSpec
from engine.specs.text import digest, parse_tree
from engine.task.artifacts import ArtifactFolder
from engine.task.contract import Context
from webapp.experiments.models import BlockState, Run, RunState, Shard, ShardBlock
from webapp.logs.ids import add
from workers.control import is_stopping
from workers.driver import attempt
from workers.heartbeat import Heartbeat, expiry
from workers.shards import LOOK_S, folder_of, host_key, runs_wait

logger = logging.getLogger(__name__)

IDLE_S = 5.0
"""A helper leaves when there was nothing to do for so long: evaluating a large model takes some seconds, and whoever
leaves is asked again when the next round opens."""


def claim_shard(run_id: UUID, owner: str) -> Shard | None:
    """Take a free place beside a run; None if it needs no help, or if runs wait that come first.

    The one conditional update also raises ``token``. What the helper before left unfinished waits again.
    """
    run = Run.objects.filter(pk=run_id, state=RunState.RUNNING, wanted="").first()
    if run is None or runs_wait():
        return None
    now = timezone.now()
    is_free = Q(lease_expires_at=None) | Q(lease_expires_at__lt=now)
    places = Shard.objects.filter(run=run, attempt=run.attempt, host=host_key())
    for place in places.filter(is_free).order_by("number"):
        with transaction.atomic():
            same = Shard.objects.filter(pk=place.pk, token=place.token)
            if same.update(token=F("token") + 1, lease_owner=owner, lease_expires_at=expiry(), sent_at=None):
                unfinished = ShardBlock.objects.filter(shard=place, state=BlockState.TAKEN)
                unfinished.update(state=BlockState.WAITING, shard=None)
                return Shard.objects.select_related("run__cell").get(pk=place.pk)
    return None


def claim_block(shard: Shard) -> ShardBlock | None:
    """Take the first block that waits; None if none does."""
    waiting = ShardBlock.objects.filter(run=shard.run, attempt=shard.attempt, state=BlockState.WAITING)
    block = waiting.order_by("pk").first()
    if block is None:
        return None
    taken = {"state": BlockState.TAKEN, "shard": shard, "token": shard.token}
    if not ShardBlock.objects.filter(pk=block.pk, state=BlockState.WAITING).update(**taken):
        return None
    block.refresh_from_db()
    return block


class ShardLease(Heartbeat):
    """Keeps a claimed place while the body of the ``with`` computes, and says when to leave."""

    def __init__(self, shard: Shard) -> None:
        super().__init__(f"lease of shard {shard.pk}")
        self._same = Shard.objects.filter(pk=shard.pk, token=shard.token)
        self._run = Run.objects.filter(pk=shard.run_id, attempt=shard.attempt, state=RunState.RUNNING, wanted="")
        self.should_leave = threading.Event()

    @override
    def renew(self) -> None:
        is_mine = self._same.update(lease_expires_at=expiry()) and self._run.exists()
        if not is_mine or is_stopping():
            self.should_leave.set()


@dataclass(frozen=True)
class World:
    """A run as far as computing its blocks needs it; data and modules stay loaded in its context."""

    spec: ExperimentSpec
    context: Context


_worlds: dict[tuple[str, int], World] = {}


def world_of(run: Run) -> World | None:
    """The world of a run, kept by the process until it needs another; None if its spec means something else here."""
    key = (run.cell.digest, run.seed)
    if key not in _worlds:
        forget()
        spec = parse_tree(run.cell.document)
        if digest(spec) != run.cell.digest:
            return None
        store, artifacts = DataStore.from_environment(), ArtifactFolder(settings.ARTIFACTS_FOLDER)
        _worlds[key] = World(spec, make_context(spec, run.seed, store=store, artifacts=artifacts))
        import_module("torch")
    return _worlds[key]


def forget() -> None:
    """Let go of the data of the run that was helped last."""
    _worlds.clear()


class Helper:
    """Computes blocks under one claim of a shard."""

    def __init__(self, shard: Shard) -> None:
        self._shard = shard
        self._exchange = Exchange(folder_of(shard.run_id, shard.attempt))
        self._block: ShardBlock | None = None

    def work(self) -> None:
        """Compute blocks until the run needs no help, runs wait, or this worker stops."""
        world = world_of(self._shard.run)
        if world is None:
            logger.warning("run %s means something else here; no help", self._shard.run_id)
            return
        idle_since = time.monotonic()
        with ShardLease(self._shard) as lease:
            while not (lease.should_leave.is_set() or is_stopping() or runs_wait()):
                self._block = claim_block(self._shard)
                if self._block is not None:
                    self._compute(world, self._block)
                    idle_since = time.monotonic()
                elif time.monotonic() - idle_since > IDLE_S:
                    return
                else:
                    time.sleep(LOOK_S)

    def note_failure(self, failure: Mapping[str, Any]) -> None:
        """Leave the block to the coordinator, which then runs into the same error and tells it."""
        logger.warning("no help for run %s: %s", self._shard.run_id, failure["message"])
        if self._block is not None:
            self._mine(self._block).update(state=BlockState.LEFT)

    def leave(self) -> None:
        """Give the place back, with what was not finished."""
        with transaction.atomic():
            mine = Shard.objects.filter(pk=self._shard.pk, token=self._shard.token)
            if mine.update(lease_owner="", lease_expires_at=None, sent_at=None):
                unfinished = ShardBlock.objects.filter(shard=self._shard, state=BlockState.TAKEN)
                unfinished.update(state=BlockState.WAITING, shard=None)

    def _compute(self, world: World, row: ShardBlock) -> None:
        result = f"{row.file}-{self._shard.number}-{row.token}"
        began_s = time.process_time()
        try:
            block = self._exchange.block(row.file)
            self._exchange.put_result(result, world.spec.task.compute_block(world.context, block))
        except FileNotFoundError as error:
            # The round went on without us, or the run has another coordinator; if not, it is computed there.
            logger.info("run %s: a block is not wanted any more: %s", self._shard.run_id, error)
            self._mine(row).update(state=BlockState.LEFT)
            return
        if not self._mine(row).update(state=BlockState.DONE, result=result):
            logger.info("run %s: a result came too late", self._shard.run_id)
            self._exchange.drop(result)
            return
        spent_s = time.process_time() - began_s
        Shard.objects.filter(pk=self._shard.pk).update(num_blocks=F("num_blocks") + 1, cpu_s=F("cpu_s") + spent_s)

    def _mine(self, row: ShardBlock) -> Any:
        """The block, on condition that nobody took it away."""
        held = {"state": BlockState.TAKEN, "shard": self._shard, "token": self._shard.token}
        return ShardBlock.objects.filter(pk=row.pk, **held)


def help_run(run_id: UUID, *, owner: str) -> None:
    """Help with a run as long as it needs help; does nothing if it does not, or if runs wait."""
    shard = claim_shard(run_id, owner)
    if shard is None:
        return
    add(run_id=str(run_id), attempt=str(shard.attempt))
    helper = Helper(shard)
    try:
        attempt(helper.work, helper.note_failure)
    finally:
        helper.leave()
