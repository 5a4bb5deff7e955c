"""The jobs of a data-free deployment, in the order in which they are done: a function of the task alone."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.datafree.contenders import TITLES, baselines_of
from engine.datafree.metadata import CollectedMetadata
from engine.datafree.stages.auditing import audit_of
from engine.datafree.stages.collecting import Collect
from engine.datafree.stages.deploying import Deploy
from engine.datafree.stages.exporting import Export, Verify
from engine.datafree.stages.loading import Load, LoadMetadata
from engine.datafree.stages.measuring import Measure
from engine.datafree.stages.shrinking import Prune, Quantize
from engine.datafree.stages.synthesizing import Synthesize
from engine.datafree.stages.training import Train
from engine.datafree.teachers.train import TrainedTeacher
from engine.datafree.world import World
from engine.task.jobs import Agenda, Job, kept
from engine.task.pace import samples_at_once

if TYPE_CHECKING:
    from engine.datafree.task import Datafree

VERIFIER = "oracle"
"""The baseline that comes before the images: another network of the same data, which then judges them."""

STAGE_TITLES = {
    **{name: title for name, (title, _) in TITLES.items()},
    "metadata": "Metadata",
    "synthesis": "Images",
    "export": "Files",
    "audit": "Audit",
    "deployment": "Deployment",
}
"""Title of each stage."""


def agenda_of(world: World) -> Agenda[World]:
    """All jobs, kept by the process."""
    return kept(world, world.memory, _jobs, STAGE_TITLES)


def _jobs(world: World) -> Iterator[Job[World]]:
    task = world.task
    yield from _teacher(world)
    if not isinstance(task.metadata, CollectedMetadata):
        yield LoadMetadata("metadata", 1)
    elif task.metadata.hands_out:
        yield Collect("metadata", 1)
    baselines = baselines_of(task)
    for name in baselines:
        if name == VERIFIER:
            yield from _baseline(world, name)
    if world.num_batches:
        yield from _images(world)
    if task.student is not None:
        yield _measure(world, "student")
    yield from _shrunk(world)
    for name in baselines:
        if name != VERIFIER:
            yield from _baseline(world, name)
    yield from _exports(world)
    if task.audit is not None and world.num_batches:
        yield audit_of(world, world.num_batches * world.synthesizer.batch_size)
    yield Deploy("deployment", 1)


def _teacher(world: World) -> Iterator[Job[World]]:
    if isinstance(world.task.teacher, TrainedTeacher):
        steps = teacher_steps(world.task)
        yield Train("teacher", steps, "teacher", 0, steps)
    else:
        yield Load("teacher", 1)
    yield _measure(world, "teacher")


def teacher_steps(task: "Datafree") -> int:
    """Steps of the training of a teacher that is trained in the run."""
    assert isinstance(task.teacher, TrainedTeacher), "only such a teacher is trained"
    count, training = task.dataset.num_samples("train"), task.teacher.training
    return training.epochs * (count // min(training.batch_size, count))


def _baseline(world: World, name: str) -> Iterator[Job[World]]:
    steps = world.task.distillation.steps
    yield Train(name, steps, name, 0, steps)
    yield _measure(world, name)


def _images(world: World) -> Iterator[Job[World]]:
    """All batches and then all steps of the student; or a share of the steps after each batch, if images are made with
    the student.
    """
    synthesizer, count = world.synthesizer, world.num_batches
    steps = 0 if world.task.student is None else world.task.distillation.steps
    done = 0
    for batch in range(count):
        yield Synthesize("synthesis", max(1, synthesizer.steps_per_batch), batch, count)
        due = steps * (batch + 1) // count if synthesizer.is_interleaved else 0
        if due > done:
            yield Train("student", due - done, "student", done, steps, batch + 1)
            done = due
    if done < steps:
        yield Train("student", steps - done, "student", done, steps, count)


def _shrunk(world: World) -> Iterator[Job[World]]:
    """The smaller forms of the model, each made of the one before."""
    task, origin = world.task, world.base
    if task.pruner is not None:
        yield Prune("pruned", 1, origin)
        yield _measure(world, "pruned")
        origin = "pruned"
    if task.quantizer is not None:
        steps = task.quantizer.num_steps(world.expected_graph("quantized"), has_images=world.num_batches > 0)
        yield Quantize("quantized", max(1, steps), origin)
        yield _measure(world, "quantized")


def _exports(world: World) -> Iterator[Job[World]]:
    """The files of the final model: of floats in each format, and of whole numbers if it is quantized."""
    task = world.task
    name, count = "pruned" if task.pruner is not None else world.base, task.dataset.num_samples("test")
    width = samples_at_once(sum(world.profile(world.base).macs.values()))
    for form in task.export.formats:
        yield Export("export", 1, name, form)
        yield Verify("export", -(-count // width), width, name, form)
    if task.quantizer is not None and task.export.formats:
        yield Verify("export", -(-count // width), width, "quantized", "onnx")


def _measure(world: World, contender: str) -> Measure:
    known = world.base if contender in ("pruned", "quantized") else contender
    width = samples_at_once(sum(world.profile(known).macs.values()))
    return Measure(contender, -(-world.task.dataset.num_samples("test") // width), width, contender)
