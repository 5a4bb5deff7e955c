"""All runs of an experiment, one after another, into one folder that a later call continues."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from engine.core.errors import Problem, SpecError
from engine.data.store import DataStore
from engine.runs.context import make_context
from engine.runs.control import Control
from engine.runs.folder import METRIC_COLUMNS, RunFolder
from engine.runs.loop import RunStatus, run
from engine.runs.pool import Helpers
from engine.runs.provenance import provenance
from engine.runs.sinks import Sink, Tee
from engine.runs.summary import Record, joined, record_of, result_of
from engine.runs.tables import from_csv, to_csv
from engine.specs.experiment import ExperimentSpec
from engine.specs.sweep import Cell
from engine.specs.text import canonical, cells, digest


@dataclass(frozen=True)
class Planned:
    """One run of an experiment."""

    cell: Cell
    slug: str
    seed: int
    folder: RunFolder

    @property
    def title(self) -> str:
        """What tells it from the other runs."""
        return f"{self.cell.label}, seed {self.seed}" if self.cell.label else f"seed {self.seed}"


class Listener(Protocol):
    """Hears of the runs of a batch as they go on."""

    def begin(self, planned: Planned, number: int, total: int) -> Sink:
        """A run begins or continues; its events and progress go to the returned sink, too."""

    def reuse(self, planned: Planned) -> None:
        """A run is done already."""


class Batch:
    """The runs of an experiment and their folder.

    Args:
        spec: the experiment, with or without a sweep.
        path: the folder: of the run itself if there is only one, else with a folder for each below ``runs/``.

    Raises:
        SpecError: the folder holds something else.
    """

    def __init__(self, spec: ExperimentSpec, path: Path) -> None:
        self.spec, self.path = spec, path
        self.cells = cells(spec)
        self.digests = [digest(cell.spec) for cell in self.cells]
        slugs = _unique([cell.slug for cell in self.cells])
        is_single = len(self.cells) * len(spec.seeds) == 1
        self.plan = [
            Planned(cell, slug, seed, RunFolder(path if is_single else path / "runs" / f"{slug}-{seed}"))
            for cell, slug in zip(self.cells, slugs, strict=True)
            for seed in spec.seeds
        ]
        self._top = RunFolder(path)
        self._refuse_others()

    def execute(self, listener: Listener, control: Control, store: DataStore | None = None) -> RunStatus:
        """Carry out every run that is not done, until all are or the control says stop.

        Raises:
            EngineError: a run cannot go on; what it left can be continued.
        """
        self._begin()
        with Helpers(self.spec.execution.shards - 1) as helpers:
            for number, planned in enumerate(self.plan, start=1):
                if planned.folder.is_done:
                    listener.reuse(planned)
                    continue
                progress = listener.begin(planned, number, len(self.plan))
                status = self._execute(planned, progress, (control, helpers), store)
                if status != "done":
                    self._join()
                    return status
        self._join()
        return "done"

    def result(self) -> dict[str, Any]:
        """The result as far as it is known: of the one cell, or of each."""
        results = []
        for cell, found in zip(self.cells, self.digests, strict=True):
            results.append((cell.label, result_of(found, self._records(cell))))
        return joined(results)

    def _records(self, cell: Cell) -> Sequence[Record]:
        mine = [planned for planned in self.plan if planned.cell is cell]
        return [planned.folder.record() or record_of(planned.seed, "queued", 0.0, None) for planned in mine]

    def _execute(
        self, planned: Planned, progress: Sink, how: tuple[Control, Helpers], store: DataStore | None
    ) -> RunStatus:
        spec, (control, helpers) = planned.cell.spec, how
        planned.folder.begin(spec, planned.seed)
        sink = Tee(planned.folder.sink(), progress)
        folder = planned.folder.path / "blocks"
        try:
            with helpers.executor(spec, planned.seed, folder, control) as executor:
                outcome = run(
                    spec,
                    planned.seed,
                    context=make_context(spec, planned.seed, store=store, executor=executor),
                    sink=sink,
                    checkpoints=planned.folder.checkpoints(),
                    control=control,
                )
        finally:
            sink.close()
        planned.folder.finish(spec, planned.seed, outcome)
        return outcome.status

    def _identity(self) -> dict[str, Any]:
        """What must agree for a folder to be continued."""
        if self._is_single:
            return {"digest": self.digests[0], "seed": self.spec.seeds[0]}
        return {"digests": self.digests, "seeds": list(self.spec.seeds)}

    @property
    def _is_single(self) -> bool:
        return self.plan[0].folder.path == self.path

    def _refuse_others(self) -> None:
        note = self.path / "provenance.json"
        if note.is_file():
            there = json.loads(note.read_bytes())
            identity = self._identity()
            if {name: there.get(name) for name in identity} == identity:
                return
            given = ", ".join(
                f"{name} {there[name]}" for name in ("digest", "digests", "seed", "seeds") if name in there
            )
            wanted = ", ".join(f"{name} {value}" for name, value in identity.items())
            message = f"{self.path} holds another experiment ({given}; here {wanted}); choose another folder"
            raise SpecError([Problem("--out", "other_experiment", message)])
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            message = f"{self.path} is not empty and no run folder; choose a new or empty folder"
            raise SpecError([Problem("--out", "not_empty", message)])

    def _begin(self) -> None:
        if not self._is_single:
            self.path.mkdir(parents=True, exist_ok=True)
            self._top.write_text("spec.yaml", canonical(self.spec))
            self._top.write_json("provenance.json", {**provenance(), **self._identity()})

    def _join(self) -> None:
        """Write what stands over all runs; a single run has it already."""
        if self._is_single:
            return
        begun = [planned for planned in self.plan if (planned.folder.path / "events.jsonl").exists()]
        lines = [
            json.dumps({**_place(planned), **event}, ensure_ascii=False)
            for planned in begun
            for event in planned.folder.events()
        ]
        self._top.write_text("events.jsonl", "".join(f"{line}\n" for line in lines))
        for name, columns in (("metrics.csv", METRIC_COLUMNS), ("ledger.csv", ())):
            rows = [
                {**_place(planned), **row}
                for planned in begun
                if (planned.folder.path / name).exists()
                for row in from_csv((planned.folder.path / name).read_text(encoding="utf-8"))
            ]
            self._top.write_text(name, to_csv(rows, ("cell", "seed", *columns)))
        self._top.write_json("result.json", self.result())


def _place(planned: Planned) -> dict[str, Any]:
    return {"cell": planned.cell.label, "seed": planned.seed}


def _unique(slugs: Sequence[str]) -> list[str]:
    """The slugs, numbered where two labels give the same one."""
    return [slug if slugs.count(slug) == 1 else f"{slug}-{number}" for number, slug in enumerate(slugs, start=1)]
