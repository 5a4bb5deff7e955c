"""The contract of mechanisms of differential privacy: what is clipped, where noise is added, what it costs."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.core.component import Component
from engine.core.errors import Problem
from engine.core.json import JsonValue
from engine.core.registry import Registry
from engine.privacy.accountant import Method, Scheme, Step, epsilon
from engine.privacy.groups import Groups

Book = Mapping[str, JsonValue]
"""What a mechanism keeps between rounds, as plain JSON: the clipping bound and the steps that were spent."""


@dataclass(frozen=True)
class Sent:
    """What leaves a client.

    Attributes:
        groups: the message, clipped and, for a local mechanism, noisy.
        norm: L2 norm of the update before clipping; known to the simulation, not to the simulated server.
    """

    groups: Groups
    norm: float


@dataclass(frozen=True)
class Turn:
    """What the accountant must know of a round.

    Attributes:
        scheme: how the sampler drew the cohort.
        cohort_size: clients that a round is expected to have; the fixed denominator of the mean.
        num_candidates: clients that could be reached.
        clients: (m,) ids of those that took part.
        samples: (m,) training samples of each, one pass.
        epochs: passes over them.
        batch_size: samples per local step.
        norms: (m,) norms of their updates before clipping; None where nothing is clipped.
        participations: (m,) rounds that each took part in so far, this one included; None unless
            ``Mechanism.counts_participations``.
        local_steps: (m,) local steps that each made in them; None where they are as many as ordinary batches take.
    """

    scheme: Scheme
    cohort_size: int
    num_candidates: int
    clients: np.ndarray
    samples: np.ndarray
    epochs: int = 1
    batch_size: int = 1
    norms: np.ndarray | None = None
    participations: np.ndarray | None = None
    local_steps: np.ndarray | None = None


class Mechanism(Component):
    """How a federated run is made differentially private; it keeps nothing between calls."""

    level: ClassVar[Literal["client", "example"]]
    """What is hidden: that a client took part at all, or a single sample of a client."""

    where: ClassVar[Literal["central", "local"]]
    """Who adds the noise: the server, which must be trusted to, or each device before it sends anything."""

    clips_updates: ClassVar[bool] = False
    """Whether :meth:`outgoing` changes what clients send."""

    noises_sum: ClassVar[bool] = False
    """Whether the server takes :meth:`release` instead of the weighted mean: equal weights, fixed denominator."""

    trains_privately: ClassVar[bool] = False
    """Whether local training itself is private (``engine.training.dp_sgd``)."""

    counts_participations: ClassVar[bool] = False
    """Whether its cost depends on how often each client took part."""

    noise_multiplier: Annotated[float, Field(gt=0, le=1000)] = 1.0
    """Standard deviation of the Gaussian noise over the clipping bound (z), dimensionless."""

    delta: Annotated[float, Field(gt=0, lt=1)] = 1e-5
    """Probability with which the bound epsilon may fail; well below one over the number of clients or samples."""

    accountant: Method = "rdp"
    """How epsilon is computed: from Rényi orders (rdp), or from privacy loss distributions (pld), which is tighter."""

    target_epsilon: Annotated[float, Field(gt=0, le=1e6)] | None = None
    """Epsilon that the run must not exceed: it stops before the round that would; empty for no limit."""

    @abstractmethod
    def begin(self) -> dict[str, JsonValue]:
        """The book before the first round."""

    @abstractmethod
    def after(self, book: Book, turn: Turn, draw: np.random.Generator) -> dict[str, JsonValue]:
        """The book after a round."""

    @abstractmethod
    def epsilon(self, book: Book) -> float:
        """Epsilon at ``delta`` of all rounds in the book."""

    @abstractmethod
    def expected_epsilon(self, rounds: int, turn: Turn) -> float:
        """Epsilon after that many rounds like ``turn``, in which every client holds the mean number of samples."""

    def outgoing(self, groups: Groups, book: Book, draw: np.random.Generator) -> Sent:
        """What one client sends instead of its update; only where ``clips_updates``."""
        raise NotImplementedError(f"{type(self).__qualname__} leaves updates as they are")

    def release(self, summed: np.ndarray, book: Book, cohort_size: int, draw: np.random.Generator) -> np.ndarray:
        """The noisy mean from the plain sum of the clipped updates, (P,); only where ``noises_sum``."""
        raise NotImplementedError(f"{type(self).__qualname__} adds no noise to sums")

    def training_macs(self, num_parameters: int, batch_size: int) -> float:
        """Multiply-accumulates of the operator class ``other`` that it adds to a training step, per sample."""
        return 0.0

    def metrics(self, book: Book) -> dict[str, float]:
        """What a round's metrics event tells."""
        return {"epsilon": self.epsilon(book)}

    def facts(self) -> dict[str, JsonValue]:
        """What the run's first event tells."""
        return {
            "level": self.level, "where": self.where, "noise_multiplier": self.noise_multiplier, "delta": self.delta,
            "accountant": self.accountant, "target_epsilon": self.target_epsilon,
        }  # fmt: skip

    def first_round(self, turn: Turn) -> list[Problem]:
        """A budget that one round exceeds; paths are relative to the mechanism."""
        if self.target_epsilon is None:
            return []
        needed = self.expected_epsilon(1, turn)
        if needed <= self.target_epsilon:
            return []
        message = (
            f"one round alone costs about {needed:.4g} at delta {self.delta:g}; allow more than that, or take more "
            f"noise, smaller cohorts or less local work; it is {self.target_epsilon:g}"
        )
        return [Problem("target_epsilon", "budget_below_one_round", message)]

    def is_exhausted(self, book: Book, turn: Turn, draw: np.random.Generator) -> bool:
        """Whether the round ``turn``, yet to take place, would exceed the budget."""
        return self.target_epsilon is not None and self.epsilon(self.after(book, turn, draw)) > self.target_epsilon

    def check(self, scheme: Scheme, cohort_size: int) -> list[Problem]:
        """What is wrong with it for this kind of cohort; paths are relative to the mechanism."""
        return []


mechanisms: Registry[Mechanism] = Registry("mechanisms", "engine.privacy.mechanisms", Mechanism, title="Mechanism")
"""All mechanisms of differential privacy by kind."""


def count_step(steps: Mapping[str, JsonValue], step: Step) -> dict[str, JsonValue]:
    """Steps in a book, one more of them."""
    name = name_of(step)
    done = steps.get(name, 0)
    assert isinstance(done, int)
    return {**steps, name: done + 1}


def name_of(step: Step) -> str:
    """A step as a key of a book."""
    return f"{step.scheme} {step.size}/{step.of} z={step.noise_multiplier!r}"


def step_of(name: str) -> Step:
    """The step of :func:`name_of`."""
    scheme, rate, noise = name.split(" ")
    size, _, of = rate.partition("/")
    kinds: dict[str, Scheme] = {"poisson": "poisson", "fixed_size": "fixed_size", "everyone": "everyone"}
    return Step(float(noise.removeprefix("z=")), kinds[scheme], int(size), int(of))


def spent(book: Book, delta: float, method: Method) -> float:
    """Epsilon of the steps in a book's ``steps``."""
    steps = book["steps"]
    assert isinstance(steps, dict)
    return epsilon({step_of(name): int(str(count)) for name, count in steps.items()}, delta, method)
