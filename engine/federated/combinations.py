"""What does not combine in a federated task, with the reasons: one table for checks, documents and tests."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from engine.core.errors import Problem
from engine.federated.aggregators.sign_majority import SignMajority
from engine.federated.sampler import Sampler
from engine.federated.traffic import messages_of
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


def _learns_losses(task: "Federated") -> bool:
    return task.sampler.asks_losses or type(task.sampler).learn is not Sampler.learn


def _reads_raw(task: "Federated") -> bool:
    return task.strategy.measures_start or defines(task.strategy, "candidates")


MECHANISM = Choice("privacy", "differential privacy", lambda task: task.privacy is not None)
CENTRAL_NOISE = Choice("privacy", "noise that the server adds to the sum (dp_fedavg)", _central_noise)
CLIPPING = Choice("privacy", "clipped updates (dp_fedavg, local_dp)", _clips)
PRIVATE_TRAINING = Choice("privacy", "private local training (dp_sgd)", _trains_privately)
CRAFTED = Choice("attack", "an attack that replaces updates", _crafts)
VOTING = Choice("aggregator", "an aggregator other than the mean", lambda task: not task.aggregator.is_linear)
SIGNS = Choice("aggregator", "a vote on signs (sign_majority)", lambda task: isinstance(task.aggregator, SignMajority))
LOSSY_UP = Choice("encoding.up", "a lossy encoding of updates", lambda task: not task.encoding.up.is_lossless)
RICH_MESSAGE = Choice("strategy", "a strategy whose updates hold more than differences of weights", _sends_more)
FIGURES = Choice("strategy", "a strategy whose updates hold figures beside the weights", _sends_figures)
OWN_CHOICE = Choice("strategy", "clients that choose among models", lambda task: defines(task.strategy, "candidates"))
RAW_FIGURES = Choice("strategy", "a strategy that tells losses or choices of clients", _reads_raw)
PERSONAL_PART = Choice(
    "strategy", "a strategy that keeps part of the model on clients", lambda task: defines(task.strategy, "is_shared")
)
STATISTICS = Choice("model", "running statistics that are averaged (batch normalization)", _sends_statistics)
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
        OWN_CHOICE, VOTING,
        "updates of clients that chose other models are no votes on the same thing; take mean",
    ),
    Rule(
        OWN_CHOICE, CRAFTED,
        "malicious updates are made of those of others, who may have chosen another model; take a strategy with one",
    ),
    Rule(
        PERSONAL_PART, ASKS,
        "the model that clients are asked about lacks the part that they keep; take another sampler",
    ),
)  # fmt: skip
"""All pairs that do not combine; whatever stands in no row does."""


def refused(task: "Federated") -> Iterator[Problem]:
    """The problems of a task that come from the table, all of them."""
    for rule in RULES:
        if rule.choice.holds(task) and rule.other.holds(task):
            message = f"{rule.choice.words} does not combine with {rule.other.words}: {rule.reason}"
            yield Problem(rule.choice.field, CODE, message)
