"""Sampling by what clients give and how long they take."""

import math
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from typing_extensions import override

from engine.core.units import Fraction
from engine.federated.sampler import Candidates, Feedback, FixedSize, Memory, by_weight, samplers

LEAST_EXPLORED, EXPLORED_FACTOR = 0.2, 0.98
"""The share of new clients shrinks by this factor each round, down to this, as in the authors' code."""

CLIPPED_AT = 95.0
"""Percentile of utilities above which they count as equal, against outliers."""

LOOKED_AT = 0.95
"""Clients count as good enough from this share of the worst utility that would be taken (c, algorithm 1)."""

UNCERTAINTY = 0.1
"""Weight of the time since a client last took part (algorithm 1)."""


@samplers.register
class Oort(FixedSize):
    """Clients are preferred that have many samples, a high loss and short rounds; some new ones are tried every round.

    The utility of a client is its number of samples times its last mean training loss (the source takes the root of the
    mean of squared losses, which clients would have to send too), scaled to 0..1 as in the authors' code, plus a bonus
    that grows while it is not chosen. Who takes longer than the preferred duration loses by the power of the excess.
    That duration is a percentile of the durations seen, as in the authors' code; it grows when utilities fall.
    """

    source: ClassVar[str] = (
        "F. Lai et al., Oort: Efficient Federated Learning via Guided Participant Selection, OSDI 2021, algorithm 1"
    )
    equation: ClassVar[str] = "U(k) = (nₖ · lossₖ, scaled + √(0.1 ln R / Rₖ)) · (T / tₖ)^α where tₖ > T"
    reads_costs: ClassVar[bool] = True
    kind: Literal["oort"] = "oort"
    """By utility."""

    explored: Fraction = 0.9
    """Share of the first round's clients that are new, from 0 to 1 (epsilon); it shrinks by 2 % a round, down to 0.2 or
    to itself if that is less."""

    penalty: Annotated[float, Field(ge=0, le=10)] = 2.0
    """Power by which slow clients lose, dimensionless (alpha); 0 ignores durations."""

    percentile: Annotated[float, Field(ge=0, le=100)] = 30.0
    """Percentile of the durations seen that counts as preferred at first, in percent."""

    pace: Annotated[float, Field(ge=0, le=100)] = 5.0
    """By how much that percentile grows when the last window's utilities are less than those before, in percent points
    (Delta)."""

    window: Annotated[int, Field(ge=1, le=10_000)] = 20
    """Rounds over which utilities are compared (W)."""

    @property
    @override
    def keeps_memory(self) -> bool:
        return True

    @override
    def begin(self, num_clients: int) -> Memory:
        return {
            "utility": np.zeros(num_clients, dtype=np.float32),
            "duration_s": np.zeros(num_clients, dtype=np.float32),
            "last_round": np.zeros(num_clients, dtype=np.int32),
            "gained": np.zeros(0),
            "percentile": np.array([self.percentile]),
        }

    @override
    def learn(self, memory: Memory, feedback: Feedback) -> Memory:
        """Note what was seen of those who took part, and set the pace at the end of a window."""
        who = feedback.clients
        utility, duration_s, last_round = (memory[name].copy() for name in ("utility", "duration_s", "last_round"))
        found = feedback.num_samples * np.nan_to_num(feedback.losses, nan=0.0, posinf=0.0, neginf=0.0)
        utility[who], duration_s[who], last_round[who] = found, feedback.durations_s, feedback.round_number
        gained = np.append(memory["gained"], found.sum())[-2 * self.window :]
        percentile = float(memory["percentile"][0])
        if feedback.round_number % self.window == 0 and len(gained) == 2 * self.window:
            before, lately = gained[: self.window].sum(), gained[self.window :].sum()
            percentile = min(100.0, percentile + self.pace * bool(before > lately))
        return {
            "utility": utility, "duration_s": duration_s, "last_round": last_round, "gained": gained,
            "percentile": np.array([percentile]),
        }  # fmt: skip

    @override
    def sample(self, candidates: Candidates, draw: np.random.Generator) -> np.ndarray:
        """New clients by speed, known ones by utility; each part is filled up from the other where it is too small."""
        clients, last_round = candidates.clients, candidates.memory["last_round"]
        wanted = min(self.num_clients, len(clients))
        known, new = clients[last_round[clients] > 0], clients[last_round[clients] == 0]
        num_new = min(len(new), max(round(self.share_of_new(candidates.round_number) * wanted), wanted - len(known)))
        tried = by_weight(new, candidates.rates_bps(new), num_new, draw) if num_new else new[:0]
        return np.sort(np.concatenate([tried, self._known(candidates, known, wanted - num_new, draw)]))

    def share_of_new(self, round_number: int) -> float:
        """The share of new clients in a round, rounds counted from 1."""
        return max(min(LEAST_EXPLORED, self.explored), self.explored * EXPLORED_FACTOR ** (round_number - 1))

    def _known(self, candidates: Candidates, known: np.ndarray, wanted: int, draw: np.random.Generator) -> np.ndarray:
        if not wanted:
            return known[:0]
        scores = self.scores(candidates.memory, known, candidates.round_number)
        worst = np.partition(scores, len(scores) - wanted)[len(scores) - wanted]
        is_good = scores >= LOOKED_AT * worst
        return by_weight(known[is_good], scores[is_good], wanted, draw)

    def scores(self, memory: Memory, known: np.ndarray, round_number: int) -> np.ndarray:
        """The utilities of clients that took part before.

        Args:
            memory: what is known.
            known: (n,) their ids.
            round_number: the round, from 1.

        Returns:
            (n,), not negative.
        """
        utility, duration_s = memory["utility"][known].astype(np.float64), memory["duration_s"][known]
        clipped = np.minimum(utility, np.percentile(utility, CLIPPED_AT))
        spread = clipped.max() - clipped.min()
        scaled = (clipped - clipped.min()) / spread if spread else np.ones(len(known))
        scores = scaled + np.sqrt(UNCERTAINTY * math.log(round_number) / memory["last_round"][known])
        preferred_s = np.percentile(duration_s, float(memory["percentile"][0]))
        slower = duration_s > preferred_s
        scores[slower] *= (preferred_s / duration_s[slower]) ** self.penalty
        return np.asarray(scores)
