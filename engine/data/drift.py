"""The contract of drifts: how what is to be learned changes over the rounds."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping
from typing import Annotated, final

import numpy as np
from pydantic import Field

from engine.core.component import Component
from engine.core.errors import Problem
from engine.core.registry import Registry
from engine.core.sample import SampleSpec


class Drift(Component):
    """A change of the data over the rounds, at clients and in the test samples alike.

    Clients change in groups that begin one after another, so that for a while clients with another concept learn
    together. The model is measured on the test samples as they are for the clients at that time, every stage weighted
    by its share of the clients. Numbers of samples stay, so costs do too.
    """

    start_round: Annotated[int, Field(ge=1, le=1_000_000)] = 10
    """The round in which the first group of clients changes; before, the data is as it was."""

    groups: Annotated[int, Field(ge=1, le=1000)] = 1
    """Groups of clients that change one after another; client i is in group i modulo their number. 1: all at once."""

    lag_rounds: Annotated[int, Field(ge=0, le=1_000_000)] = 5
    """Rounds from one group's change to the next one's; without meaning for a single group."""

    @abstractmethod
    def stage(self, num_rounds: int) -> float:
        """How far the data of a client has changed.

        Args:
            num_rounds: rounds since its group began to change, 0 in the first changed one.

        Returns:
            A number that :meth:`change` understands; 0 for data as it was.
        """

    @abstractmethod
    def change(
        self, x: np.ndarray, y: np.ndarray, stage: float, draw: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """The samples at a stage above 0, in new arrays where they differ.

        Args:
            x: (N, *sample) inputs.
            y: (N,) or (N, T) labels.
            stage: how far they have changed.
            draw: a random stream of the client, the same in every round.
        """

    def check(self, sample: SampleSpec) -> list[Problem]:
        """What is wrong with the drift for such samples; paths are relative to it."""
        return []

    @final
    def stage_of(self, client: int, round_number: int) -> float:
        """How far the data of a client has changed in a round, rounds counted from 1."""
        return self._stage_of_group(client % self.groups, round_number)

    @final
    def stages(self, num_clients: int, round_number: int) -> Mapping[float, float]:
        """The share of the clients at each stage of a round, stages ascending."""
        groups = min(self.groups, num_clients)
        counts: Counter[float] = Counter()
        for group in range(groups):
            counts[self._stage_of_group(group, round_number)] += len(range(group, num_clients, self.groups))
        return {stage: counts[stage] / num_clients for stage in sorted(counts)}

    def _stage_of_group(self, group: int, round_number: int) -> float:
        since = round_number - self.start_round - group * self.lag_rounds
        return self.stage(since) if since >= 0 else 0.0


drifts: Registry[Drift] = Registry("drifts", "engine.data.drifts", Drift, title="Drift")
"""All drifts by kind."""
