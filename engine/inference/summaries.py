"""The beginning of a distributed inference, what is known before it, and what it amounts to in the end."""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.core.json import JsonValue
from engine.core.registry import kind_of
from engine.costs.trace import Trace, TraceBuilder
from engine.costs.work import Work
from engine.inference.agenda import agenda_of
from engine.inference.nonn.rivals import graph_of, rival_network, rivals_of
from engine.inference.plans.planning import CHOSEN, TITLES
from engine.inference.splitters.bottleneck import BottleneckSplitter
from engine.inference.splitters.early_exit import EarlyExitSplitter
from engine.inference.stages.teaching import Reading
from engine.inference.world import STUDENTS, TEACHER, World, students_of, world_of
from engine.models.model_file import ModelCard, pack
from engine.models.profile import profile
from engine.task import layout
from engine.task.contract import Context, State, Summary

if TYPE_CHECKING:
    from engine.inference.task import Inference

HOST = np.array([0])
"""The device that stands for this host."""


def facts_of(task: "Inference", context: Context) -> dict[str, JsonValue]:
    """Sizes, stages and roles, which never change during a run."""
    world = world_of(task, context)
    planning = world.planning
    ends, pieces = planning.ends, planning.pieces
    return {
        "num_devices": context.fleet.num_devices,
        "stages": agenda_of(world).stages(),
        "contenders": _contenders(world),
        "final": CHOSEN,
        "num_parameters": world.profile.num_parameters,
        "macs": world.profile.total_macs,
        "num_pieces": len(pieces.pieces),
        "piece_macs": pieces.total_macs,
        "is_exact": pieces.exact,
        "exit_rates": [*pieces.exit_rates],
        "splitter": kind_of(type(task.splitter)),
        "placer": kind_of(type(task.placer)),
        "objective": task.objective,
        "origin": ends.origin,
        "sink": ends.sink,
        "cloud": ends.cloud,
        "num_requests": task.requests.count,
        "num_test_samples": task.dataset.num_samples("test"),
        "classes": list(task.dataset.class_names()),
    }


def _contenders(world: World) -> list[JsonValue]:
    """Name, title and role of every row of the comparison that there may be."""
    plans = [(name, *TITLES[name]) for name in world.planning.plans]
    rivals = [(*row, "baseline") for rival in rivals_of(world) for row in rival.rows]
    return [{"name": name, "title": title, "role": role} for name, title, role in (*plans, *rivals)]


def expected_host_trace(task: "Inference", context: Context) -> Trace:
    """What this host trains and measures."""
    world, builder = world_of(task, context), TraceBuilder()
    work = Work.from_profile(world.profile)
    if world.num_steps:
        samples = world.num_steps * world.training.batch_size
        builder.compute(HOST, work, samples, mode="train", num_steps=world.num_steps)
    builder.compute(HOST, work, task.dataset.num_samples("test") + 2 * task.verification.num_samples, mode="infer")
    if task.splitter.needs_training:
        students = Work.from_profile(profile(world.expected_network))
        steps, batch = task.training.steps, task.training.batch_size
        if isinstance(task.splitter, BottleneckSplitter):
            builder.compute(HOST, work, steps * batch, mode="infer")
        if not task.splitter.extends_network:
            builder.compute(HOST, work, sum(last - first for _, first, last in Reading.of(world).parts), mode="infer")
        networks = [students]
        networks += [Work.from_profile(profile(graph_of(rival_network(world, one, ())))) for one in rivals_of(world)]
        for network in networks:
            builder.compute(HOST, network, steps * batch, mode="train", num_steps=steps)
            builder.compute(HOST, network, task.dataset.num_samples("test"), mode="infer")
    return builder.build()


def begin(task: "Inference", context: Context) -> State:
    """The state before the first job; loads the test samples, so that a missing set is told at once."""
    world = world_of(task, context)
    assert len(world.test), "data sets have test samples"
    values: dict[str, JsonValue] = {
        "plan": {}, "losses": [], "failures": {}, "groups": [], "filters": {}, "rivals": {}, "exit_rates": [],
        "exits": {}, "totals": dict.fromkeys(layout.TOTALS, 0.0), "metrics": {}, "contenders": {}, "accuracies": [],
    }  # fmt: skip
    return agenda_of(world).begin(context.fleet.names, values)


def summary_of(task: "Inference", state: State) -> Summary:
    """Metrics, the plans beside the one that was carried out, costs and files of a run."""
    rows: dict[str, Any] = layout.value(state, "contenders")
    return Summary(
        metrics={name: float(value) for name, value in layout.value(state, "metrics").items()},
        reason=str(state.values["reason"]),
        costs=layout.ledger_of(state).totals(),
        baselines={name: row for name, row in rows.items() if name != CHOSEN},
        artifacts=_files(task, state),
    )


def _files(task: "Inference", state: State) -> dict[str, bytes]:
    """The plan, what comes of losses, and the network with its card."""
    files = {
        f"{name}.json": json.dumps(state.values[name], indent=2).encode()
        for name in ("plan", "failures", "filters", "exits")
        if state.values[name]
    }
    model, metrics = getattr(task.teacher, "model", None), layout.value(state, "metrics")
    data = task.dataset.model_dump(mode="json")
    if model is not None:
        spec = model.model_dump(mode="json")
        card = ModelCard(model.declare(task.dataset.sample()), spec, data, metrics["teacher_accuracy"])
        files["teacher.safetensors"] = pack(state.clients[TEACHER], card)
    return {**files, **dict(_students(task, state, data))}


def _students(task: "Inference", state: State, data: Mapping[str, JsonValue]) -> Iterator[tuple[str, bytes]]:
    """All students as one network, and each with its slice of the last layer, whose outputs add up to the answer."""
    if not task.splitter.needs_training:
        return
    if task.splitter.extends_network:
        model = getattr(task.teacher, "model", None)
        if model is not None:
            graph = task.splitter.extended(model.declare(task.dataset.sample()))
            card = ModelCard(graph, None, data, layout.value(state, "metrics")["accuracy"])
            name = "exits" if isinstance(task.splitter, EarlyExitSplitter) else kind_of(type(task.splitter))
            yield f"{name}.safetensors", pack(state.clients[STUDENTS], card)
        return
    groups: list[list[int]] = layout.value(state, "groups")
    network, weights = students_of(task, tuple(map(len, groups))), state.clients[STUDENTS]
    accuracies: list[float] = layout.value(state, "accuracies")
    yield "students.safetensors", pack(weights, ModelCard(network.graph, None, data, accuracies[0]))
    every = (1 << len(network.branches)) - 1
    for number in range(len(network.branches)):
        card = ModelCard(network.student(number), None, data, accuracies[every ^ 1 << number])
        yield f"student{number}.safetensors", pack(network.student_weights(number, weights), card)
