"""The rounds of a run carried out for real beside its simulation (``execution.backend: emulate``)."""

import json
from dataclasses import replace
from pathlib import Path

from engine.costs.trace import Trace
from engine.emulation.comparison import Measurement, Row, compare
from engine.emulation.doctor import choose
from engine.emulation.fabric import Choice
from engine.emulation.replay import figures, first_rounds, replay
from engine.specs.context import make_context
from engine.specs.experiment import ExperimentSpec
from engine.specs.text import parse
from engine.task.context import Context, Summary
from engine.task.state import State

FILE = "measured.safetensors"
"""The artifact that holds the measured trace."""


def refuse_if_impossible(spec: ExperimentSpec) -> None:
    """Say before a run that this host could not carry out its rounds after it.

    Raises:
        FabricUnavailable: with the doctor's reason and remedy.
    """
    if spec.execution.backend == "emulate":
        choose(spec.execution.fabric)


def with_measurement(spec: ExperimentSpec, context: Context, state: State, summary: Summary) -> Summary:
    """The summary of a run, with its first rounds carried out for real if the spec asks for it.

    Raises:
        EngineError: it could not be done.
    """
    if spec.execution.backend != "emulate":
        return summary
    measurement = replay(
        first_rounds(spec.task.trace(state), spec.execution.emulated_rounds),
        context.fleet,
        context.network,
        fabric=choose(spec.execution.fabric),
        seed=context.seed,
    )
    return replace(
        summary,
        costs={**summary.costs, **figures(measurement, context.fleet, context.network)},
        artifacts={**summary.artifacts, FILE: measurement.to_bytes()},
    )


def compared(folder: Path, *, rounds: int, fabric: Choice) -> tuple[Measurement, list[Row]]:
    """A finished run's measurement beside its simulation; where it has none, its first rounds are carried out now.

    Args:
        folder: of the run.
        rounds: how many to carry out.
        fabric: the tier to do so.
    """
    spec = parse((folder / "spec.yaml").read_bytes())
    seed = int(json.loads((folder / "provenance.json").read_bytes())["seed"])
    context = make_context(spec, seed)
    place = folder / "artifacts" / FILE
    if place.is_file():
        measurement = Measurement.load(place)
    else:
        trace = first_rounds(Trace.load(folder / "trace.safetensors"), rounds)
        measurement = replay(trace, context.fleet, context.network, fabric=choose(fabric), seed=seed)
    cost = context.cost_model.cost(measurement.trace)
    return measurement, compare(measurement, cost.start_s, cost.end_s)
