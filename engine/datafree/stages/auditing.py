"""The privacy audit: what the images and the models tell of their members."""

from dataclasses import dataclass

from typing_extensions import override

from engine.core.json import JsonValue
from engine.datafree.stages.job import Job, Turn, told
from engine.datafree.world import World
from engine.task.contract import State


@dataclass(frozen=True)
class Audit(Job):
    """Attacks images, teacher and student with members and others."""

    @override
    def advance(self, world: World, state: State, steps: range) -> Turn:
        from engine.datafree.audit import audit
        from engine.datafree.lessons import standardizer
        from engine.datafree.pools import bank_of
        from engine.datafree.views import TeacherView

        settings = world.task.audit
        assert settings is not None, "this job exists only with an audit"
        images, _ = bank_of(world, state, world.num_batches)
        draw = world.context.stream("audit")
        chosen = images[draw.permutation(len(images))[: settings.num_images]]
        looks = {"teacher": world.teacher(state).outputs}
        if world.base == "student":
            student = TeacherView(world.student_graph, world.weights(state, "student"), world.pixels)
            looks["student"] = student.outputs
        found = audit(settings, standardizer(world.pixels)(chosen), (world.train, world.test), looks, draw)
        figures: dict[str, JsonValue] = {**found.figures()}
        body: dict[str, JsonValue] = {"sentence": found.sentence, "signals": list(found.signals), "figures": figures}
        return state.replace(values={"audit": body}), [told(state, "audit", self.stage, **body)]
