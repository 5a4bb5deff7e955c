"""The contract of aggregators: how the server makes one update of those that the clients sent."""

from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from engine.core.component import Component
from engine.core.errors import Problem
from engine.core.registry import Registry

CHUNK_BYTES = 4 << 20
"""Memory for the numbers that a rule looks at together; one over all parameters would double the memory of a round."""


@dataclass(frozen=True)
class Rows:
    """The updates of one round, each flattened over all groups of the message.

    Attributes:
        values: (m, P) one update a row, in ascending order of the clients' ids.
        weights: (m,) weight of each in a mean, as the strategy gives it: the client's samples.
        trusted: (P,) the server's own update; None unless the aggregator asks for it.
    """

    values: np.ndarray
    weights: np.ndarray
    trusted: np.ndarray | None = None


class Aggregator(Component):
    """Makes one update of those of a round's clients; it keeps nothing between rounds.

    ``m`` is the number of updates, ``P`` the number of values of one, ``f`` how many of them may be anything at all.
    """

    is_linear: ClassVar[bool] = False
    """Whether the result is the weighted mean, so that the server may sum as updates come and keep none."""

    needs_trusted: ClassVar[bool] = False
    """Whether the server trains on samples of its own in every round, for :attr:`Rows.trusted`."""

    @abstractmethod
    def combine(self, rows: Rows) -> np.ndarray:
        """One update, (P,), of the type of the rows; of at least :attr:`least_updates` rows."""

    @property
    def trusted_samples(self) -> int:
        """How many samples the server trains on itself where :attr:`needs_trusted`."""
        return 0

    @property
    def least_updates(self) -> int:
        """Updates that the rule needs; a round in which fewer arrive leaves the model as it is."""
        return 1

    def tolerates(self, num_updates: int) -> int:
        """How many of so many updates may be arbitrary without the result leaving the range of the others."""
        return 0

    def check(self, cohort_size: int) -> list[Problem]:
        """What is wrong with the rule for cohorts of that size; paths are relative to it."""
        return []


def column_chunks(values: np.ndarray) -> Iterator[slice]:
    """Slices of the columns of (m, P) values, each of at most ``CHUNK_BYTES`` in float64."""
    rows, columns = values.shape
    step = max(1, CHUNK_BYTES // (8 * max(rows, 1)))
    for first in range(0, columns, step):
        yield slice(first, min(first + step, columns))


def by_columns(
    values: np.ndarray, rule: Callable[[np.ndarray], np.ndarray], chosen: np.ndarray | None = None
) -> np.ndarray:
    """A rule that treats every column of (m, P) values alike, applied to some columns at a time: (P,).

    The rule gets the columns as rows of a contiguous array (c, m) that it may change, and returns (c,).

    Args:
        values: one update a row.
        rule: the rule.
        chosen: the rows that it sees; all if None.
    """
    result = np.empty(values.shape[1], dtype=values.dtype)
    for columns in column_chunks(values):
        part = values[:, columns] if chosen is None else values[chosen, columns]
        result[columns] = rule(np.array(part.T, order="C"))
    return result


def too_few(path: str, needed: int, reason: str, cohort_size: int) -> list[Problem]:
    """The problem that cohorts of that size are too small for a rule."""
    if cohort_size >= needed:
        return []
    message = f"{reason}, so at least {needed} clients per round, but a round has {cohort_size}"
    return [Problem(path, "too_few_clients", message)]


aggregators: Registry[Aggregator] = Registry(
    "aggregators", "engine.federated.aggregators", Aggregator, title="Aggregator"
)
"""All aggregators by kind."""
