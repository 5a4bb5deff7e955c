"""The task of running one network over many devices."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from engine.core.errors import Problem
from engine.core.json import JsonValue
from engine.data.dataset import Dataset, datasets
from engine.datafree.settings import Distillation
from engine.datafree.teacher import Teacher, teachers
from engine.datafree.teachers.train import TrainedTeacher
from engine.fleet.group import GroupName
from engine.inference import checks, summaries
from engine.inference.agenda import agenda_of
from engine.inference.nonn.rivals import RivalSettings
from engine.inference.placer import Placer, placers
from engine.inference.placers.greedy import Greedy
from engine.inference.plans.problem import Objective
from engine.inference.requests.arrivals import RequestSettings
from engine.inference.settings import FailureSettings, PlanRules, VerificationSettings
from engine.inference.splitter import Splitter, splitters
from engine.inference.splitters.layer import LayerSplitter
from engine.inference.world import World, world_of
from engine.task.contract import Context, State, Summary
from engine.task.jobs import Agenda, JobTask

if TYPE_CHECKING:
    from engine.costs.trace import Trace


class Inference(JobTask):
    """Distributed inference.

    A trained network is split into pieces, the pieces are placed on devices, and requests run over the plan: what does
    an answer take, what does each device need, and what happens when devices fail? All on the best device and all in
    the cloud stand beside it.
    """

    source: ClassVar[str] = (
        "K. Bhardwaj et al., Memory- and Communication-Aware Model Compression for Distributed Deep Learning Inference "
        "on IoT, 2019, arXiv 1907.11804; Kang et al., Neurosurgeon, ASPLOS 2017"
    )
    kind: Literal["inference"] = "inference"

    dataset: Annotated[Dataset, datasets.field()]
    """Samples on which the network is trained and measured."""

    teacher: Annotated[Teacher, teachers.field()] = Field(default_factory=TrainedTeacher)
    """The trained network that is split."""

    splitter: Annotated[Splitter, splitters.field()] = Field(default_factory=LayerSplitter)
    """How the network is cut into pieces."""

    training: Distillation = Field(default_factory=Distillation)
    """The budget of students, for a splitter whose pieces are networks that must be trained."""

    baselines: RivalSettings = Field(default_factory=RivalSettings)
    """What is trained beside a network of students (splitter nonn)."""

    placer: Annotated[Placer, placers.field()] = Field(default_factory=Greedy)
    """How each piece finds its device."""

    objective: Objective = "latency"
    """What the plan makes least: the time of one answer (latency), the time between two answers of a stream
    (throughput), the most energy that one device spends on an answer (energy_per_node), that of all devices
    (energy_total), or the most memory that one device needs (memory)."""

    rules: PlanRules = Field(default_factory=PlanRules)
    """What the plan must keep to besides memory."""

    origin: GroupName | None = None
    """Group whose first device asks: there inputs arise. Empty for the first group."""

    sink: GroupName | None = None
    """Group whose first device wants the answer; empty for the one that asks."""

    cloud: GroupName | None = None
    """Group whose first device is the cloud; empty if there is none."""

    requests: RequestSettings = Field(default_factory=RequestSettings)
    """What is asked, and when."""

    failures: FailureSettings = Field(default_factory=FailureSettings)
    """Which devices may fail, and what is done about it."""

    verification: VerificationSettings = Field(default_factory=VerificationSettings)
    """How it is shown that the split network computes what the whole one does."""

    def check(self, context: Context) -> list[Problem]:
        """What is wrong with the task on this fleet and network."""
        return checks.problems_of(self, context)

    def facts(self, context: Context) -> Mapping[str, JsonValue]:
        """Sizes, stages, plans of the comparison, and devices with a role."""
        return summaries.facts_of(self, context)

    def expected_trace(self, context: Context) -> "Trace":
        """Weights to their devices, then all requests one after the other, as they will be: the plan needs no data."""
        return world_of(self, context).planning.trace()

    def expected_host_trace(self, context: Context) -> "Trace":
        """Training and measuring: this host does them, not the devices."""
        return summaries.expected_host_trace(self, context)

    def expected_metrics(self, context: Context) -> Mapping[str, float]:
        """What one request comes to by the plan."""
        plan = world_of(self, context).planning.chosen
        return {"latency_s": plan.latency_s, "energy_j_per_inference": plan.energy_j}

    def init(self, context: Context) -> State:
        """The state before the first job."""
        return summaries.begin(self, context)

    def agenda(self, context: Context) -> Agenda[World]:
        """Everything from the teacher to the costs of all requests."""
        return agenda_of(world_of(self, context))

    def summarize(self, state: State) -> Summary:
        """Figures of the plan, the plans beside it, costs and files."""
        return summaries.summary_of(self, state)
