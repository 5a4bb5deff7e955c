"""A network of neural networks: small students, each of which learns a part of the teacher's knowledge."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from engine.core.errors import EngineError
from engine.core.sample import SampleSpec
from engine.inference.cuts.pieces import Pieces
from engine.inference.nonn.filters import FilterNetwork, FilterNetworkSettings
from engine.inference.nonn.partition_rooms import Room, fair_counts
from engine.inference.nonn.settings import TransferSettings
from engine.inference.nonn.students import StudentNetwork, knowledge_students, num_filters
from engine.inference.partition import MOST_STUDENTS, FilterGroups, Partition, partitions
from engine.inference.partitions.community import CommunityPartition
from engine.inference.splitter import CannotSplit, Splitter, splitters
from engine.models.graph import Graph
from engine.models.model import Model, models
from engine.models.zoo.wide_resnet import WideResnet


@splitters.register
class NonnSplitter(Splitter):
    """Students that each learn some filters of the teacher's last feature map, and meet in one small last layer.

    Students read the input alone and send one number per filter; no other message travels. The filters of a student are
    those that are active together, so that students are experts for different things. A lost student is zeros in its
    place.
    """

    source: ClassVar[str] = "Bhardwaj et al., NoNN, arXiv 1907.11804, section 4; repository SLDGroup/NoNN_framework"
    exact: ClassVar[bool] = False
    needs_training: ClassVar[bool] = True
    kind: Literal["nonn"] = "nonn"

    num_students: int = Field(default=2, ge=1, le=MOST_STUDENTS)
    """How many students there are."""

    students: tuple[Annotated[Model, models.field()], ...] = Field(
        default=(WideResnet(),), min_length=1, max_length=MOST_STUDENTS
    )
    """The small network of each student, which loses its classifier; one network is that of all students."""

    num_learned: int | None = Field(default=None, ge=1, le=65_536)
    """How many of the teacher's filters are learned, those with the strongest links, so that the plan is final before
    the teacher is trained; empty for those that the partition takes. The authors' published students learn 97 of
    256."""

    weights: tuple[float, ...] = ()
    """Part of the filters of each student, such as the speed of its device; equal if empty."""

    filters: FilterNetworkSettings = Field(default_factory=FilterNetworkSettings)
    """How links between the teacher's filters are drawn."""

    partition: Annotated[Partition, partitions.field()] = Field(default_factory=CommunityPartition)
    """How filters are divided over students."""

    transfer: TransferSettings = Field(default_factory=TransferSettings)
    """What students learn."""

    views: int = Field(default=1, ge=1, le=100)
    """How many times the training samples are augmented, if they are; the teacher looks at each view once, and students
    take one after the other."""

    @model_validator(mode="after")
    def _check_students(self) -> Self:
        if len(self.students) not in (1, self.num_students):
            raise ValueError(f"students should be 1 network or {self.num_students}, not {len(self.students)}")
        if self.weights and (len(self.weights) != self.num_students or min(self.weights) <= 0):
            raise ValueError(f"weights should be {self.num_students} positive numbers, one per student")
        return self

    def split(self, graph: Graph) -> Pieces:
        """The students and the last layer as they are expected to be before the teacher is trained."""
        return self.network(graph.sample, self.sizes(graph)).pieces()

    def sizes(self, graph: Graph) -> tuple[int, ...]:
        """Number of filters that each student learns of a teacher; as if all were learned where no number is set.

        Raises:
            CannotSplit: it has too few.
        """
        try:
            there = num_filters(graph)
        except EngineError as error:
            raise CannotSplit(str(error)) from error
        count = there if self.num_learned is None else self.num_learned
        if not self.num_students <= count <= there:
            raise CannotSplit(f"{self.num_students} students cannot learn {count} filters of {there}")
        return tuple(fair_counts(count, self.rooms))

    @property
    def rooms(self) -> list[Room]:
        """What the device of each student takes, by its weight alone."""
        return [Room(weight) for weight in self.weights or (1.0,) * self.num_students]

    def divide(self, network: FilterNetwork, seed: int, rooms: Sequence[Room] = ()) -> FilterGroups:
        """The filters of each student, once the teacher's network of filters is there.

        Args:
            network: the teacher's filters and their links.
            seed: of the run.
            rooms: what the devices of the students take, by memory and speed; weights that were set stand in for speed,
                and a set number of filters is kept to in any case.

        Raises:
            CannotPartition: there are too few filters, or a device has no room for a single one.
        """
        if self.num_learned is not None:
            return self.partition.divide_exactly(network, fair_counts(self.num_learned, self.rooms), seed)
        if rooms and self.weights:
            rooms = [replace(room, weight=weight) for room, weight in zip(rooms, self.weights, strict=True)]
        return self.partition.divide(network, rooms or self.rooms, seed)

    def backbones(self, sample: SampleSpec) -> tuple[Graph, ...]:
        """The small network of each student.

        Raises:
            CannotSplit: one does not fit such samples.
        """
        if problems := [problem for model in self.students for problem in model.check(sample)]:
            raise CannotSplit(" ".join(problem.message for problem in problems))
        found = [model.declare(sample) for model in self.students]
        return tuple(found * self.num_students if len(found) == 1 else found)

    def network(self, sample: SampleSpec, sizes: Sequence[int]) -> StudentNetwork:
        """The students for so many filters each.

        Raises:
            CannotSplit: they do not fit such samples.
        """
        backbones = self.backbones(sample)
        try:
            return knowledge_students(sample, backbones, sizes)
        except EngineError as error:
            raise CannotSplit(str(error)) from error
