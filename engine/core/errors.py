"""The errors of the engine: one base, and one that carries every problem of a user's input."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong with a user's input."""

    path: str
    """Dotted place in the document, ``task.strategy.mu`` or ``fleet.groups.0.count``; empty for the whole."""
    code: str
    """Stable machine-readable name, such as ``unknown_field`` or ``out_of_range``."""
    message: str
    """What is wrong, what is allowed and what was given, in one sentence."""

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class EngineError(Exception):
    """Base of every error that the engine raises on purpose.

    Attributes:
        code: stable machine-readable name of the cause.
        remedy: what the user can do about it; empty if nothing.
    """

    code = "engine_error"

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


class SpecError(EngineError):
    """A user's input is wrong; carries all problems of the stage that found them, ordered by path."""

    code = "invalid_spec"

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        if not self.problems:
            raise ValueError("a SpecError needs at least one problem")
        super().__init__("\n".join(str(problem) for problem in self.problems))


class DataUnavailable(EngineError):
    """A data set's files are not on this machine and could not be fetched; the remedy names them and their place."""

    code = "data_unavailable"


class RunCancelled(EngineError):
    """The run was told to stop at a step or block border."""

    code = "cancelled"
