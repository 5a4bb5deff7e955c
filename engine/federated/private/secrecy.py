"""Secure sums in a run: who masks with whom, what a client sends, and what the server reads from the sum."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from engine.federated.layout import SUM, called_of, population_of, rounds_done
from engine.task.contract import Context, State
from engine.task.layout import part

if TYPE_CHECKING:
    from engine.federated.task import Federated
    from engine.privacy.secure_round import Opened, SecureRound

MASKED = "masked/total"
"""Name of the sum of masked updates among the sums of a state."""

MEMBERS = "secure/members"
"""Input of a block: (n,) ids of all clients that exchanged keys in the round, also of those that go away later."""


def round_of(task: "Federated", context: Context, number: int, members: np.ndarray) -> "SecureRound":
    """The protocol of a round.

    Args:
        task: with secure sums.
        context: data and seed.
        number: the round, from 1.
        members: (n,) ids of all that exchanged keys.
    """
    assert task.secure_aggregation is not None
    clips = task.privacy is not None and task.privacy.noises_sum
    weighs = task.strategy.weighs_by_samples and not clips
    heaviest = float(population_of(task, context).sizes.max()) if weighs else 1.0
    return task.secure_aggregation.round_of(context.seed, number, members.tolist(), heaviest, keeps_norm=clips)


def opened(task: "Federated", context: Context, state: State) -> "Opened | None":
    """The plain sum of the open round's updates; None where there is none or it cannot be opened."""
    total = part(SUM, state.tensors).get(MASKED)
    if total is None or obstacle(task, context, state):
        return None
    called = called_of(state)
    return _round(task, context, state).open(total, called.client[called.counts > 0].tolist())


def obstacle(task: "Federated", context: Context, state: State) -> str:
    """Why the open round's sum cannot be opened, in words for the log; empty if it can, or nothing is masked."""
    if task.secure_aggregation is None:
        return ""
    called = called_of(state)
    if not (called.counts > 0).any():
        return ""
    found = _round(task, context, state).obstacle(called.client[called.counts > 0].tolist())
    return f"the secure sum cannot be opened, {found}: the model stays as it is" if found else ""


def metrics(columns: Mapping[str, np.ndarray]) -> dict[str, float]:
    """The share of entries of updates that were beyond the range; nothing where none are masked."""
    return {"outside_range": float(columns["outside"].mean())} if "outside" in columns else {}


def _round(task: "Federated", context: Context, state: State) -> "SecureRound":
    return round_of(task, context, rounds_done(state) + 1, called_of(state).client)
