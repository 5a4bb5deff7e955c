"""Following runs that are still going: are there any, and did anything happen since the page was drawn."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from webapp.comparison.selection import Entry, states_of
from webapp.experiments.models import RunState


@dataclass(frozen=True)
class Following:
    """What a comparison waits for.

    Attributes:
        num_running: runs that are being computed.
        num_queued: runs that wait for a worker.
        stamp: changes with every event and every change of state of any of the runs.
    """

    num_running: int
    num_queued: int
    stamp: str

    @property
    def is_live(self) -> bool:
        """Whether the page has to look again."""
        return bool(self.num_running or self.num_queued)


def following_of(entries: Sequence[Entry]) -> Following:
    """What the runs of a comparison are doing."""
    states = states_of(entries)
    places = ";".join(f"{run.pk}:{run.state}:{run.last_seq}" for entry in entries for run in entry.runs)
    stamp = hashlib.sha256(places.encode()).hexdigest()[:16]
    return Following(states.get(RunState.RUNNING, 0), states.get(RunState.QUEUED, 0), stamp)
