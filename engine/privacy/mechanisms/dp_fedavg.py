"""Client-level privacy with noise that a trusted server adds."""

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.core.errors import Problem
from engine.core.json import JsonValue
from engine.privacy.accountant import Scheme, Step
from engine.privacy.clipping import Clipping, clip, clippings
from engine.privacy.clippings.flat import FlatClipping
from engine.privacy.groups import Groups, gaussian
from engine.privacy.mechanism import Book, Mechanism, Sent, Turn, count_step, mechanisms, spent


@mechanisms.register
class DPFedAvg(Mechanism):
    """Client-level differential privacy by a trusted server.

    Every update is clipped to an L2 norm of C; the server adds Gaussian noise of standard deviation z C to their sum
    and divides by the cohort's expected size. Every client counts the same: the paper's weights with w = 1, so that
    q W is the expected size. Unequal numbers of samples or absent clients so change neither sensitivity nor noise.
    """

    source: ClassVar[str] = (
        "McMahan et al., Learning Differentially Private Recurrent Language Models, ICLR 2018, Algorithm 1 with the "
        "estimator of fixed denominator"
    )
    equation: ClassVar[str] = "w ← w + (Σₖ Δₖ · min(1, C / ‖Δₖ‖) + N(0, z² C² I)) / (q N)"
    level: ClassVar[Literal["client", "example"]] = "client"
    where: ClassVar[Literal["central", "local"]] = "central"
    clips_updates: ClassVar[bool] = True
    noises_sum: ClassVar[bool] = True
    kind: Literal["dp_fedavg"] = "dp_fedavg"
    """Clients are hidden from everybody but the server, which adds the noise."""

    clip: Annotated[Clipping, clippings.field()] = Field(default_factory=FlatClipping)
    """The bound on the length of a client's update."""

    sampling: Literal["as_drawn", "poisson", "none"] = "as_drawn"
    """What the accountant assumes of the cohort: how the sampler really draws it (as_drawn); that every client tossed
    its own coin with the same mean, as most published figures do whatever the sampler, which is exact for a Poisson
    sampler only (poisson); or that every client may be in every round (none)."""

    def begin(self) -> dict[str, JsonValue]:
        """The first bound, and nothing spent."""
        return {"clip_norm": self.clip.first_norm(), "steps": {}}

    def outgoing(self, groups: Groups, book: Book, draw: np.random.Generator) -> Sent:
        """The update, clipped."""
        clipped, norm = clip(groups, _norm(book))
        return Sent(clipped, norm)

    def release(self, summed: np.ndarray, book: Book, cohort_size: int, draw: np.random.Generator) -> np.ndarray:
        """(sum + N(0, (z C)^2)) / expected size; an empty cohort releases noise too, or its emptiness would tell."""
        std = self.noise_std(book, cohort_size)
        return np.asarray(gaussian(summed.shape, std, draw, summed) / summed.dtype.type(cohort_size))

    def noise_std(self, book: Book, cohort_size: int) -> float:
        """Standard deviation of the noise on each entry of the sum."""
        return self.clip.noise_on_sum(self.noise_multiplier, cohort_size) * _norm(book)

    def after(self, book: Book, turn: Turn, draw: np.random.Generator) -> dict[str, JsonValue]:
        """One more round spent, and the bound of the next one."""
        steps: Any = book["steps"]
        norms = np.zeros(0) if turn.norms is None else turn.norms
        bound = self.clip.next_norm(_norm(book), norms, turn.cohort_size, draw)
        return {"clip_norm": bound, "steps": count_step(steps, self._step(turn))}

    def epsilon(self, book: Book) -> float:
        """Epsilon of all rounds, for the neighbors that the sampling implies."""
        return spent(book, self.delta, self.accountant)

    def expected_epsilon(self, rounds: int, turn: Turn) -> float:
        """Exact where all clients can always be reached."""
        (name,) = count_step({}, self._step(turn))
        return spent({"steps": {name: rounds}}, self.delta, self.accountant)

    def metrics(self, book: Book) -> dict[str, float]:
        """Epsilon, and the bound in force."""
        return {"epsilon": self.epsilon(book), "clip_norm": _norm(book)}

    def check(self, scheme: Scheme, cohort_size: int) -> list[Problem]:
        """A clipping that asks too much, and an accountant that cannot follow the sampler."""
        found = [
            Problem(f"clip.{problem.path}".rstrip("."), problem.code, problem.message)
            for problem in self.clip.check(self.noise_multiplier, cohort_size)
        ]
        if self.accountant == "pld" and self._scheme(scheme) == "fixed_size":
            message = (
                "no privacy loss distribution is known for cohorts of a fixed size; take accountant rdp, a sampler "
                "that draws every client on its own, or sampling poisson or none"
            )
            found.append(Problem("accountant", "no_distribution", message))
        return found

    def _scheme(self, drawn: Scheme) -> Scheme:
        match self.sampling:
            case "as_drawn":
                return drawn
            case "poisson":
                return "poisson"
            case "none":
                return "everyone"

    def _step(self, turn: Turn) -> Step:
        scheme = self._scheme(turn.scheme)
        if scheme == "everyone":
            return Step(self.noise_multiplier)
        return Step.drawn(self.noise_multiplier, scheme, turn.cohort_size, turn.num_candidates)


def _norm(book: Book) -> float:
    norm: Any = book["clip_norm"]
    return float(norm)
