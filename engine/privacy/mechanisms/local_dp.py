"""Client-level privacy with noise that every device adds by itself."""

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.core.json import JsonValue
from engine.privacy.accountant import Step, epsilon
from engine.privacy.clipping import clip
from engine.privacy.groups import Groups, with_noise
from engine.privacy.mechanism import Book, Mechanism, Sent, Turn, mechanisms
from engine.privacy.participation import most_rounds


@mechanisms.register
class LocalDP(Mechanism):
    """Client-level differential privacy without a trusted server.

    Every device clips its update to an L2 norm of C and adds Gaussian noise of standard deviation z C before it sends
    it. The mean of m updates so carries noise of z C / sqrt(m): sqrt(m) times that of a trusted server. Epsilon is that
    of the client that took part most often, against a server that sees each of its messages; any two messages differ by
    up to 2 C, and not knowing who was drawn gains nothing.
    """

    source: ClassVar[str] = (
        "Kairouz et al., Advances and Open Problems in Federated Learning, 2021, section 4.2.1; Gaussian mechanism of "
        "Dwork and Roth, The Algorithmic Foundations of Differential Privacy, 2014, appendix A"
    )
    equation: ClassVar[str] = "Δₖ ← Δₖ · min(1, C / ‖Δₖ‖) + N(0, z² C² I)"
    level: ClassVar[Literal["client", "example"]] = "client"
    where: ClassVar[Literal["central", "local"]] = "local"
    clips_updates: ClassVar[bool] = True
    counts_participations: ClassVar[bool] = True
    kind: Literal["local_dp"] = "local_dp"
    """Clients are hidden from the server too: every device adds its own noise."""

    clip_norm: Annotated[float, Field(gt=0, le=1e6)] = 1.0
    """Largest L2 norm of an update, in units of the weights; longer ones are scaled down to it."""

    def begin(self) -> dict[str, JsonValue]:
        """Nobody took part yet."""
        return {"most": 0}

    def outgoing(self, groups: Groups, book: Book, draw: np.random.Generator) -> Sent:
        """The update, clipped and noisy."""
        clipped, norm = clip(groups, self.clip_norm)
        return Sent(with_noise(clipped, self.noise_multiplier * self.clip_norm, draw), norm)

    def after(self, book: Book, turn: Turn, draw: np.random.Generator) -> dict[str, JsonValue]:
        """How often the busiest client has taken part."""
        most: Any = book["most"]
        counts = np.zeros(0) if turn.participations is None else turn.participations
        return {"most": int(max(most, counts.max(initial=0)))}

    def epsilon(self, book: Book) -> float:
        """Epsilon of the client that took part most often."""
        most: Any = book["most"]
        return self._epsilon(int(most))

    def expected_epsilon(self, rounds: int, turn: Turn) -> float:
        """With the number of rounds that the busiest client is likely to have."""
        return self._epsilon(most_rounds(rounds, turn.cohort_size, turn.num_candidates))

    def _epsilon(self, rounds: int) -> float:
        return epsilon({Step(self.noise_multiplier / 2.0): rounds}, self.delta, self.accountant)
