"""Carries out one claimed run from start to end, and turns whatever goes wrong into a failure that people can read."""

import importlib
import logging
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError

from engine.core.errors import EngineError
from engine.data.store import DataStore
from engine.runs.checkpoint import Checkpoint, CheckpointStore
from engine.runs.loop import Outcome
from engine.runs.loop import run as carry_out
from engine.runs.summary import record_of
from engine.specs.context import make_context
from engine.specs.experiment import ExperimentSpec
from engine.specs.text import digest, parse_tree
from engine.task.artifacts import ArtifactFolder
from webapp.experiments.expectations import keep_expected
from webapp.experiments.models import RunState
from workers.control import Wishes
from workers.failure import LogTail, failure_of
from workers.lease import Lease, claim
from workers.products import products_of
from workers.shards import executor_for
from workers.sink import DatabaseSink
from workers.store import RunStore, Superseded

logger = logging.getLogger(__name__)


class SpecChanged(EngineError):
    """The stored spec means something else now than when it was submitted."""

    code = "spec_changed"


class RunCheckpoints:
    """Checkpoints in files; which of them counts is written to the run on condition that it is still this worker's."""

    def __init__(self, store: RunStore, folder: Path) -> None:
        self._store = store
        self._files = CheckpointStore(folder, store.run.attempt)

    def latest(self) -> Checkpoint | None:
        """The checkpoint to which the run points; None at the first start, or if its files are gone."""
        pointer = self._store.run.checkpoint
        try:
            return self._files.load(pointer) if pointer else None
        except FileNotFoundError:
            # Nothing is lost but time: the same events come again, and the log has them already.
            logger.warning("the files of checkpoint %s are gone; the run starts again", pointer)
            return None

    def save(self, checkpoint: Checkpoint) -> None:
        """Write files, then point to them."""
        pointer = self._files.save(checkpoint)
        self._store.point_to(pointer)
        self._files.prune(pointer)


def drive(run_id: UUID, *, job_id: str, owner: str) -> None:
    """Claim a run and carry it out; does nothing if somebody else has it or it is not queued any more."""
    run = claim(run_id, owner=owner, job_id=job_id)
    if run is None:
        logger.info("run %s is not queued; this message is a repetition", run_id)
        return
    store, wishes = RunStore(run), Wishes()
    with LogTail() as tail, Lease(run, wishes):
        try:
            _carry_out(store, wishes)
        except Superseded:
            logger.warning("run %s belongs to somebody else now; attempt %d ends", run_id, run.attempt)
        except DatabaseError:
            # Nothing can be written now. The lease runs out and the reaper has the run continued.
            logger.exception("run %s: the database failed; attempt %d ends", run_id, run.attempt)
        except Exception as error:
            logger.warning("run %s failed", run_id, exc_info=error)
            _fail(store, error, tail)


def attempt(work: Callable[[], None], note: Callable[[dict[str, Any]], None]) -> None:
    """Do something that is no run, and have it noted if it goes wrong: nobody else would tell the user.

    Args:
        work: what to do.
        note: takes the record of a failure.
    """
    with LogTail() as tail:
        try:
            work()
        except Exception as error:
            logger.warning("an interactive job failed", exc_info=error)
            note(failure_of(error, tail.lines))


def _carry_out(store: RunStore, wishes: Wishes) -> None:
    run = store.run
    spec = _spec_of(store)
    folder = Path(settings.RUNS_FOLDER) / str(run.pk)
    keep_expected(run.cell, spec)
    sink = DatabaseSink(store)
    importlib.import_module("torch")  # loading it is no work of this run
    began_s = time.process_time()
    try:
        with executor_for(store, spec, wishes) as executor:
            context = make_context(
                spec,
                run.seed,
                store=DataStore.from_environment(),
                artifacts=ArtifactFolder(Path(settings.ARTIFACTS_FOLDER)),
                executor=executor,
            )
            outcome = carry_out(
                spec,
                run.seed,
                context=context,
                sink=sink,
                checkpoints=RunCheckpoints(store, folder),
                control=wishes.loop,
            )
        sink.close()
    finally:
        sink.abandon()
    spent_s = (run.host_cpu_s or 0.0) + time.process_time() - began_s
    _conclude(store, spec, outcome, wishes, spent_s)
    if outcome.status == "done":
        shutil.rmtree(folder, ignore_errors=True)


def _spec_of(store: RunStore) -> ExperimentSpec:
    spec = parse_tree(store.run.cell.document)
    if digest(spec) != store.run.cell.digest:
        raise SpecChanged(
            "The spec means something else than when it was submitted: the engine or a data set has changed.",
            remedy="Clone the experiment and launch it anew; results of both versions must not be mixed.",
        )
    return spec


def _conclude(store: RunStore, spec: ExperimentSpec, outcome: Outcome, wishes: Wishes, cpu_s: float) -> None:
    run = store.run
    match outcome.status:
        case "done" if outcome.summary is not None:
            store.compact()
            for name, data in products_of(spec, outcome):
                store.keep_artifact(name, data)
            result = record_of(run.seed, "done", outcome.work_s, outcome.summary)
            store.leave(
                RunState.DONE,
                outcome.summary.reason,
                result=result,
                checkpoint="",
                losses=0,
                host_time_s=outcome.work_s,
                host_cpu_s=cpu_s,
                remaining_s=0.0,
            )
        case "paused" if wishes.strongest == "release":
            store.leave(RunState.QUEUED, "the worker stopped; another one goes on", sent_at=None, host_cpu_s=cpu_s)
        case "paused":
            store.leave(RunState.PAUSED, "asked for by the user", host_cpu_s=cpu_s)
        case _:
            store.leave(RunState.CANCELLED, "asked for by the user", host_cpu_s=cpu_s)


def _fail(store: RunStore, error: Exception, tail: LogTail) -> None:
    try:
        store.leave(RunState.FAILED, str(error), failure=failure_of(error, tail.lines))
    except Superseded:
        logger.warning("the failed run belongs to somebody else now")
