"""What a run will cost, before it is launched: the same cost function on the trace that the task expects."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

import numpy as np

from engine.core.nodes import node_name
from engine.costs.compute import PASSES, ComputeTable
from engine.costs.model import CostModel
from engine.costs.timing import SAMPLES, Method
from engine.costs.tolerance import shifted
from engine.costs.trace import COMPUTE, Trace
from engine.fleet.device import Device
from engine.fleet.group import FleetSpec, GroupSpec
from engine.fleet.own_devices import this_host

QUANTITIES = ("time_s", "energy_j", "network_energy_j", "bytes_up", "bytes_down")
"""What an estimate says a range for."""

HOST_MACS_PER_S = 5e9
"""Multiply-accumulates per second that one core of a present-day computer trains at; a guess until it is calibrated."""

ROUND_OVERHEAD_S = 1e-2
"""Time of a round on the host beyond arithmetic and steps: costs, events, evaluation (``benchmarks/estimates.py``)."""

STEP_OVERHEAD_S = 8e-5
"""Time of a local step on the host beyond its arithmetic; clients of a small model take their steps together."""


class HasCostModel(Protocol):
    """What an estimate needs of a task's context."""

    @property
    def cost_model(self) -> CostModel:
        """Fleet and network."""
        ...


ContextT_contra = TypeVar("ContextT_contra", bound=HasCostModel, contravariant=True)


class Expecting(Protocol[ContextT_contra]):
    """What an estimate needs of a task."""

    def expected_trace(self, context: ContextT_contra) -> Trace:
        """The trace that the whole run is expected to leave."""
        ...

    def expected_host_trace(self, context: ContextT_contra) -> Trace | None:
        """What this host computes in the whole run; None if it is what the devices compute."""
        ...

    def expected_metrics(self, context: ContextT_contra) -> Mapping[str, float]:
        """Metrics of the whole run that are known before it."""
        ...


@dataclass(frozen=True)
class Range:
    """An expected value and how far off it may be."""

    low: float
    expected: float
    high: float


@dataclass(frozen=True)
class Estimate:
    """What a run is expected to cost.

    Attributes:
        totals: quantity -> range over the whole run, see ``QUANTITIES``.
        per_round: the same for an average round.
        num_rounds: how many rounds that is.
        share_recalled: share of the cost that rests on recalled figures.
        straggler: the device that the slowest round waits for, ``device:3``; empty if none.
        slowest_round_s: how long that round takes.
        host_s: computing time on one core of this host, at the speeds that it was calibrated at; else a guess.
        spread: percentiles of rounds and messages as plain data; None unless a Monte Carlo was asked for.
        metrics: metrics of the whole run that are known before it, such as ``epsilon``.
    """

    totals: dict[str, Range]
    per_round: dict[str, Range]
    num_rounds: int
    share_recalled: float
    straggler: str
    slowest_round_s: float
    host_s: float
    spread: dict[str, Any] | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The estimate as plain data."""
        ranges = {
            part: {name: vars(value) for name, value in getattr(self, part).items()} for part in ("totals", "per_round")
        }
        rest = ("num_rounds", "share_recalled", "straggler", "slowest_round_s", "host_s")
        spread = {} if self.spread is None else {"spread": self.spread}
        metrics = {"metrics": dict(self.metrics)} if self.metrics else {}
        return {**ranges, **{name: getattr(self, name) for name in rest}, **spread, **metrics}


def estimate(
    task: Expecting[ContextT_contra],
    context: ContextT_contra,
    *,
    method: Method = "closed_form",
    samples: int = SAMPLES,
) -> Estimate:
    """What a task is expected to cost on the context's fleet and network; reads no data and no torch.

    The range takes every figure to the good and the bad end of its tolerance at once (:mod:`engine.costs.tolerance`).
    Bytes have no range of their own: they follow from the task.

    Args:
        task: gives the trace that it expects.
        context: holds the cost model.
        method: how times are found; a Monte Carlo adds percentiles.
        samples: how often a Monte Carlo draws.

    Raises:
        EngineError: a device cannot do the work.
    """
    found = estimate_trace(task.expected_trace(context), context.cost_model, method=method, samples=samples)
    here = task.expected_host_trace(context)
    host_s = found.host_s if here is None else host_seconds(here, this_host())
    return replace(found, metrics=task.expected_metrics(context), host_s=host_s)


def estimate_trace(
    trace: Trace, model: CostModel, *, method: Method = "closed_form", samples: int = SAMPLES
) -> Estimate:
    """The estimate of a trace.

    The ends of the range are found in closed form and moved by as much as the other methods are off it in the middle.

    Args:
        trace: what will be computed and sent.
        model: fleet and network.
        method: how times are found.
        samples: how often a Monte Carlo draws.
    """
    cost = model.cost(trace, method=method, samples=samples)
    expected = cost.ledger.totals()
    low = shifted(model, better=True).cost(trace).ledger.totals()
    high = shifted(model, better=False).cost(trace).ledger.totals()
    rounds = int(trace.repeats.sum())
    middle = expected if method == "closed_form" else model.cost(trace, method="closed_form").ledger.totals()
    totals = {name: _range(low[name], middle[name], high[name], expected[name]) for name in QUANTITIES}
    slowest = int(np.argmax(cost.round_s))
    straggler = cost.stragglers[slowest]
    return Estimate(
        totals=totals,
        per_round={name: Range(r.low / rounds, r.expected / rounds, r.high / rounds) for name, r in totals.items()},
        num_rounds=rounds,
        share_recalled=expected["share_recalled"],
        straggler="" if straggler is None else node_name(straggler.device),
        slowest_round_s=float(cost.round_s[slowest]),
        host_s=host_seconds(trace, this_host()),
        spread=None if cost.spread is None else cost.spread.quantiles(),
    )


def _range(low: float, middle: float, high: float, expected: float) -> Range:
    """The range around what is expected, as wide in proportion as that around the middle."""
    factor = expected / middle if middle else 1.0
    return Range(low * factor, expected, high * factor)


def host_seconds(trace: Trace, host: Device | None = None) -> float:
    """The time that one core of this host needs to train what the trace says; evaluating large models is not in it.

    Args:
        trace: what will be computed.
        host: this machine as ``calibrate`` has measured it; without it, a guess by one speed for everything.
    """
    items = np.flatnonzero(trace["kind"] == COMPUTE)
    repeats = trace.repeats[trace["round"][items]]
    work, mode = trace["work"][items], trace["mode"][items]
    sizes, steps = trace["size"][items], trace["steps"][items]
    if host is not None and _can_do(host, trace):
        fleet = FleetSpec(groups=(GroupSpec(device=host, count=1),)).resolve()
        table = ComputeTable.of(trace.works, fleet)
        seconds = sizes * table.sample_s[work, mode, 0] + steps * table.step_s[work, 0]
    else:
        macs = np.array([sum(count for op, count in one.macs.items() if op != "other") for one in trace.works] or [0])
        passes = np.array([PASSES[number] for number in sorted(PASSES)])
        seconds = macs[work] * passes[mode] * sizes / HOST_MACS_PER_S
    longest = np.zeros(trace.num_rounds)
    np.maximum.at(longest, trace["round"][items], steps)
    overhead_s = float(((ROUND_OVERHEAD_S + STEP_OVERHEAD_S * longest) * trace.repeats).sum())
    return float((seconds * repeats).sum()) + overhead_s


def _can_do(host: Device, trace: Trace) -> bool:
    """Whether a speed is known for all that the trace asks."""
    return all(host.rate(op, one.precision) is not None for one in trace.works for op, n in one.macs.items() if n)
