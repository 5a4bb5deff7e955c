"""The trace of a finished run and the spec it was made by, read once and kept in memory."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from engine.core.allowance import Allowance
from engine.core.errors import Problem, SpecError
from engine.costs.trace import Trace
from engine.specs.experiment import ExperimentSpec
from engine.specs.text import parse, parse_tree
from webapp.experiments.files import path_of
from webapp.experiments.models import Artifact, Cell, Run, RunState
from webapp.experiments.states import Conflict
from webapp.recosting.memory import Memory

TRACE = "trace.safetensors"
"""Name of the artifact that holds the trace of a run."""

TRACE_MEMORY_BYTES = 256 * 2**20
SPEC_MEMORY_BYTES = 32 * 2**20


@dataclass(frozen=True)
class World:
    """What a finished run did, and where.

    Attributes:
        run: the run.
        spec: its cell, by value.
        artifact: the file of its trace.
    """

    run: Run
    spec: ExperimentSpec
    artifact: Artifact

    @property
    def key(self) -> tuple[Any, ...]:
        """The same for all that cost the same."""
        return (self.artifact.sha256, self.run.cell.digest, self.run.seed)

    @property
    def trace(self) -> Trace:
        """The trace."""
        return _traces.get(self.artifact.sha256, lambda: Trace.load(path_of(self.artifact)))


def _trace_bytes(trace: Trace) -> int:
    return sum(array.nbytes for array in trace.to_arrays().values())


_traces: Memory[Trace] = Memory(TRACE_MEMORY_BYTES, _trace_bytes)
_specs: Memory[tuple[ExperimentSpec, int]] = Memory(SPEC_MEMORY_BYTES, lambda entry: entry[1])


def world_of(run: Run) -> World:
    """The trace and spec of a run.

    Raises:
        Conflict: the run is not done, or left no trace.
        SpecError: it was made under an older schema.
    """
    if run.state != RunState.DONE:
        message = f"only a run that is done can be costed again; this one is {run.get_state_display().lower()}"
        raise Conflict(message, remedy="Wait until it is done.")
    artifact = run.artifacts.filter(name=TRACE).first()
    if artifact is None or not path_of(artifact).is_file():
        raise Conflict("the run left no trace that could be costed again", remedy="Run it once more.")
    return World(run, spec_of(run.cell), artifact)


def spec_of(cell: Cell) -> ExperimentSpec:
    """The spec of a cell, by value.

    Raises:
        SpecError: it was made under an older schema.
    """
    key: tuple[UUID | int, str] = (cell.pk, cell.digest)
    return _specs.get(key, lambda: _read(cell))[0]


def _read(cell: Cell) -> tuple[ExperimentSpec, int]:
    try:
        nothing = Allowance(0)  # its runs have found their plan
        spec = parse_tree(cell.document, allowance=nothing) if cell.document else parse(cell.text, allowance=nothing)
    except SpecError as error:
        words = "; ".join(map(str, error.problems[:3]))
        message = f"the run was made under an older schema, which cannot be read any more: {words}"
        raise SpecError([Problem("run", "older_schema", message)]) from error
    # A validated spec takes about ten times the memory of its text.
    return spec, 10 * len(json.dumps(cell.document) if cell.document else cell.text)
