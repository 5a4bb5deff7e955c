"""Legs of a study: run what is missing, cell by cell, for as long as one likes; the next leg goes on where it ended."""

import fcntl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.reproduce.study import Further, Recorded, StudyCell
from engine.core.json import JsonValue
from engine.data.store import DataStore
from engine.runs.batch import Batch, Planned
from engine.runs.control import Control
from engine.runs.folder import RunFolder
from engine.runs.provenance import provenance
from engine.runs.sinks import MemorySink, Sink

SERIES = ("accuracy", "loss", "divergence", "train_loss", "time_s", "energy_j", "bytes_up", "bytes_down")
"""What is kept of evaluated rounds, where it was measured."""


class _Quiet:
    """Hears nothing: the leg tells its own progress."""

    def begin(self, planned: Planned, number: int, total: int) -> Sink:
        return MemorySink()

    def reuse(self, planned: Planned) -> None:
        return None


def run_cell(cell: StudyCell, control: Control, store: DataStore, further: Further | None = None) -> bool:
    """Run or continue a cell until it is done, and record it.

    False if it halted before, if another leg has it, or if the run that it starts from is not finished here.

    Args:
        cell: what to run.
        control: tells when to halt.
        store: where data sets lie.
        further: what the study measures on a finished run.

    Raises:
        EngineError: the run cannot go on, because its data is missing for one.
    """
    with _alone(cell.folder) as is_mine:
        if not is_mine or (spec := cell.runnable()) is None:
            return False
        batch = Batch(spec, cell.folder / "run")
        if batch.execute(_Quiet(), control, store) != "done":
            return False
        done = batch.plan[0].folder
        cell.record({**_summary(done), **(further(cell, done) if further else {})})
    return True


def pausing_after(minutes: float) -> Control:
    """A control that asks the run to halt when the time is over; 0 never does."""
    control = Control()
    if minutes:
        timer = threading.Timer(60 * minutes, control.pause)
        timer.daemon = True
        timer.start()
    return control


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Whether no other leg is at work in the folder; the lock ends with the process."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def _summary(folder: RunFolder) -> Recorded:
    record = folder.record()
    assert record is not None  # the run is done
    rounds = [event["body"] for event in folder.events() if event["kind"] == "metrics"]
    evaluated = [body for body in rounds if "accuracy" in body["values"]]
    return {
        "metrics": record["metrics"],
        **({"baselines": _baselines(record["baselines"])} if record.get("baselines") else {}),
        "costs": record["costs"],
        "wall_s": round(record["wall_s"], 1),
        "series": {"round": [body["round"] for body in evaluated], **_series([body["values"] for body in evaluated])},
        "made_by": provenance(),
    }


def _baselines(rows: Mapping[str, Mapping[str, JsonValue]]) -> dict[str, dict[str, JsonValue]]:
    """The single figures of each model that stands beside the result."""
    return {
        name: {what: value for what, value in row.items() if isinstance(value, int | float)}
        for name, row in rows.items()
    }


def _series(rounds: list[Mapping[str, float]]) -> dict[str, list[float]]:
    there = [name for name in SERIES if all(name in values for values in rounds)]
    return {name: [float(f"{values[name]:.7g}") for values in rounds] for name in there}
