"""The privacy audit: what the images and the models tell of their members."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from typing_extensions import override

from engine.core.json import JsonValue
from engine.datafree.audits.audit import AuditSettings, Sample, judged, sizes
from engine.datafree.images.pools import bank_of
from engine.datafree.world import World
from engine.task import layout
from engine.task.contract import State
from engine.task.jobs import Job, Turn, told
from engine.task.pace import samples_at_once
from engine.task.survey import appended

if TYPE_CHECKING:
    from engine.datafree.images.views import TeacherView

TEACHER, FEATURES = "teacher", "features"


@dataclass(frozen=True)
class Audit(Job[World]):
    """Shows members, others and images to the models, some at a time, and attacks all at the end.

    Attributes:
        blocks: model, first row and row after the last of each step; of members, others and images in this order.
    """

    blocks: tuple[tuple[str, int, int], ...]

    @override
    def chunk(self, world: World) -> int:
        return 1

    @override
    def advance(self, world: World, state: State, steps: range) -> Turn:
        settings, sample = _settings(world), _sample(world, state)
        work = layout.part(layout.WORK, state.tensors)
        for model, first, last in self.blocks[steps.start : steps.stop]:
            shown = sample.inputs(with_images=model == TEACHER)[first:last]
            logits, features = _view(world, state, model).outputs(shown)
            work = appended(work, {f"{model}.logits": logits, **({FEATURES: features} if model == TEACHER else {})})
        if steps.stop < self.num_steps:
            return layout.with_part(state, layout.WORK, work), []
        state = layout.with_part(state, layout.WORK, {})
        models = dict.fromkeys(model for model, _, _ in self.blocks)
        found = judged(settings, sample, {name: work[f"{name}.logits"] for name in models}, work[FEATURES])
        figures: dict[str, JsonValue] = {**found.figures()}
        body: dict[str, JsonValue] = {"sentence": found.sentence, "signals": list(found.signals), "figures": figures}
        return state.replace(values={"audit": body}), [told(state, "audit", self.stage, **body)]


def audit_of(world: World, num_images: int) -> Audit:
    """The audit of a run that makes so many images, cut into steps of bounded work."""
    dataset = world.task.dataset
    count, images = sizes(_settings(world), num_images, dataset.num_samples("train"), dataset.num_samples("test"))
    rows = {TEACHER: 2 * count + images, **({"student": 2 * count} if world.base == "student" else {})}
    blocks = []
    for model, total in rows.items():
        width = samples_at_once(sum(world.profile(model).macs.values()))
        blocks += [(model, first, min(total, first + width)) for first in range(0, total, width)]
    return Audit("audit", len(blocks), tuple(blocks))


def _settings(world: World) -> AuditSettings:
    assert world.task.audit is not None, "this job exists only with an audit"
    return world.task.audit


def _sample(world: World, state: State) -> Sample:
    """The same members, others and images in every step."""
    from engine.datafree.learning.lessons import standardizer

    def drawn() -> Sample:
        images, _ = bank_of(world, state, world.num_batches)
        draw = world.context.stream("audit")
        # drawn as bytes: only what is looked at becomes float
        sample = Sample.drawn(_settings(world), images, (world.train, world.test), draw)
        return Sample(standardizer(world.pixels)(sample.images), sample.members, sample.others)

    return world.remembered("audited", state, drawn)


def _view(world: World, state: State, model: str) -> "TeacherView":
    from engine.datafree.images.views import TeacherView

    if model == TEACHER:
        return world.teacher(state)
    return TeacherView(world.student_graph, world.weights(state, "student"), world.pixels)
