"""What came of requests that were carried out, and which losses were noticed on the way."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from engine.core.json import JsonValue

Ending = Literal["answered", "degraded", "failed"]
"""How a request ends: with an answer of all pieces, with one of those that are left, or with a reason."""


@dataclass(frozen=True)
class Request:
    """How a request ended.

    Attributes:
        number: of the request.
        ending: how.
        reason: why it failed; empty otherwise.
        latency_s: from its coming to its answer; None without one.
        tries: how often it was sent.
        logits: (K,) the answer; None without one.
        left_at: number of the exit that answered; None without an answer, or where there are no exits.
    """

    number: int
    ending: Ending
    reason: str = ""
    latency_s: float | None = None
    tries: int = 1
    logits: np.ndarray | None = field(default=None, compare=False)
    left_at: int | None = None


@dataclass(frozen=True)
class Noticed:
    """A device that was lost, and what was done.

    Attributes:
        device: its number; -1 for the server.
        how: its process has ``ended``, or is ``silent``.
        outcome: as in a table of losses.
        renewed_s: from noticing it to the renewed plan being in place; None if there is none.
        resent: requests that were under way and were sent again.
        device_of: number of the device of each piece afterwards; -1 for missing ones.
    """

    device: int
    how: str
    outcome: str
    renewed_s: float | None
    resent: int
    device_of: tuple[int, ...]

    def as_json(self) -> dict[str, JsonValue]:
        """As plain values."""
        return {**vars(self), "device_of": list(self.device_of)}


@dataclass(frozen=True)
class Carried:
    """What came of requests.

    Attributes:
        requests: all of them, by number.
        noticed: losses, in order.
        overruns: computations that took over a millisecond longer here than on their device.
        stages: all computations.
    """

    requests: tuple[Request, ...]
    noticed: tuple[Noticed, ...]
    overruns: int
    stages: int

    @property
    def counts(self) -> dict[str, int]:
        """Requests by how they ended."""
        found = Counter(request.ending for request in self.requests)
        return {ending: found[ending] for ending in ("answered", "degraded", "failed")}

    @property
    def at_exits(self) -> dict[int, int]:
        """Requests by the exit that answered them, of a network that has some."""
        found = Counter(request.left_at for request in self.requests if request.left_at is not None)
        return dict(sorted(found.items()))

    @property
    def latencies_s(self) -> list[float]:
        """Of all requests that have an answer."""
        return [request.latency_s for request in self.requests if request.latency_s is not None]
