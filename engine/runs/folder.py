"""The folder of a run: everything about it in files that anyone can read."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.core.json import JsonValue
from engine.runs.checkpoint import FolderCheckpoints, write_atomically
from engine.runs.loop import Outcome
from engine.runs.provenance import provenance
from engine.runs.sinks import JsonlSink, read_events
from engine.runs.summary import Record, record_of, result_of
from engine.runs.tables import metric_rows, to_csv
from engine.specs.experiment import ExperimentSpec
from engine.specs.text import canonical, digest

METRIC_COLUMNS = ("seq", "sim_time_s", "round")


class RunFolder:
    """The files of one run: ``spec.yaml``, ``events.jsonl``, ``metrics.csv``, ``trace.safetensors``, ``ledger.csv``,
    ``result.json``, ``artifacts/`` and ``provenance.json``; while it goes on also ``checkpoint/``.

    Args:
        path: the folder; made by :meth:`begin`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def begin(self, spec: ExperimentSpec, seed: int) -> None:
        """Make the folder and write what is known before the first step."""
        self.path.mkdir(parents=True, exist_ok=True)
        self.write_text("spec.yaml", canonical(spec))
        self.write_json("provenance.json", {**provenance(), "digest": digest(spec), "seed": seed})

    def sink(self) -> JsonlSink:
        """The sink that writes ``events.jsonl`` and continues what is there."""
        return JsonlSink(self.path / "events.jsonl")

    def checkpoints(self) -> FolderCheckpoints:
        """The run's checkpoints."""
        return FolderCheckpoints(self.path / "checkpoint")

    def finish(self, spec: ExperimentSpec, seed: int, outcome: Outcome) -> Record:
        """Write what an ended or halted run amounts to; an ended one needs no checkpoint any more."""
        record = record_of(seed, outcome.status, outcome.work_s, outcome.summary)
        self.write_text("metrics.csv", to_csv(metric_rows(self.events()), METRIC_COLUMNS))
        self.write_text("ledger.csv", to_csv(spec.task.ledger(outcome.state).to_rows()))
        spec.task.trace(outcome.state).save(self.path / "trace.safetensors")
        for name, content in (outcome.summary.artifacts if outcome.summary else {}).items():
            (self.path / "artifacts").mkdir(exist_ok=True)
            write_atomically(self.path / "artifacts" / name, content)
        self.write_json("result.json", result_of(digest(spec), [record]))
        if outcome.status == "done":
            remove_tree(self.path / "checkpoint")
        return record

    def record(self) -> Record | None:
        """The record of a run that ended or halted; None before."""
        place = self.path / "result.json"
        if not place.is_file():
            return None
        result = json.loads(place.read_bytes())
        return {
            "seed": result["seeds"][0],
            "state": result["state"],
            "reason": result["reasons"][0],
            "metrics": {name: values["values"][0] for name, values in result["metrics"].items()},
            "baselines": result["baselines"],
            "costs": result["costs"],
            "wall_s": result["wall_s"],
            "published": result["published"],
            **({"words": {name: said[0] for name, said in result["words"].items()}} if "words" in result else {}),
        }

    @property
    def is_done(self) -> bool:
        """Whether the run is done."""
        record = self.record()
        return record is not None and record["state"] == "done"

    def events(self) -> Iterator[dict[str, Any]]:
        """All events so far, one after another."""
        place = self.path / "events.jsonl"
        if place.exists():
            yield from read_events(place)

    def write_text(self, name: str, text: str) -> None:
        """Write one of the files, whole or not at all."""
        write_atomically(self.path / name, text.encode())

    def write_json(self, name: str, tree: JsonValue) -> None:
        """Write one of the files as JSON."""
        self.write_text(name, json.dumps(tree, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def remove_tree(folder: Path) -> None:
    """Remove a flat folder and its files, if it is there."""
    if folder.is_dir():
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
