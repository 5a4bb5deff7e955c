"""The task of running one network over many devices."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from engine.core.errors import EngineError, Problem
from engine.core.events import Event
from engine.core.json import JsonValue
from engine.data.dataset import Dataset, datasets
from engine.datafree import layout
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
from engine.inference.world import world_of
from engine.task.contract import Block, BlockResult, Context, Progress, State, Summary, Task

if TYPE_CHECKING:
    from engine.costs.ledger import Ledger
    from engine.costs.trace import Trace


class Inference(Task):
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

    def step(self, context: Context, state: State) -> tuple[State, list[Event]]:
        """Take the next chunk of steps of the job at hand."""
        world = world_of(self, context)
        jobs, number, at = agenda_of(world), layout.value(state, "job"), layout.value(state, "at")
        job = jobs[number]
        steps = range(at, min(job.num_steps, at + job.chunk(world)))
        state, events = job.advance(world, state, steps)
        is_over = steps.stop == job.num_steps
        return state.replace(
            values={
                "job": number + is_over,
                "at": 0 if is_over else steps.stop,
                "done": layout.value(state, "done") + len(steps),
            }
        ), events

    def compute_block(self, context: Context, block: Block) -> BlockResult:
        """This task has no blocks.

        Raises:
            EngineError: always.
        """
        raise EngineError(f"a distributed inference has no block {block.name}: its steps follow each other")

    def is_done(self, state: State) -> bool:
        """Whether all requests were served."""
        return bool(state.values["reason"])

    def progress(self, state: State) -> Progress:
        """Steps of training done, with one for each chunk of everything else."""
        return Progress(done=layout.value(state, "done"), total=layout.value(state, "total"), unit="step")

    def summarize(self, state: State) -> Summary:
        """Figures of the plan, the plans beside it, costs and files."""
        return summaries.summary_of(self, state)

    def trace(self, state: State) -> "Trace":
        """Weights and requests: nothing before these are booked."""
        return summaries.trace_of(state)

    def ledger(self, state: State) -> "Ledger":
        """Seconds, joules and bytes so far."""
        return layout.ledger_of(state)
