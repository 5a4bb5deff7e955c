"""Example-level privacy: differentially private SGD on every device."""

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.core.json import JsonValue
from engine.privacy.accountant import DIGITS, Step, epsilon
from engine.privacy.mechanism import Book, Mechanism, Turn, mechanisms
from engine.privacy.participation import most_rounds

FEW_SIZES = 24
"""Different sizes of clients up to which each is accounted for to three digits; many take two, which is some percent
more, or their curves would take longer than the training."""

CLIP_MACS, NOISE_MACS = 2, 10
"""Arithmetic per parameter, derived: for each sample a square for the norm and a scaled addition; for each step a
Gaussian number by Box and Muller's transform, with its logarithm, root and cosine as short polynomials."""


@mechanisms.register
class DPSGD(Mechanism):
    """Example-level differential privacy by private SGD on every device.

    In every local step each of a client's n samples is in the batch by its own coin (Poisson), with probability B / n;
    the gradient of every sample is clipped to an L2 norm of C, their sum gets Gaussian noise of standard deviation z C
    and is divided by B. So single samples are hidden from the server and everybody else. Epsilon is that of the client
    whose samples are least protected; nothing is gained from the server's choice of clients, which the server knows.
    """

    source: ClassVar[str] = (
        "Abadi et al., Deep Learning with Differential Privacy, CCS 2016, Algorithm 1; accountant: Mironov, Talwar, "
        "Zhang, Rényi Differential Privacy of the Sampled Gaussian Mechanism, 2019"
    )
    equation: ClassVar[str] = "g ← (Σᵢ ∇ℓᵢ(w) · min(1, C / ‖∇ℓᵢ(w)‖) + N(0, z² C² I)) / B"
    level: ClassVar[Literal["client", "example"]] = "example"
    where: ClassVar[Literal["central", "local"]] = "local"
    trains_privately: ClassVar[bool] = True
    counts_participations: ClassVar[bool] = True
    kind: Literal["dp_sgd"] = "dp_sgd"
    """Single samples are hidden, from the server too: local training clips and adds noise in every step."""

    clip_norm: Annotated[float, Field(gt=0, le=1e6)] = 1.0
    """Largest L2 norm of one sample's gradient; longer ones are scaled down to it."""

    def begin(self) -> dict[str, JsonValue]:
        """Nothing spent: by size of a client, the most local steps that one of that size has made."""
        return {"spent": {}}

    def after(self, book: Book, turn: Turn, draw: np.random.Generator) -> dict[str, JsonValue]:
        """More local steps of those that took part; of clients with equal sizes only the busiest counts."""
        before: Any = book["spent"]
        found: dict[str, JsonValue] = dict(before)
        for size, steps in zip(turn.samples.tolist(), _steps(turn).tolist(), strict=True):
            name = _name(turn.batch_size, size)
            found[name] = max(int(str(found.get(name, 0))), int(steps))
        return {"spent": found}

    def epsilon(self, book: Book) -> float:
        """The largest epsilon of any client's samples."""
        done: Any = book["spent"]
        digits = DIGITS if len(done) <= FEW_SIZES else DIGITS - 1
        return max((self._epsilon(name, steps, digits) for name, steps in done.items()), default=0.0)

    def expected_epsilon(self, rounds: int, turn: Turn) -> float:
        """For clients of the mean size, with the rounds that the busiest is likely to have."""
        size = int(turn.samples.mean())
        made = turn.local_steps
        steps = local_steps(size, turn.batch_size, turn.epochs) if made is None else int(made[0])
        most = most_rounds(rounds, turn.cohort_size, turn.num_candidates)
        return self._epsilon(_name(turn.batch_size, size), steps * most, DIGITS)

    def training_macs(self, num_parameters: int, batch_size: int) -> float:
        """Norm and scaled sum of each sample's gradient, and its share of the step's noise."""
        return num_parameters * (CLIP_MACS + NOISE_MACS / batch_size)

    def _epsilon(self, name: str, steps: int, digits: int) -> float:
        batch, _, size = name.partition("/")
        step = Step.drawn(self.noise_multiplier, "poisson", int(batch), int(size), digits=digits)
        return epsilon({step: steps}, self.delta, self.accountant)


def _steps(turn: Turn) -> np.ndarray:
    """(m,) local steps of each client in all its rounds."""
    if turn.local_steps is not None:
        return turn.local_steps
    counts = np.zeros(len(turn.clients), dtype=np.int64) if turn.participations is None else turn.participations
    return np.asarray(counts * [local_steps(int(size), turn.batch_size, turn.epochs) for size in turn.samples])


def local_steps(num_samples: int, batch_size: int, epochs: int) -> int:
    """Steps of a client in one round: as many as ordinary batches would take."""
    return epochs * -(-num_samples // batch_size)


def _name(batch_size: int, num_samples: int) -> str:
    return f"{min(batch_size, num_samples)}/{num_samples}"
