"""What can be wrong with a data-free deployment, told before anything is loaded."""

from collections.abc import Iterator
from math import prod
from typing import TYPE_CHECKING

from engine.core.errors import Problem
from engine.costs.plan import message_problems
from engine.datafree.fleet.deployment import computes_integers, expected_bytes, final_of
from engine.datafree.fleet.devices import precision_of
from engine.datafree.metadata import Subject
from engine.datafree.owner.stored_metadata import StoredMetadata
from engine.datafree.world import World
from engine.models.profile import profile
from engine.task.contract import Context

if TYPE_CHECKING:
    from engine.datafree.task import Datafree


MOST_BATCHES = 10_000
"""Batches of a run at most: each is a file of its checkpoints."""

MOST_BANK_BYTES = 4 << 30
"""Bytes of all images at most: they are kept in memory while the student learns from them."""


def problems_of(task: "Datafree", context: Context) -> list[Problem]:
    """All problems, paths relative to the task."""
    if unknown := below("dataset", task.dataset.check()):
        return unknown  # an upload that is not here has no shape that anything else could be checked against
    sample = task.dataset.sample()
    if sample.kind != "image" or task.dataset.pixels() is None:
        given = "samples of the kind " + sample.kind if sample.kind != "image" else "arrays that are no pictures"
        message = f"images are made, so the data set must hold images; this one has {given}"
        return [Problem("dataset", "does_not_fit", message)]
    unfit = below("teacher", task.teacher.check(sample, context.artifacts))
    if task.student is not None:
        unfit += below("student", task.student.check(sample))
    problems = [*unfit, *below("distillation", task.distillation.problems(sample)), *_parts(task), *_amounts(task)]
    return problems if unfit else [*problems, *_together(task, context)]


def below(part: str, problems: list[Problem]) -> list[Problem]:
    """The problems of a part, with paths relative to the task."""
    return [Problem(f"{part}.{found.path}".rstrip("."), found.code, found.message) for found in problems]


def _parts(task: "Datafree") -> Iterator[Problem]:
    """What is missing, and what nothing reads."""
    if task.student is not None and task.synthesizer is None:
        message = "a student needs a synthesizer that makes images for it; without a student the teacher is deployed"
        yield Problem("synthesizer", "missing", message)
    if task.student is None and task.synthesizer is not None and task.synthesizer.is_interleaved:
        message = "this synthesizer makes images together with a student, so it needs one; choose a student, or another"
        yield Problem("synthesizer", "needs_student", message)
    if task.audit is not None and task.synthesizer is None:
        yield Problem("audit", "missing", "the audit looks at synthesized images, so it needs a synthesizer")
    if len(set(task.export.formats)) < len(task.export.formats):
        yield Problem("export.formats", "repeated", "each format may stand only once")
    other = task.baselines.out_of_domain
    if other is None:
        return
    yield from below("baselines.out_of_domain", other.check())
    if not other.check() and other.pixels() is None:
        yield Problem("baselines.out_of_domain", "does_not_fit", "the other set must hold images")


def _amounts(task: "Datafree") -> Iterator[Problem]:
    """What is too much for the state of a run."""
    if task.synthesizer is None:
        return
    count = task.synthesizer.num_batches(task.num_images)
    if count > MOST_BATCHES:
        message = (
            f"{count:,} batches of {task.synthesizer.batch_size} are too many; at most {MOST_BATCHES:,} are allowed"
        )
        yield Problem("num_images", "out_of_range", f"{message}: choose fewer images or larger batches")
    size = prod(task.dataset.sample().shape)
    if count * task.synthesizer.batch_size * size > MOST_BANK_BYTES:
        message = f"images of {size:,} bytes are kept in memory; at most {MOST_BANK_BYTES // size:,} are allowed"
        yield Problem("num_images", "out_of_range", f"{message}, whole batches counted")


def subject_of(task: "Datafree", context: Context) -> Subject:
    """What the metadata must belong to, once the teacher is known to be right."""
    graph = task.teacher.graph(task.dataset.sample(), context.artifacts)
    weights = task.teacher.path_in(context.artifacts)
    return Subject(graph, task.dataset.num_samples("train"), weights, context.artifacts)


def _together(task: "Datafree", context: Context) -> Iterator[Problem]:
    """What does not fit together, now that the networks are known."""
    world = World(task, context)
    teacher, student = world.teacher_graph, world.student_graph
    unfit = task.metadata.problems(subject_of(task, context))
    yield from below("metadata", unfit)
    if task.synthesizer is not None and not (unfit and isinstance(task.metadata, StoredMetadata)):
        yield from below("synthesizer", task.synthesizer.check(world.metadata_method, teacher))
    if task.student is not None:
        yield from below("distiller", task.distiller.check(student, teacher))
    yield from _shrinking(task, world)
    graph = world.expected_graph(final_of(task))
    costs, place = profile(graph), "teacher.model" if task.student is None else "student"
    if all(precision_of(kind, costs, is_quantized=computes_integers(task)) is None for kind in context.fleet.kinds):
        message = "no device of the fleet has a known speed for this model; allowed are devices with a float rate"
        yield Problem(place, "no_speed", message)
    yield from message_problems(context.cost_model, expected_bytes(task, graph), 0, place)


def _shrinking(task: "Datafree", world: World) -> Iterator[Problem]:
    """What keeps the model from being pruned or quantized."""
    if task.quantizer is not None:
        graph = world.expected_graph("quantized")
        yield from below("quantizer", task.quantizer.check(graph, has_images=world.num_batches > 0))
