"""A teacher that is trained within the run."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from engine.core.errors import Problem
from engine.core.sample import SampleSpec
from engine.datafree.settings import TeacherTraining
from engine.datafree.teacher import Teacher, teachers
from engine.models.graph import Graph
from engine.models.model import Model, models
from engine.models.zoo.resnet8 import Resnet8
from engine.task.context import ArtifactResolver


@teachers.register
class TrainedTeacher(Teacher):
    """A network that is trained on the private data at the beginning of the run."""

    source: ClassVar[str] = TeacherTraining.source
    kind: Literal["train"] = "train"
    """Trained within the run."""

    model: Annotated[Model, models.field()] = Field(default_factory=Resnet8)
    """The network."""

    training: TeacherTraining = Field(default_factory=TeacherTraining)
    """How it is trained."""

    @override
    def check(self, sample: SampleSpec, artifacts: ArtifactResolver) -> list[Problem]:
        return [
            *(
                Problem(f"model.{found.path}".rstrip("."), found.code, found.message)
                for found in self.model.check(sample)
            ),
            *(Problem(f"training.{found.path}", found.code, found.message) for found in self.training.problems(sample)),
        ]

    @override
    def graph(self, sample: SampleSpec, artifacts: ArtifactResolver) -> Graph:
        return self.model.declare(sample)
