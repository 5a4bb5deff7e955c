"""What privacy has cost so far, round by round, and whether any is left."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.core.json import JsonValue
from engine.core.registry import kind_of
from engine.federated.layout import called_of, population_of
from engine.federated.rounds.sessions import Sessions
from engine.privacy.mechanism import Book, Mechanism, Turn
from engine.task.contract import Context, State

if TYPE_CHECKING:
    from engine.federated.task import Federated

BOOK = "privacy"
"""Value of a state and of blocks with what the mechanism keeps between rounds."""

TAKEN = "privacy/taken"
"""Tensor of a state: (2, N) rounds in which the update of each client counted, and local steps that it made in them,
where the mechanism goes by that."""


@dataclass(frozen=True)
class Budget:
    """What a round did to privacy.

    Attributes:
        values: of the state after it.
        tensors: of the state after it.
        metrics: for the log; epsilon and what else the mechanism tells.
    """

    values: dict[str, JsonValue]
    tensors: dict[str, np.ndarray]
    metrics: dict[str, float]


def begin(task: "Federated") -> dict[str, JsonValue]:
    """Values of the state before the first round; none without privacy."""
    return {} if task.privacy is None else {BOOK: task.privacy.begin()}


def kept(state: State) -> dict[str, JsonValue]:
    """Of a state's values, what the mechanism keeps; blocks get it too."""
    return {BOOK: state.values[BOOK]} if BOOK in state.values else {}


def after_round(
    task: "Federated", context: Context, state: State, counted: Sessions, norms: np.ndarray | None
) -> Budget:
    """The budget when a round closes.

    Args:
        task: the task.
        context: fleet, data and seed.
        state: the state with the round still open.
        counted: (m,) sessions of those whose updates count.
        norms: (m,) norms of their updates before clipping; None where they were not measured.
    """
    mechanism = task.privacy
    if mechanism is None:
        return Budget({}, {}, {})
    tensors = _taken(mechanism, context, state, counted)
    number, book = _open(state)
    turn = _turn(task, context, state, counted, tensors)
    after = mechanism.after(book, replace(turn, norms=norms), context.stream("privacy-clip", number))
    return Budget({BOOK: after}, tensors, mechanism.metrics(after))


def overspent(task: "Federated", context: Context, state: State) -> float | None:
    """Epsilon after the open round if everybody who is called takes part; None if that is allowed."""
    mechanism = task.privacy
    if mechanism is None or mechanism.target_epsilon is None:
        return None
    called = called_of(state)
    counted = called.take(called.counts > 0)
    number, book = _open(state)
    turn = _turn(task, context, state, counted, _taken(mechanism, context, state, counted))
    draw = context.stream("privacy-clip", number)
    if not mechanism.is_exhausted(book, turn, draw):
        return None
    return mechanism.epsilon(mechanism.after(book, turn, draw))


def _open(state: State) -> tuple[int, Book]:
    """The number of the open round, and the book before it."""
    number: Any = state.values["round"]
    book: Any = state.values[BOOK]
    return number, book


def _turn(task: "Federated", context: Context, state: State, counted: Sessions, tensors: dict[str, np.ndarray]) -> Turn:
    clients = counted.client
    rounds, steps = tensors[TAKEN][:, clients] if tensors else (None, None)
    absent: Any = state.values["absent"]
    return Turn(
        scheme=task.sampler.scheme, cohort_size=task.sampler.cohort_size(context.fleet.num_devices),
        num_candidates=context.fleet.num_devices - int(absent.get("num_absent", 0)), clients=clients,
        samples=population_of(task, context).num_samples(clients), epochs=task.local.epochs,
        batch_size=task.local.batch_size, participations=rounds, local_steps=steps,
    )  # fmt: skip


def _taken(mechanism: Mechanism, context: Context, state: State, counted: Sessions) -> dict[str, np.ndarray]:
    if not mechanism.counts_participations:
        return {}
    before = state.tensors.get(TAKEN)
    taken = np.zeros((2, context.fleet.num_devices), dtype=np.int64) if before is None else before.copy()
    taken[0, counted.client] += 1
    taken[1, counted.client] += counted.steps
    return {TAKEN: taken}


def typical_turn(task: "Federated", num_devices: int, mean_samples: float) -> Turn:
    """A round in which all can be reached and each client of the cohort has the mean number of samples."""
    size = task.sampler.cohort_size(num_devices)
    samples = np.full(size, max(1, round(mean_samples)))
    return Turn(
        scheme=task.sampler.scheme, cohort_size=size, num_candidates=num_devices, clients=np.arange(size),
        samples=samples, epochs=task.local.epochs, batch_size=task.local.batch_size,
        local_steps=task.local.work_of(samples)[1],
    )  # fmt: skip


def facts(mechanism: Mechanism, rounds: int, turn: Turn) -> dict[str, JsonValue]:
    """What the run's first event says about privacy; the expected epsilon is that of all rounds.

    Args:
        mechanism: the mechanism.
        rounds: how many are planned.
        turn: one of them, see :func:`typical_turn`.
    """
    return {
        "kind": kind_of(type(mechanism)),
        **mechanism.facts(),
        "sampling_rate": turn.cohort_size / max(1, turn.num_candidates),
        "expected_epsilon": mechanism.expected_epsilon(rounds, turn),
    }
