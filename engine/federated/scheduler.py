"""The contract of schedulers: when a round is over, and which of its clients' updates count."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.core.component import Component
from engine.core.errors import Problem
from engine.core.registry import Registry
from engine.federated.rounds.sessions import Floats, Ints, Sessions, Times, cut

LATE, AWAY, NOT_NEEDED = "deadline", "went away", "not needed"
"""Why a client that began a round is not counted in it."""


@dataclass(frozen=True)
class Called:
    """The clients that a round has called, before they train.

    Attributes:
        sessions: what each would do.
        sizes: (m,) samples that each client has.
        batch_size: samples per local step.
        measure: the times of sessions on the fleet and network; simulated time is read through it alone.
    """

    sessions: Sessions
    sizes: Ints
    batch_size: int
    measure: Callable[[Sessions], Times]


@dataclass(frozen=True)
class Decision:
    """How a round goes.

    Attributes:
        sessions: (m,) what each client does; those that drop out have a count of 0 and what they spend until then.
        reasons: why each client with a count of 0 drops out, by id.
        length_s: how long the round lasts; None until its last item has ended.
    """

    sessions: Sessions
    reasons: dict[int, str]
    length_s: float | None = None

    @property
    def clients(self) -> Ints:
        """Ids of those whose updates count, ascending."""
        return self.sessions.client[self.sessions.counts > 0]

    def is_whole(self, called: Sessions) -> bool:
        """Whether all whose updates count do all of their work.

        Args:
            called: (m,) what they would do.
        """
        counts = self.sessions.counts > 0
        return bool((self.sessions.steps == called.steps)[counts].all())

    @property
    def most_steps(self) -> Ints:
        """Local steps of those whose updates count."""
        return self.sessions.steps[self.sessions.counts > 0]


class Scheduler(Component):
    """When the server combines updates; it keeps nothing between rounds."""

    @abstractmethod
    def check(self, cohort_size: int) -> list[Problem]:
        """What is wrong with the scheduler for so many clients at a time; paths are relative to it."""


class RoundScheduler(Scheduler):
    """A scheduler of rounds that begin with a message down to a cohort.

    Clients drop out by the times that they would have needed had all stayed: who drops out makes room for others on a
    shared channel, but nobody counts for that who would have been late.
    """

    @abstractmethod
    def decide(self, called: Called) -> Decision:
        """How a round goes that has called these clients."""


def dropping(sessions: Sessions, times: Times, drops: np.ndarray, moment_s: float | Floats) -> Sessions:
    """The sessions, those that drop out cut short.

    Args:
        sessions: whole ones.
        times: theirs.
        drops: (m,) who drops out.
        moment_s: when, one for all or (m,).
    """
    if not drops.any():
        return sessions
    whole, short = sessions.columns(), cut(sessions, times, moment_s).columns()
    return Sessions.from_columns({name: np.where(drops, short[name], whole[name]) for name in whole})


schedulers: Registry[Scheduler] = Registry("schedulers", "engine.federated.schedulers", Scheduler, title="Scheduler")
"""All schedulers by kind."""
