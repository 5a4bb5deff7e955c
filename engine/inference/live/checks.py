"""Why a plan cannot be carried out by real processes, whatever the host; asked before a run begins."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from engine.core.errors import EngineError, Problem
from engine.inference.live.exits import rule_of
from engine.inference.live.session import Session
from engine.inference.live.trial import Trial
from engine.inference.world import world_of

if TYPE_CHECKING:
    from engine.inference.task import Inference
    from engine.task.contract import Context

MOST_SECONDS = 600.0
"""Requests that would take longer are not carried out."""


def problems_of(task: "Inference", context: "Context", *, count: int, kill: Sequence[int]) -> list[Problem]:
    """All problems, with paths of the whole spec.

    Args:
        task: whose plan it is.
        context: fleet and network.
        count: of the requests that are to be carried out.
        kill: numbers of the devices whose processes are to be killed.
    """
    world = world_of(task, context)
    planning = world.planning
    try:
        guard, network = planning.guard(planning.shares()), world.expected_network
        session = Session(Trial(guard, network, {}, np.zeros(0), "loopback", rule=rule_of(task)))
    except EngineError as error:
        return [Problem("execution.backend", "cannot_be_emulated", str(error))]
    found = []
    seconds = min(count, task.requests.count) * max(planning.chosen.latency_s, 1 / (task.requests.rate_rps or np.inf))
    if seconds > MOST_SECONDS:
        message = f"these requests take {seconds:,.0f} s, and at most {MOST_SECONDS:,.0f} s are carried out"
        found.append(Problem("execution.emulated_rounds", "out_of_range", message))
    if strangers := sorted(set(kill) - set(session.devices)):
        allowed = ", ".join(map(str, session.devices))
        message = f"device {strangers[0]} has no process; there are {allowed}"
        found.append(Problem("execution.kill_devices", "unknown_device", message))
    return found
