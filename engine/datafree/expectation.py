"""What a data-free deployment is expected to cost the fleet, from the spec alone."""

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from engine.costs.trace import Trace, TraceBuilder
from engine.costs.work import Work
from engine.datafree.agenda import agenda_of
from engine.datafree.fleet.budget import BudgetRow, budgets
from engine.datafree.fleet.deployment import deployment_trace, expected_bytes, final_of
from engine.datafree.rounding.folding import fold_graph
from engine.datafree.stages.exporting import Verify
from engine.datafree.stages.measuring import Measure
from engine.datafree.stages.synthesizing import Synthesize
from engine.datafree.stages.training import Train
from engine.datafree.world import World
from engine.models.profile import profile
from engine.task.contract import Context

if TYPE_CHECKING:
    from engine.datafree.task import Datafree


def expected_trace(task: "Datafree", context: Context) -> Trace:
    """The message with the final model to every device, and their answers; training takes place elsewhere."""
    graph = World(task, context).expected_graph(final_of(task))
    costs = profile(graph if task.quantizer is None else fold_graph(graph))
    return deployment_trace(task, context, costs, expected_bytes(task, graph))


def deployed_fits(task: "Datafree", context: Context) -> list[BudgetRow]:
    """Whether the model that is deployed fits each group's devices at each precision, from the declaration alone."""
    return budgets(World(task, context).expected_graph(final_of(task)), context.fleet)


HOST = np.array([0])
"""The device that stands for this host."""


def expected_host_trace(task: "Datafree", context: Context) -> Trace:
    """What this host trains, makes and measures, one computation for all jobs of a kind: a run may have thousands."""
    world, builder = World(task, context), TraceBuilder()
    trained, measured, made = Counter[str](), Counter[str](), 0
    for job in agenda_of(world).jobs:
        match job:
            case Train(contender=contender, num_steps=steps):
                trained[contender] += steps
            case Synthesize(num_steps=steps):
                made += steps if world.synthesizer.steps_per_batch else 0
            case Measure(contender=contender) | Verify(contender=contender):
                known = contender if contender not in ("pruned", "quantized") else world.base
                measured[known] += task.dataset.num_samples("test")
            case _:
                pass
    for contender, steps in trained.items():
        settings = world.teacher_training if contender == "teacher" else task.distillation
        samples = steps * settings.batch_size
        _compute(builder, _work(world, contender), samples, trains=True, steps=steps)
        if contender not in ("teacher", "oracle"):
            _compute(builder, _work(world, "teacher"), samples)
    if made:
        macs, teacher = _macs_of_synthesis(world), _work(world, "teacher")
        each = teacher.scaled(macs / max(1.0, float(sum(teacher.macs.values()))))
        _compute(builder, replace(each, parameter_count=0), made)
    for contender, samples in measured.items():
        _compute(builder, _work(world, contender), samples)
    return builder.build()


def _macs_of_synthesis(world: World) -> float:
    """Multiply-accumulates of one step that makes images."""
    return world.synthesizer.step_macs(world.profile("teacher"), world.student_profile)


def _work(world: World, contender: str) -> Work:
    return Work.from_profile(world.profile(contender))


def _compute(builder: TraceBuilder, work: Work, samples: int, *, trains: bool = False, steps: int = 0) -> None:
    builder.compute(HOST, work, samples, mode="train" if trains else "infer", num_steps=steps)
