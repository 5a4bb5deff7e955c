"""An ensemble: whole small networks, whose answers are averaged."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from engine.core.sample import SampleSpec
from engine.inference.cuts.pieces import Pieces
from engine.inference.nonn.settings import TransferSettings
from engine.inference.nonn.students import StudentNetwork, ensemble_students
from engine.inference.partition import MOST_STUDENTS
from engine.inference.splitter import CannotSplit, Splitter, splitters
from engine.models.graph import Graph
from engine.models.model import Model, models
from engine.models.zoo.wide_resnet import WideResnet


@splitters.register
class EnsembleSplitter(Splitter):
    """Small networks that learn the whole task each, from other first weights; the mean of their logits decides.

    What students that divide a teacher's knowledge must be better than. A lost member is left out of the mean.
    """

    source: ClassVar[str] = (
        "B. Lakshminarayanan, A. Pritzel, C. Blundell, Simple and Scalable Predictive Uncertainty Estimation using "
        "Deep Ensembles, NeurIPS 2017, section 2.4 (members from different first weights)"
    )
    exact: ClassVar[bool] = False
    needs_training: ClassVar[bool] = True
    kind: Literal["ensemble"] = "ensemble"

    num_members: int = Field(default=2, ge=2, le=MOST_STUDENTS)
    """How many networks there are."""

    members: tuple[Annotated[Model, models.field()], ...] = Field(
        default=(WideResnet(),), min_length=1, max_length=MOST_STUDENTS
    )
    """Each network; a single one is that of all members."""

    learns_from: Literal["teacher", "labels"] = "teacher"
    """Whether members are distilled from the teacher, or learn from labels alone."""

    @model_validator(mode="after")
    def _check_members(self) -> Self:
        if len(self.members) not in (1, self.num_members):
            raise ValueError(f"members should be 1 network or {self.num_members}, not {len(self.members)}")
        return self

    @property
    def transfer(self) -> TransferSettings:
        """What each member learns."""
        if self.learns_from == "labels":
            return TransferSettings(label_weight=1.0, soft_weight=0.0, transfer_weight=0.0)
        return TransferSettings(transfer_weight=0.0)

    def split(self, graph: Graph) -> Pieces:
        """One piece per member, and the mean of their logits where the answer is wanted."""
        return self.network(graph.sample).pieces()

    def network(self, sample: SampleSpec) -> StudentNetwork:
        """The members side by side.

        Raises:
            CannotSplit: one does not fit such samples.
        """
        return ensemble_students(sample, [self.member(sample, number) for number in range(self.num_members)])

    def member(self, sample: SampleSpec, number: int) -> Graph:
        """One of the networks, by its number from 0.

        Raises:
            CannotSplit: it does not fit such samples.
        """
        model = self.members[number % len(self.members)]
        if problems := model.check(sample):
            raise CannotSplit(" ".join(problem.message for problem in problems))
        return model.declare(sample)
