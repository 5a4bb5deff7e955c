"""The end of a run before a round that would cost more privacy than is allowed."""

from typing import TYPE_CHECKING, Any

from engine.core.events import Event
from engine.federated.layout import rounds_done
from engine.federated.private import budget
from engine.federated.rounds.closing import LASTS_A_ROUND, closed_values
from engine.task.contract import Context, State
from engine.task.layout import names_of

if TYPE_CHECKING:
    from engine.federated.task import Federated

BUDGET_SPENT = "privacy_budget"
"""Why such a run ends."""


def ended(task: "Federated", context: Context, state: State) -> tuple[State, list[Event]] | None:
    """The state in which the run is over, and the remark on it; None if the round that opened may take place."""
    epsilon = budget.overspent(task, context, state)
    if epsilon is None or task.privacy is None:
        return None
    number, totals = rounds_done(state) + 1, state.values["totals"]
    assert isinstance(totals, dict)
    at: Any = totals["time_s"]
    message = (
        f"round {number} would bring epsilon to {epsilon:.4g}, and {task.privacy.target_epsilon:g} are allowed: "
        "the run ends before it"
    )
    over = state.replace(
        values={**closed_values(number), "reason": BUDGET_SPENT},
        drop=[name for prefix in LASTS_A_ROUND for name in names_of(prefix, state.tensors)],
    )
    return over, [Event(kind="log", body={"level": "info", "message": message}, sim_time_s=at)]
