"""The plan of a finished run, carried out: its requests for real, and what the run tells of that."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.core.events import Event
from engine.core.json import JsonValue
from engine.emulation.fabric import FabricName
from engine.inference.live.carried import Carried, Noticed
from engine.inference.live.exits import rule_of, simulated_exits
from engine.inference.live.session import Session
from engine.inference.live.trial import Trial
from engine.inference.world import world_of
from engine.task import layout

if TYPE_CHECKING:
    from engine.inference.task import Inference
    from engine.task.contract import Context, State

FILE = "live.json"
"""The artifact with every request and every loss."""

MOST_INPUTS = 1000
"""Test samples that requests ask about in turn."""

MARGIN_S = 120.0
PATIENCE = 20.0
"""The kernel ends everything after so many times what was simulated, and a margin."""


@dataclass(frozen=True)
class Live:
    """What a run tells of its plan carried out.

    Attributes:
        figures: among the costs.
        events: losses that were noticed, and what was done; then what became of the requests.
        artifacts: files by name.
    """

    figures: dict[str, float]
    events: list[Event]
    artifacts: dict[str, bytes]


def trial_of(task: "Inference", context: "Context", state: "State", fabric: FabricName, count: int) -> Trial:
    """The plan that a run has chosen, ready to be carried out.

    Args:
        task: of the run.
        context: of the run.
        state: when it is done.
        fabric: the tier.
        count: of the requests that are carried out.
    """
    world = world_of(task, context)
    planning = world.planning_in(state)
    seconds = planning.chosen.latency_s * count
    if task.requests.rate_rps:
        seconds += count / task.requests.rate_rps
    return Trial(
        guard=planning.guard(layout.value(state, "accuracies")),
        graph=world.network(state),
        weights=state.clients[world.answering],
        inputs=world.test.x[:MOST_INPUTS],
        fabric=fabric,
        seed=context.seed,
        deadline_s=MARGIN_S + PATIENCE * seconds,
        rule=rule_of(task),
    )


def carry_out(
    task: "Inference", context: "Context", state: "State", *, fabric: FabricName, count: int, kill: Sequence[int] = ()
) -> Live:
    """Carry out the first requests of a run.

    Args:
        task: of the run.
        context: of the run.
        state: when it is done.
        fabric: the tier.
        count: how many requests, at most those of the run.
        kill: numbers of devices whose processes are killed on the way, evenly spread over the requests.
    """
    requests = task.requests
    moments: list[float | None] = [None] * min(count, requests.count)
    if requests.is_stream:
        moments = requests.moments(context.stream("requests"))[: len(moments)].tolist()
    kills = {device: max(1, len(moments) * place // (len(kill) + 1)) for place, device in enumerate(kill, start=1)}
    with Session(trial_of(task, context, state, fabric, len(moments))) as session:
        carried = session.serve(moments, kills)
    world = world_of(task, context)
    asked = world.test.x[:MOST_INPUTS][: len(moments)]
    which = simulated_exits(world, state, asked)[np.arange(len(moments)) % len(asked)]
    figures = _figures(carried, _simulated_s(task, context, state, which)) | _exits(carried, which)
    right = _right(carried, world.test.y[:MOST_INPUTS])
    return Live(figures, _events(carried, right), {FILE: _file(carried, fabric)})


def _simulated_s(task: "Inference", context: "Context", state: "State", which: NDArray[np.int64]) -> float:
    """The median latency that the simulation says of these requests, by the exits that answer them."""
    from engine.inference.requests.queueing import simulate_each

    planning = world_of(task, context).planning_in(state)
    if not task.requests.is_stream:
        return float(np.median(np.array([way.seconds for way in planning.ways])[which]))
    moments = task.requests.moments(context.stream("requests"))[: len(which)]
    return simulate_each(planning.routes, which, moments).percentile(50.0)


def _exits(carried: Carried, which: NDArray[np.int64]) -> dict[str, float]:
    """Requests that each exit has answered, and those that it would have by the simulation, without any loss."""
    if not (counts := carried.at_exits):
        return {}
    simulated = np.bincount(which, minlength=max(counts) + 1).tolist()
    return {
        name: float(count)
        for number, expected in enumerate(simulated)
        for name, count in (
            (f"emulated_exit{number}_answers", counts.get(number, 0)),
            (f"simulated_exit{number}_answers", expected),
        )
    }


def _right(carried: Carried, labels: np.ndarray) -> float:
    """Share of right answers; no answer is a wrong one."""
    told = [(request.number % len(labels), request.logits) for request in carried.requests]
    right = sum(bool((logits.argmax(-1) == labels[place]).all()) for place, logits in told if logits is not None)
    return right / len(told)


def _figures(carried: Carried, simulated_s: float) -> dict[str, float]:
    found = {f"emulated_{ending}": float(count) for ending, count in carried.counts.items()}
    found["emulated_rounds"] = float(len(carried.requests))
    if times := carried.latencies_s:
        measured_s = float(np.median(times))
        found |= {
            "emulated_round_s": measured_s,
            "simulated_round_s": simulated_s,
            "emulation_error": abs(simulated_s - measured_s) / measured_s,
        }
    return found


def _events(carried: Carried, right: float) -> list[Event]:
    counts = carried.counts
    text = ", ".join(f"{count} {ending}" for ending, count in counts.items())
    rows = [_log("warning", _sentence(one)) for one in carried.noticed]
    reasons = sorted({request.reason for request in carried.requests if request.reason})
    rows += [_log("warning", f"real processes: requests failed: {reason}") for reason in reasons]
    if carried.overruns:
        rows.append(
            _log(
                "warning",
                f"real processes: {carried.overruns} of {carried.stages} computations took over a millisecond longer "
                f"here than on their device, so that what was measured is too long",
            )
        )
    told = f"real processes: {len(carried.requests)} requests: {text}; {100 * right:.1f} % of them right"
    return [*rows, _log("info", told)]


def _sentence(one: Noticed) -> str:
    """What is told of a loss."""
    who = "the server" if one.device < 0 else f"device {one.device}"
    noticed = f"real processes: {who} is lost, its process {'has ended' if one.how == 'ended' else 'does not answer'}"
    if one.renewed_s is None:
        return f"{noticed}; there is no plan without it"
    devices = ", ".join(map(str, sorted(set(one.device_of) - {-1})))
    what = {
        "unharmed": "it computed nothing",
        "standby": f"others that hold its weights took over, so that devices {devices} compute",
        "replanned": f"the plan was renewed for devices {devices}",
        "degraded": f"devices {devices} answer without its part",
    }[one.outcome]
    return f"{noticed}; {what} after {1e3 * one.renewed_s:.0f} ms, {one.resent} requests were sent again"


def _log(level: str, message: str) -> Event:
    return Event(kind="log", body={"level": level, "message": message})


def _file(carried: Carried, fabric: FabricName) -> bytes:
    rows: list[dict[str, Any]] = [
        {name: value for name, value in vars(request).items() if name != "logits"} for request in carried.requests
    ]
    noticed: list[JsonValue] = [one.as_json() for one in carried.noticed]
    tree = {
        "fabric": fabric,
        "counts": carried.counts,
        "noticed": noticed,
        "stages": carried.stages,
        "overruns": carried.overruns,
        "requests": rows,
    }
    return json.dumps(tree).encode()
