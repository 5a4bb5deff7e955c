"""The federated task: synchronous rounds of local training on a fleet of devices."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from engine.core.errors import Problem
from engine.core.events import Event
from engine.core.json import JsonValue
from engine.data.dataset import Dataset, datasets
from engine.data.drift import Drift, drifts
from engine.data.partitioner import Partitioner, partitioners
from engine.data.partitioners.iid import Iid
from engine.data.partitioners.natural import Natural
from engine.encodings.settings import EncodingSettings
from engine.federated import checks, layout, summaries
from engine.federated.aggregator import Aggregator, aggregators
from engine.federated.aggregators.mean import Mean
from engine.federated.attack import Attack, attacks
from engine.federated.coordination import Coordination, coordinations
from engine.federated.coordinations.server import Server
from engine.federated.loops import loop_of
from engine.federated.rounds import blocks
from engine.federated.sampler import Sampler, samplers
from engine.federated.samplers.uniform import Uniform
from engine.federated.scheduler import Scheduler, schedulers
from engine.federated.schedulers.synchronous import Synchronous
from engine.federated.settings import EvaluationSettings
from engine.federated.strategies.fedavg import FedAvg
from engine.federated.strategy import Strategy, strategies
from engine.models.model import Model, models
from engine.models.zoo.mlp import Mlp
from engine.privacy.mechanism import Mechanism, mechanisms
from engine.privacy.secure_sum import SecureSum
from engine.task.contract import Block, BlockResult, Context, Progress, State, Summary, Task
from engine.training.augmentation import Augmentation, augmentations
from engine.training.settings import LocalSettings

if TYPE_CHECKING:
    from engine.costs.ledger import Ledger
    from engine.costs.trace import Trace


class Federated(Task):
    """Federated learning.

    In every round the server sends the model to some devices, each trains it on its own samples, and the server
    combines what comes back. A scheduler may let nobody wait, and a coordination may put gateways in between or do
    without a server. Client i is device i of the fleet.
    """

    source: ClassVar[str] = (
        "McMahan et al., Communication-Efficient Learning of Deep Networks from Decentralized Data, AISTATS 2017"
    )
    kind: Literal["federated"] = "federated"

    dataset: Annotated[Dataset, datasets.field()]
    """The samples that the devices learn from, and the held-out ones on which the model is measured."""

    partition: Annotated[Partitioner, partitioners.field()] | None = None
    """How the samples are spread over the devices; empty for the data set's own clients where it has them, else iid."""

    model: Annotated[Model, models.field()] = Field(default_factory=Mlp)
    """The network that the devices train together."""

    strategy: Annotated[Strategy, strategies.field()] = Field(default_factory=FedAvg)
    """What clients add to local training and how the server combines their updates."""

    aggregator: Annotated[Aggregator, aggregators.field()] = Field(default_factory=Mean)
    """How the server makes one update of those that clients send."""

    sampler: Annotated[Sampler, samplers.field()] = Field(default_factory=Uniform)
    """Which devices take part in a round."""

    scheduler: Annotated[Scheduler, schedulers.field()] = Field(default_factory=Synchronous)
    """When a round is over, and which updates count."""

    coordination: Annotated[Coordination, coordinations.field()] = Field(default_factory=Server)
    """Who averages whose models: one server, gateways below it, or the devices among themselves."""

    local: LocalSettings = Field(default_factory=LocalSettings)
    """How each device trains on its own samples."""

    encoding: EncodingSettings = Field(default_factory=EncodingSettings)
    """How messages are made small on their way."""

    privacy: Annotated[Mechanism, mechanisms.field()] | None = None
    """How clients or single samples are hidden by noise; empty for no such privacy."""

    secure_aggregation: SecureSum | None = None
    """How the server learns the sum of the updates and none of them; empty for not at all."""

    attack: Annotated[Attack, attacks.field()] | None = None
    """What malicious devices do; empty for none."""

    evaluation: EvaluationSettings = Field(default_factory=EvaluationSettings)
    """How the model is measured while it trains."""

    drift: Annotated[Drift, drifts.field()] | None = None
    """How the data changes over the rounds; empty for not at all."""

    augment: tuple[Annotated[Augmentation, augmentations.field()], ...] = ()
    """Random changes of every training sample each time it is used, in this order; test samples are never changed."""

    rounds: Annotated[int, Field(ge=1, le=1_000_000)] = 50
    """Rounds to train, unless the target accuracy is reached before."""

    data_reuse: bool = False
    """Whether several devices may hold the same part where there are fewer parts than devices: device i then holds part
    i modulo their number. Off, fewer parts than devices are an error."""

    def partitioner(self) -> Partitioner:
        """The partition that is set, or the default for the data set."""
        if self.partition is not None:
            return self.partition
        return Iid() if self.dataset.num_natural_clients is None else Natural()

    def check(self, context: Context) -> list[Problem]:
        """What is wrong with the task on this fleet and network."""
        return checks.problems_of(self, context)

    def facts(self, context: Context) -> Mapping[str, JsonValue]:
        """Sizes of the task that never change."""
        return summaries.facts_of(self, context)

    def expected_trace(self, context: Context) -> "Trace":
        """Rounds with the cohorts that the run will really draw, clients with the mean number of samples."""
        return loop_of(self).expected_trace(self, context)

    def expected_metrics(self, context: Context) -> Mapping[str, float]:
        """Epsilon of all rounds, where there is privacy."""
        return summaries.expected_metrics_of(self, context)

    def init(self, context: Context) -> State:
        """The server's state with the initial model, before the first round."""
        return loop_of(self).begin(self, context)

    def step(self, context: Context, state: State) -> tuple[State, list[Event]]:
        """Train the next block of the round; the last one completes the round."""
        return loop_of(self).step(self, context, state)

    def compute_block(self, context: Context, block: Block) -> BlockResult:
        """Train some clients of a round and sum their updates."""
        return blocks.compute_block(self, context, block)

    def is_done(self, state: State) -> bool:
        """Whether the target or the last round was reached."""
        return bool(state.values["reason"])

    def progress(self, state: State) -> Progress:
        """Rounds done of all rounds."""
        return Progress(done=layout.rounds_done(state), total=self.rounds, unit="round")

    def summarize(self, state: State) -> Summary:
        """Final accuracy and loss, costs, and the trained model."""
        return summaries.summary_of(self, state)

    def trace(self, state: State) -> "Trace":
        """The rounds so far: who received, computed and sent what."""
        return loop_of(self).trace_of(self, state)

    def ledger(self, state: State) -> "Ledger":
        """Seconds, joules and bytes so far."""
        return summaries.ledger_of(state)
