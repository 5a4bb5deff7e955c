"""The settings of secure sums: the server learns the sum of the updates and none of them."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from engine.core.component import Component
from engine.core.errors import Problem
from engine.core.json import JsonValue
from engine.privacy.fixed_point import FEWEST_LEVELS, FixedPoint
from engine.privacy.neighbors import SMALLEST_COHORT
from engine.privacy.secure_traffic import Phase, phases

if TYPE_CHECKING:
    from engine.privacy.secure_round import SecureRound


class SecureSum(Component):
    """Secure aggregation: the server learns the sum of the updates, and nothing else about any of them.

    Clients agree on pairwise masks that cancel in the sum; shares of their keys let the server take off the masks of
    those that go away. Updates travel as whole numbers modulo a power of two, so the sum is exact. Robust rules, which
    look at single updates, and encodings, which are no sums, do not go with it.
    """

    source: ClassVar[str] = (
        "Bonawitz et al., Practical Secure Aggregation for Privacy-Preserving Machine Learning, CCS 2017, Figure 4; "
        "sparse neighbors: Bell et al., Secure Single-Server Aggregation with (Poly)Logarithmic Overhead, CCS 2020"
    )

    neighbors: Annotated[int, Field(ge=2, le=1000, multiple_of=2)] | None = None
    """Clients with which each client shares masks, an even number: fewer cost less, but fewer may go away or collude
    with the server. Empty for all others of the cohort."""

    threshold: Annotated[float, Field(gt=0.5, le=1)] = 0.6
    """Share of the cohort, and of each client's neighbors, that must stay until the end of the round; with fewer the
    round is lost. Above one half, so that no server can ask two halves for different secrets of one client."""

    bits: Literal[32, 64] = 32
    """Bits of each number of a masked update; sums are taken modulo two to that power."""

    clip_range: Annotated[float, Field(gt=0, le=1e6)] = 8.0
    """Largest entry of an update, in units of the weights; entries beyond are taken as this. The steps of rounding are
    this times the clients per round over two to the power of (bits - 1)."""

    def round_of(
        self, seed: int, round_number: int, clients: Sequence[int], heaviest: float, *, keeps_norm: bool = False
    ) -> "SecureRound":
        """The protocol of one round.

        Args:
            seed: seed of the run.
            round_number: the round.
            clients: ids of all that exchange keys, also of those that go away later.
            heaviest: the largest weight that any client can have; public.
            keeps_norm: whether rounding must not make updates longer, because noise is measured by their length.
        """
        from engine.privacy.secure_round import SecureRound

        codec = FixedPoint(self.bits, self.clip_range, len(clients), toward_zero=keeps_norm)
        return SecureRound(
            seed=seed, round_number=round_number, clients=tuple(sorted(clients)), degree=self.neighbors,
            threshold=self.threshold, codec=codec, shares=FixedPoint(self.bits, 1.0, len(clients)), heaviest=heaviest,
        )  # fmt: skip

    def phases(self, num_values: int, cohort_size: int) -> tuple[Phase, ...]:
        """What a client of a cohort does and sends beside its training, in order; the update itself is part of it.

        Args:
            num_values: entries of an update.
            cohort_size: clients that exchange keys.
        """
        degree = self.num_neighbors(cohort_size)
        return phases(degree, max(1, math.ceil(self.threshold * degree)), (num_values + 1) * self.bits // 8)

    def num_neighbors(self, cohort_size: int) -> int:
        """Clients with which each shares masks."""
        others = max(0, cohort_size - 1)
        return others if self.neighbors is None else min(self.neighbors, others)

    def facts(self, cohort_size: int) -> dict[str, JsonValue]:
        """What the run's first event tells."""
        codec = FixedPoint(self.bits, self.clip_range, cohort_size)
        return {
            "neighbors": self.num_neighbors(cohort_size), "threshold": self.threshold, "bits": self.bits,
            "clip_range": self.clip_range, "resolution": codec.bound / codec.levels,
        }  # fmt: skip

    def check(self, cohort_size: int) -> list[Problem]:
        """What is wrong with it for a cohort of that size; paths are relative to it."""
        if cohort_size < SMALLEST_COHORT:
            message = (
                f"a secure sum needs at least {SMALLEST_COHORT} clients per round, or its terms can be told from it; "
                f"there are {cohort_size}"
            )
            return [Problem("", "cohort_too_small", message)]
        levels = FixedPoint(self.bits, self.clip_range, cohort_size).levels
        if levels < FEWEST_LEVELS:
            message = (
                f"{cohort_size} clients per round leave {levels} steps between zero and the largest entry in "
                f"{self.bits} bits, and at least {FEWEST_LEVELS} are needed; take 64 bits or fewer clients"
            )
            return [Problem("bits", "too_coarse", message)]
        return []
