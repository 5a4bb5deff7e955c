"""The task of deploying a model without the data that it was trained on."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from engine.core.errors import Problem
from engine.core.json import JsonValue
from engine.data.dataset import Dataset, datasets
from engine.datafree import checks, expectation, facts, summaries
from engine.datafree.agenda import agenda_of
from engine.datafree.audits.audit import AuditSettings
from engine.datafree.distiller import Distiller, distillers
from engine.datafree.distillers.soft_targets import SoftTargets
from engine.datafree.metadata import Metadata
from engine.datafree.metadata import metadata as metadata_kinds
from engine.datafree.metadata_kinds.none import NoMetadata
from engine.datafree.pruner import Pruner, pruners
from engine.datafree.quantizer import Quantizer, quantizers
from engine.datafree.settings import BaselineSettings, DeploymentSettings, Distillation, ExportSettings
from engine.datafree.synthesizer import Synthesizer, synthesizers
from engine.datafree.teacher import Teacher, teachers
from engine.datafree.teachers.train import TrainedTeacher
from engine.datafree.world import World, world_of
from engine.models.model import Model, models
from engine.task.contract import Context, State, Summary
from engine.task.jobs import Agenda, JobTask

if TYPE_CHECKING:
    from engine.costs.trace import Trace


class Datafree(JobTask):
    """Data-free deployment.

    A trained model is made small without the private data that it was trained on: its owner hands out metadata at most,
    a synthesizer makes images from the model, and a student learns from the model on them. Models that learn the same
    number of steps from real data, other images or noise stand beside it, and the result is shipped to the devices.
    """

    source: ClassVar[str] = (
        "K. Bhardwaj, N. Suda, R. Marculescu, Dream Distillation: A Data-Independent Model Compression Framework, "
        "ICML 2019 workshop, arXiv 1905.07072"
    )
    kind: Literal["datafree"] = "datafree"

    dataset: Annotated[Dataset, datasets.field()]
    """The private images. Only the training of the teacher, the metadata, baselines on real data, measuring and the
    audit read them."""

    teacher: Annotated[Teacher, teachers.field()] = Field(default_factory=TrainedTeacher)
    """The trained model that is to be deployed."""

    student: Annotated[Model, models.field()] | None = None
    """The smaller network that learns from the teacher; empty if the teacher itself is deployed."""

    metadata: Annotated[Metadata, metadata_kinds.field()] = Field(default_factory=NoMetadata)
    """What the owner of the data hands out in its place."""

    synthesizer: Annotated[Synthesizer, synthesizers.field()] | None = None
    """How images are made from the teacher, for the student and the quantizer; a student needs one."""

    num_images: Annotated[int, Field(ge=1, le=1_000_000)] = 5000
    """Images to make at least; the last batch is whole."""

    distiller: Annotated[Distiller, distillers.field()] = Field(default_factory=SoftTargets)
    """How the student learns from the teacher."""

    distillation: Distillation = Field(default_factory=Distillation)
    """The budget of the student and of every baseline."""

    pruner: Annotated[Pruner, pruners.field()] | None = None
    """How channels are taken out of the student, or of the teacher where there is no student; empty for not at all."""

    quantizer: Annotated[Quantizer, quantizers.field()] | None = None
    """How the model is brought to whole numbers of few bits, after pruning; empty for not at all."""

    baselines: BaselineSettings = Field(default_factory=BaselineSettings)
    """What stands beside the student."""

    audit: AuditSettings | None = None
    """Attacks that show what images and models tell of the private samples; empty for none."""

    export: ExportSettings = Field(default_factory=ExportSettings)
    """The files of the final model."""

    deployment: DeploymentSettings = Field(default_factory=DeploymentSettings)
    """What the devices do with the final model."""

    def check(self, context: Context) -> list[Problem]:
        """What is wrong with the task on this fleet and network."""
        return checks.problems_of(self, context)

    def facts(self, context: Context) -> Mapping[str, JsonValue]:
        """Sizes, stages, contenders and what fits which devices."""
        return facts.facts_of(self, context)

    def expected_trace(self, context: Context) -> "Trace":
        """The deployment of the final model."""
        return expectation.expected_trace(self, context)

    def expected_host_trace(self, context: Context) -> "Trace":
        """All training, the making of images, and measuring: this host does them, not the devices."""
        return expectation.expected_host_trace(self, context)

    def init(self, context: Context) -> State:
        """The state before the first job."""
        return summaries.begin(self, context)

    def agenda(self, context: Context) -> Agenda[World]:
        """Everything from the teacher to the deployment of the final model."""
        return agenda_of(world_of(self, context))

    def summarize(self, state: State) -> Summary:
        """The final model's figures, the table of contenders, costs and files."""
        return summaries.summary_of(self, state)
