"""Sessions of clients that are under way at the same time, each with the model that it got."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np

from engine.federated.rounds.sessions import Floats, Ints, Sessions


@dataclass(frozen=True)
class Flights:
    """One row for each of n sessions.

    Attributes:
        sessions: what each client does; one that will go away counts 0 and is cut short.
        number: (n,) which session of the run it is, from 0.
        version: (n,) steps that the server had made when it began: which model it got.
        again: (n,) how many times the client had begun with the same model before.
        cause: (n,) number of the session at whose end it began; -1 if it did not wait for any.
        begun_s: (n,) simulated time at which it began.
        ends_s: (n,) simulated time at which its update arrives, or the client is missed.
    """

    sessions: Sessions
    number: Ints
    version: Ints
    again: Ints
    cause: Ints
    begun_s: Floats
    ends_s: Floats

    @classmethod
    def from_columns(cls, columns: Mapping[str, Any]) -> Self:
        """The flights of :meth:`columns`; none of no columns."""
        none = np.zeros(0)

        def whole(name: str) -> Ints:
            return np.asarray(columns.get(name, none), dtype=np.int64)

        def times(name: str) -> Floats:
            return np.asarray(columns.get(name, none), dtype=np.float64)

        return cls(
            Sessions.from_columns({field.name: whole(field.name) for field in fields(Sessions)}),
            number=whole("number"), version=whole("version"), again=whole("again"), cause=whole("cause"),
            begun_s=times("begun_s"), ends_s=times("ends_s"),
        )  # fmt: skip

    def columns(self) -> dict[str, np.ndarray]:
        """The flights as named columns, for states."""
        own = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "sessions"}
        return {**self.sessions.columns(), **own}

    def record(self) -> dict[str, np.ndarray]:
        """The columns of whole numbers, for the history of a run."""
        return {name: column for name, column in self.columns().items() if column.dtype.kind == "i"}

    def __len__(self) -> int:
        return len(self.number)

    def take(self, rows: Any) -> Self:
        """Some of them."""
        return self.from_columns({name: column[rows] for name, column in self.columns().items()})

    def and_also(self, other: "Flights") -> Self:
        """Both, one after the other."""
        mine, others = self.columns(), other.columns()
        return self.from_columns({name: np.concatenate([mine[name], others[name]]) for name in mine})

    def order(self) -> Ints:
        """(n,) rows in the order in which the sessions end; of those that end together the one that began first."""
        return np.lexsort((self.number, self.ends_s))
