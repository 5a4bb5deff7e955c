"""What does not combine in a federated task, with the reasons: one table for checks, documents and tests."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from engine.core.errors import Problem
from engine.federated.aggregators.sign_majority import SignMajority
from engine.federated.coordinations.gossip import Gossip
from engine.federated.coordinations.hierarchical import HierarchicalCoordination
from engine.federated.rounds.traffic import messages_of
from engine.federated.sampler import Sampler
from engine.federated.schedulers.buffered import Buffered
from engine.federated.schedulers.synchronous import Synchronous
from engine.federated.strategies.feddyn import FedDyn
from engine.federated.strategies.scaffold import Scaffold
from engine.federated.strategy import Strategy
from engine.models.layers import BatchNorm2d
from engine.training.local import defines

if TYPE_CHECKING:
    from engine.federated.task import Federated

Holds: TypeAlias = "Callable[[Federated], bool]"
"""Whether something is set in a task."""

CODE = "does_not_combine"
"""Code of every problem that comes from the table."""


@dataclass(frozen=True)
class Choice:
    """Something that a task may have set.

    Attributes:
        field: where, as a path below the task.
        words: what, as it stands in messages and documents.
        holds: whether a task has it set.
    """

    field: str
    words: str
    holds: Holds


@dataclass(frozen=True)
class Rule:
    """Two choices that do not combine.

    Attributes:
        choice: at its field the problem is told.
        other: what it does not combine with.
        reason: why, and what to take instead.
    """

    choice: Choice
    other: Choice
    reason: str


def _central_noise(task: "Federated") -> bool:
    return task.privacy is not None and task.privacy.noises_sum


def _clips(task: "Federated") -> bool:
    return task.privacy is not None and task.privacy.clips_updates


def _trains_privately(task: "Federated") -> bool:
    return task.privacy is not None and task.privacy.trains_privately


def _crafts(task: "Federated") -> bool:
    return task.attack is not None and task.attack.crafts


def _sends_more(task: "Federated") -> bool:
    return set(messages_of(task)[1]) != {"weights"}


def _sends_figures(task: "Federated") -> bool:
    """Whether updates hold anything that has not the form of the weights."""
    names = {info.name for info in task.model.declare(task.dataset.sample()).parameters()}
    return any(name not in names for arrays in messages_of(task)[1].values() for name in arrays)


def _sends_statistics(task: "Federated") -> bool:
    """Whether updates hold buffers: statistics of samples."""
    buffers = {info.name for info in task.model.declare(task.dataset.sample()).parameters() if info.is_buffer}
    return any(name in buffers for arrays in messages_of(task)[1].values() for name in arrays)


def _normalizes_batches(task: "Federated") -> bool:
    nodes = task.model.declare(task.dataset.sample()).nodes
    return any(isinstance(node.layer, BatchNorm2d) for node in nodes)


def _learns_losses(task: "Federated") -> bool:
    return task.sampler.asks_losses or type(task.sampler).learn is not Sampler.learn


def _reads_raw(task: "Federated") -> bool:
    return task.strategy.measures_start or defines(task.strategy, "candidates")


def _has_server_step(task: "Federated") -> bool:
    hooks = ("init_server", "message_down", "message_up", "server_step")
    return any(getattr(type(task.strategy), hook) is not getattr(Strategy, hook) for hook in hooks)


def _mixes_models(task: "Federated") -> bool:
    return isinstance(task.scheduler, Buffered) and task.scheduler.mixes == "models"


def _overshoots(task: "Federated") -> bool:
    return isinstance(task.scheduler, Buffered) and task.scheduler.rate > 1


def _waits_for_all(task: "Federated") -> bool:
    return isinstance(task.scheduler, Synchronous) and task.scheduler.enough == 1


def _encodes(task: "Federated") -> bool:
    return not (task.encoding.plain_up and task.encoding.plain_down)


BUFFERED = Choice("scheduler", "asynchronous training (buffered)", lambda task: isinstance(task.scheduler, Buffered))
MIXES_MODELS = Choice("scheduler", "the mixing of models (buffered with mixes: models)", _mixes_models)
OVERSHOOTS = Choice("scheduler", "a rate above 1 (buffered)", _overshoots)
HURRIES = Choice("scheduler", "a scheduler that does not wait for all", lambda task: not _waits_for_all(task))
GOSSIP = Choice("coordination", "gossip", lambda task: isinstance(task.coordination, Gossip))
GATEWAYS = Choice(
    "coordination", "gateways that average (hierarchical)",
    lambda task: isinstance(task.coordination, HierarchicalCoordination),
)  # fmt: skip
SERVER_STEP = Choice("strategy", "a strategy with a server's step of its own", _has_server_step)
CONTROL = Choice(
    "strategy", "corrections between a client and one server (scaffold, feddyn)",
    lambda task: isinstance(task.strategy, (Scaffold, FedDyn)),
)  # fmt: skip
ENCODED = Choice("encoding", "encoded messages", _encodes)
ENCODED_DOWN = Choice("encoding.down", "encoded models", lambda task: not task.encoding.plain_down)
TRUSTING = Choice("aggregator", "a server that trains itself (fltrust)", lambda task: task.aggregator.needs_trusted)
REMEMBERS = Choice("sampler", "a sampler that remembers rounds", lambda task: task.sampler.keeps_memory)
DIVERGENCE = Choice(
    "evaluation.divergence", "the divergence of clients' activations", lambda task: task.evaluation.divergence
)
MECHANISM = Choice("privacy", "differential privacy", lambda task: task.privacy is not None)
CENTRAL_NOISE = Choice("privacy", "noise that the server adds to the sum (dp_fedavg)", _central_noise)
CLIPPING = Choice("privacy", "clipped updates (dp_fedavg, local_dp)", _clips)
PRIVATE_TRAINING = Choice("privacy", "private local training (dp_sgd)", _trains_privately)
SECURE = Choice("secure_aggregation", "secure sums", lambda task: task.secure_aggregation is not None)
CRAFTED = Choice("attack", "an attack that replaces updates", _crafts)
VOTING = Choice("aggregator", "an aggregator other than the mean", lambda task: not task.aggregator.is_linear)
SIGNS = Choice("aggregator", "a vote on signs (sign_majority)", lambda task: isinstance(task.aggregator, SignMajority))
LOSSY_UP = Choice("encoding.up", "a lossy encoding of updates", lambda task: not task.encoding.up.is_lossless)
ENCODED_UP = Choice("encoding.up", "an encoding of updates", lambda task: not task.encoding.plain_up)
RICH_MESSAGE = Choice("strategy", "a strategy whose updates hold more than differences of weights", _sends_more)
FIGURES = Choice("strategy", "a strategy whose updates hold figures beside the weights", _sends_figures)
OWN_CHOICE = Choice("strategy", "clients that choose among models", lambda task: defines(task.strategy, "candidates"))
RAW_FIGURES = Choice("strategy", "a strategy that tells losses or choices of clients", _reads_raw)
PERSONAL_PART = Choice(
    "strategy", "a strategy that keeps part of the model on clients", lambda task: defines(task.strategy, "is_shared")
)
STATISTICS = Choice("model", "running statistics that are averaged (batch normalization)", _sends_statistics)
BATCH_NORM = Choice("model", "batch normalization", _normalizes_batches)
GOES_BY_LOSS = Choice("sampler", "a sampler that goes by clients' losses", _learns_losses)
ASKS = Choice("sampler", "a sampler that asks clients for losses", lambda task: task.sampler.asks_losses)

RULES: tuple[Rule, ...] = (
    Rule(
        VOTING, CENTRAL_NOISE,
        "how far one client can move such a result is not known, so neither is the noise that hides it; take mean",
    ),
    Rule(
        LOSSY_UP, CENTRAL_NOISE,
        "a decoded update may be longer than the bound to which it was clipped; send updates as they are, or take "
        "local_dp, whose noise comes before",
    ),
    Rule(
        CRAFTED, CENTRAL_NOISE,
        "malicious updates are made of all updates of a round, but this server sees nothing but their sum",
    ),
    Rule(
        FIGURES, CLIPPING,
        "the server divides by the figures, which clipping and noise would ruin; take a strategy that sends weights",
    ),
    Rule(
        FIGURES, LOSSY_UP,
        "an encoding that leaves out small values would lose the figures; send updates as they are",
    ),
    Rule(
        BATCH_NORM, PRIVATE_TRAINING,
        "normalizing over a batch mixes its samples, so that no gradient belongs to one alone; take a model without it",
    ),
    Rule(STATISTICS, MECHANISM,
        "statistics of samples would leave devices, and noise could make a variance negative; take a model without "
        "batch normalization, or fedbn, which keeps it on the devices",
    ),
    Rule(
        GOES_BY_LOSS, MECHANISM,
        "who is chosen tells about private data, and no accountant counts that; take uniform or poisson",
    ),
    Rule(
        RAW_FIGURES, PRIVATE_TRAINING,
        "the figure is computed from raw samples and leaves the device without noise; take another strategy",
    ),
    Rule(
        RICH_MESSAGE, SIGNS,
        "the same step for every coordinate means nothing for what is sent beside the weights; take mean or median",
    ),
    Rule(
        STATISTICS, SIGNS,
        "running statistics are no weights that a fixed step could move, and a variance would fall below zero; take "
        "median, or a model without batch normalization",
    ),
    Rule(
        OWN_CHOICE, VOTING,
        "updates of clients that chose other models are no votes on the same thing; take mean",
    ),
    Rule(
        OWN_CHOICE, CRAFTED,
        "malicious updates are made of those of others, who may have chosen another model; take a strategy with one",
    ),
    Rule(
        VOTING, SECURE,
        "the rule looks at single updates, and the server sees nothing but their sum; take mean",
    ),
    Rule(
        ENCODED_UP, SECURE,
        "masks cancel in sums of whole numbers of one fixed form only, not in encoded messages; send updates as they "
        "are",
    ),
    Rule(
        CRAFTED, SECURE,
        "malicious updates are made of all updates of a round, which nobody sees here; take label_flip",
    ),
    Rule(
        FIGURES, SECURE,
        "figures go beyond the fixed range of masked numbers; take a strategy that sends differences of weights",
    ),
    Rule(
        PERSONAL_PART, ASKS,
        "the model that clients are asked about lacks the part that they keep; take another sampler",
    ),
    *(
        Rule(other, SECURE, "masks are agreed within the cohort of one server and cancel at the end of its round only")
        for other in (GOSSIP, GATEWAYS, BUFFERED)
    ),
    *(
        Rule(other, CENTRAL_NOISE, "noise is added to the sum of one server's cohort, once a round; take local_dp")
        for other in (GOSSIP, GATEWAYS)
    ),
    Rule(
        HURRIES, CENTRAL_NOISE,
        "one client more pushes another out of the round, so that it may change the sum by twice the bound; take "
        "synchronous with enough: 1, or local_dp",
    ),
    Rule(
        BUFFERED, MECHANISM,
        "clients may take part several times between two steps of the server, which no accountant here follows",
    ),
    Rule(GOSSIP, CLIPPING, "devices exchange models, not updates that could be clipped; take dp_sgd"),
    Rule(
        GOSSIP, HURRIES,
        "each device waits for its neighbors' models, and there is no server to close a round; take synchronous",
    ),
    Rule(GATEWAYS, BUFFERED, "gateways run rounds with all of their devices; take synchronous or deadline"),
    Rule(
        GOSSIP, SERVER_STEP,
        "there is no server; take a strategy that only changes local training, such as fedavg, fedprox or fedmax",
    ),
    Rule(GOSSIP, PERSONAL_PART, "what is measured is the mean of the models, which lacks the part that devices keep"),
    Rule(GOSSIP, VOTING, "there is no server that could vote; neighbors take weighted means"),
    Rule(GOSSIP, CRAFTED, "malicious updates are made of all updates of a round, which nobody has; take label_flip"),
    Rule(
        GOSSIP, ENCODED,
        "models that are rounded before they are mixed do not come together; that takes encoded differences (Koloskova "
        "et al., 2019), which are not here: send models as they are",
    ),
    Rule(
        GATEWAYS, ENCODED_DOWN,
        "only the server encodes models, but here gateways send their own; encode the way up, and leave out entropy, "
        "which acts in both directions",
    ),
    *(
        Rule(other, CONTROL, "the correction holds for the model of one server in one round; take fedavg or fedprox")
        for other in (GATEWAYS, BUFFERED)
    ),
    *(
        Rule(other, TRUSTING, "the server's own update starts from another model than those that it judges")
        for other in (GATEWAYS, BUFFERED)
    ),
    Rule(BUFFERED, FIGURES, "weights by staleness would cancel, as the server divides by figures that they scale too"),
    Rule(BUFFERED, OWN_CHOICE, "clients of a buffer started from other versions of the models, and so chose otherwise"),
    Rule(BUFFERED, REMEMBERS, "there are no rounds whose clients it could compare; take uniform or weighted"),
    *(
        Rule(other, ASKS, "it asks a whole round's clients about the model of one server; take another sampler")
        for other in (GOSSIP, GATEWAYS, BUFFERED)
    ),
    Rule(BUFFERED, DIVERGENCE, "clients of a buffer started from different models; take a scheduler with rounds"),
    Rule(
        OVERSHOOTS, STATISTICS,
        "they would be carried beyond those of all clients, a variance even below zero; take a rate of at most 1, or "
        "fedavgm with its server_lr, which leaves them alone",
    ),
    Rule(MIXES_MODELS, VOTING, "models are pulled back in their sum, which this rule does not make; take updates"),
    Rule(MIXES_MODELS, CRAFTED, "malicious updates take the place of others one by one, not of models; take updates"),
)  # fmt: skip
"""All pairs that do not combine; whatever stands in no row does."""


def refused(task: "Federated") -> Iterator[Problem]:
    """The problems of a task that come from the table, all of them."""
    for rule in RULES:
        if rule.choice.holds(task) and rule.other.holds(task):
            message = f"{rule.choice.words} does not combine with {rule.other.words}: {rule.reason}"
            yield Problem(rule.choice.field, CODE, message)
