"""The rounds of a run carried out for real beside its simulation (``execution.backend: emulate``)."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from engine.core.events import Event
from engine.costs.trace import Trace
from engine.emulation.comparison import Measurement, Row, compare
from engine.emulation.doctor import choose
from engine.emulation.fabric import Choice
from engine.emulation.replay import figures, first_rounds, replay
from engine.inference.task import Inference
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


def with_measurement(
    spec: ExperimentSpec, context: Context, state: State, summary: Summary
) -> tuple[Summary, list[Event]]:
    """The summary of a run, with its first rounds carried out for real if the spec asks for it, and what to tell of it.

    A distributed inference carries out its first requests: real processes compute its pieces.

    Raises:
        EngineError: it could not be done.
    """
    if spec.execution.backend != "emulate":
        return summary, []
    if isinstance(spec.task, Inference):
        return _carried_out(spec.task, spec, context, state, summary)
    measurement = replay(
        first_rounds(spec.task.trace(state), spec.execution.emulated_rounds),
        context.fleet,
        context.network,
        fabric=choose(spec.execution.fabric),
        seed=context.seed,
    )
    return _with(summary, figures(measurement, context.fleet, context.network), {FILE: measurement.to_bytes()}), []


def _carried_out(
    task: Inference, spec: ExperimentSpec, context: Context, state: State, summary: Summary
) -> tuple[Summary, list[Event]]:
    from engine.inference.live.of_run import carry_out

    execution = spec.execution
    live = carry_out(
        task,
        context,
        state,
        fabric=choose(execution.fabric),
        count=execution.emulated_rounds,
        kill=execution.kill_devices,
    )
    return _with(summary, live.figures, live.artifacts), live.events


def _with(summary: Summary, costs: Mapping[str, float], artifacts: Mapping[str, bytes]) -> Summary:
    return replace(summary, costs={**summary.costs, **costs}, artifacts={**summary.artifacts, **artifacts})


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
