"""The files that a finished run leaves: those of its task, and what re-costing and checking need."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

from engine.runs.loop import Outcome
from engine.runs.provenance import provenance
from engine.runs.tables import to_csv
from engine.specs.experiment import ExperimentSpec


def products_of(spec: ExperimentSpec, outcome: Outcome) -> Iterator[tuple[str, bytes]]:
    """Names and contents: the task's artifacts, ``ledger.csv``, ``trace.safetensors`` and ``provenance.json``.

    Args:
        spec: what was run.
        outcome: how it ended.
    """
    if outcome.summary is not None:
        yield from outcome.summary.artifacts.items()
    yield "ledger.csv", to_csv(spec.task.ledger(outcome.state).to_rows()).encode()
    with tempfile.TemporaryDirectory(prefix="edgeloom-") as folder:
        place = Path(folder) / "trace.safetensors"
        spec.task.trace(outcome.state).save(place)
        yield place.name, place.read_bytes()
    yield "provenance.json", json.dumps(provenance(), indent=2).encode()
