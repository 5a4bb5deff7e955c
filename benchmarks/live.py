"""Plans carried out by real processes beside their simulation: the median latency of one request, and the kill of one.

    ./edgeloom bench live [--quick] [--fabric auto|tun|userns|loopback] [--json [FILE]] [--results DIR [--predict]]

Every plan is predicted before it is carried out: in closed form, as plans and placers use it, and packet by packet. The
processes compute the real pieces of a ResNet-8 for pictures of 32 x 32 (weights as they are initialized: time does not
depend on them) or of students of it, and send each other the real tensors. ``--quick`` takes few samples and no loss;
``--predict`` measures nothing: it predicts anew what DIR/data/live.json has measured.
"""

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.streams import stream
from engine.costs.model import CostModel
from engine.costs.trace import Trace
from engine.emulation.doctor import choose
from engine.emulation.experiment import MOST_LATE, MOST_OVERRUNS, host_facts
from engine.emulation.fabric import FabricName
from engine.emulation.laboratory import Host
from engine.emulation.scenarios import Line, scenarios
from engine.emulation.scores import measured
from engine.fleet.fleet import Fleet
from engine.inference.cuts.pieces import Pieces
from engine.inference.live.carried import Carried
from engine.inference.live.session import PROGRAM, Session
from engine.inference.live.trial import Trial
from engine.inference.outages.failures import Guard
from engine.inference.placers.greedy import Greedy
from engine.inference.plans.courses import lay
from engine.inference.task import Inference
from engine.inference.world import World
from engine.models.weights import initial
from engine.network.network import Network
from engine.network.spec import NetworkSpec
from engine.network.topologies.star import Star
from engine.specs.context import make_context
from engine.specs.text import parse

NUM_DEVICES = 5
LINKS = ("wifi_20m", "ble_1m")
PLANS = {
    "layer cut, 2 devices": ("{kind: layer}", (0, 1)),
    "pipeline, 3 devices": ("{kind: pipeline}", (0, 1, 2)),
    "2 tiles of rows": ("{kind: spatial, num_tiles: 2}", (1, 2)),
    "2 students": ("{kind: nonn, num_students: 2}", (1, 2)),
    "4 students": ("{kind: nonn, num_students: 4}", (1, 2, 3, 4)),
}
"""Splitter and devices of each plan; device 0 asks and wants the answer."""

IN_ONE_ROOM = ("2 students", "4 students")
LOSSY = ("pipeline, 3 devices", "2 students", "4 students")
"""Plans that are also measured with all devices on one channel, and with loss."""

KILLED = (("pipeline, 3 devices", True), ("4 students", True), ("4 students", False))
"""Plans one of whose processes is killed, and whether plans are renewed."""

SAMPLES, LOSSY_SAMPLES, QUICK_SAMPLES = 40, 60, 10
LOSS = 0.01
DRAWINGS = 8
FLOOR, GOAL = 0.10, 0.05
"""How far the prediction of the median may be off without loss, and the aim."""

SPEC = """
fleet:
  groups:
    - name: devices
      count: 5
      device: {name: Paced, conv_rate: 2.0e+8, depthwise_rate: 1.0e+8, linear_rate: 2.0e+8, other_rate: 2.0e+8,
               ram_bytes: 1.0e+9, active_power_w: 1.0, idle_power_w: 0.1}
task:
  kind: inference
  dataset: {kind: cifar10}
  teacher: {kind: train, model: {kind: resnet8}}
  splitter: SPLITTER
  failures: {timeout_s: 0.5}
"""


@dataclass(frozen=True)
class Scenario:
    """A plan on a link."""

    plan: str
    link: str
    loss: float
    samples: int
    one_room: bool = False

    @property
    def line(self) -> Line:
        """Its link as the emulator sees it."""
        return next(one.line for one in scenarios() if one.line.name == self.link)

    @property
    def title(self) -> str:
        """What people call it."""
        return f"{self.line.title}: {self.plan}{', one channel for all' if self.one_room else ''}"


def chosen(*, quick: bool) -> list[Scenario]:
    """Those that are measured, without loss first."""
    samples = QUICK_SAMPLES if quick else SAMPLES
    found = [Scenario(plan, link, 0.0, samples) for link in LINKS for plan in PLANS]
    found += [Scenario(plan, link, 0.0, samples, one_room=True) for link in LINKS for plan in IN_ONE_ROOM]
    lossy = [] if quick else [Scenario(plan, link, LOSS, LOSSY_SAMPLES) for link in LINKS for plan in LOSSY]
    return [*found, *lossy]


def network_of(fleet: Fleet, scenario: Scenario) -> Network:
    """A star; each device has its link to itself, or all of them share one channel."""
    link = scenario.line.link(scenario.loss, "tcp").model_copy(update={"shared_medium": scenario.one_room})
    spec = NetworkSpec(topology=Star(one_room=scenario.one_room), links={"devices": link}, backhaul=None)
    return spec.resolve(fleet)


def placed(pieces: Pieces, devices: tuple[int, ...], *, in_order: bool) -> tuple[int, ...]:
    """Stretches of about equal work, or one piece after the other; pinned pieces where they must be."""
    total, done, at = max(1, pieces.total_macs), 0, []
    for number, piece in enumerate(pieces.pieces):
        macs = sum(count for operator, count in piece.work.macs.items() if operator != "other")
        share = (done + macs / 2) / total
        done += macs
        place = int(share * len(devices)) if in_order else number % len(devices)
        at.append(0 if piece.pinned else devices[min(place, len(devices) - 1)])
    return tuple(at)


def trial_of(scenario: Scenario, fabric: FabricName, *, renews: bool = True) -> Trial:
    """The plan of a scenario, ready to be carried out."""
    splitter, devices = PLANS[scenario.plan]
    spec = parse(SPEC.replace("SPLITTER", splitter))
    assert isinstance(spec.task, Inference)
    world = World(spec.task, make_context(spec, 0))
    model = CostModel(world.context.fleet, network_of(world.context.fleet, scenario))
    world = World(spec.task, replace(world.context, cost_model=model, network=model.network, cache={}))
    planning = world.planning
    guard = Guard(
        problem=planning.problem,
        at=placed(planning.pieces, devices, in_order=0 in devices),
        cost_model=model,
        accuracy=lambda missing: 1.0 - 0.1 * len(missing),
        optional=planning.optional,
        placer=Greedy() if renews else None,
        timeout_s=0.5,
    )
    graph = world.expected_network
    inputs = stream(0, "live").standard_normal((8, *graph.sample.shape), dtype=np.float32)
    return Trial(guard, graph, initial(graph, 0), inputs, fabric, deadline_s=900.0)


def predicted(trial: Trial, scenario: Scenario) -> dict[str, float]:
    """Seconds of one request: in closed form, and the median packet by packet over as many as are measured."""
    guard = trial.guard
    laid = lay(guard.problem, guard.at, guard.cost_model.network).trace
    many = Trace.concat([laid] * scenario.samples)
    drawn = guard.cost_model.cost(many, method="monte_carlo", samples=DRAWINGS if scenario.loss else 1)
    assert drawn.spread is not None
    return {"closed": guard.latency_s(guard.at), "monte_carlo": float(np.median(drawn.spread.rounds_s))}


def row_of(scenario: Scenario, fabric: FabricName, host: Host) -> dict[str, Any]:
    """A scenario, predicted and carried out."""
    trial = trial_of(scenario, fabric)
    told = predicted(trial, scenario)
    with Session(trial, host) as session:
        carried = session.serve([None] * scenario.samples)
        watched = session.watched()
    found = measured(carried.latencies_s)
    return {
        **asdict(scenario),
        "title": scenario.title,
        "predicted": told,
        "measured": found,
        "errors": {name: seconds / found["median_s"] - 1 for name, seconds in told.items()},
        "counts": carried.counts,
        "invalid": list(_reasons(carried, watched.late_p99_s, session.wiring.plan.least_delay_s)),
    }


def predicted_anew(result: dict[str, Any]) -> dict[str, Any]:
    """A result with predictions of today for what it has measured."""
    rows = []
    for row in result["rows"]:
        scenario = Scenario(**{name: row[name] for name in Scenario.__dataclass_fields__})
        told = predicted(trial_of(scenario, result["fabric"]), scenario)
        median = row["measured"]["median_s"]
        errors = {name: seconds / median - 1 for name, seconds in told.items()}
        rows.append({**row, "predicted": told, "errors": errors})
        _tell(rows[-1])
    return {**result, "rows": rows, "predicted_at": datetime.now(UTC).isoformat(timespec="seconds")}


def _reasons(carried: Carried, late_s: float, delay_s: float) -> Iterator[str]:
    if late_s > MOST_LATE * delay_s:
        yield f"packets were late: one in a hundred by {1e3 * late_s:.2f} ms or more"
    if carried.overruns > MOST_OVERRUNS * carried.stages:
        yield f"{carried.overruns} of {carried.stages} computations took longer than on their device"


def killed(plan: str, fabric: FabricName, host: Host, *, renews: bool) -> dict[str, Any]:
    """A process killed while requests come five times in a second, and what became of them."""
    scenario = Scenario(plan, LINKS[0], 0.0, 30)
    with Session(trial_of(scenario, fabric, renews=renews), host) as session:
        threading.Timer(2.1, os.kill, (session.processes[1], signal.SIGKILL)).start()
        carried = session.serve([0.2 * number for number in range(scenario.samples)])
    (noticed,) = carried.noticed
    return {"plan": plan, "counts": carried.counts, "longest_s": max(carried.latencies_s), "noticed": noticed.as_json()}


def page(result: dict[str, Any]) -> str:
    """The result as a page."""
    host, rows = result["host"], result["rows"]
    lines = [
        "# Plans carried out by real processes",
        "",
        "One process per device computes the pieces of a plan and sends the real tensors over emulated links: a star,",
        "each device with its link to itself where nothing else is said; messages between devices pass the server.",
        "Devices compute once for real, then wait until their stated time has passed: this checks the network and how",
        "times add up, not how fast a device is. Everything is predicted before it is measured: in closed form, as",
        "plans and placers reckon, and packet by packet (`execution.costs: monte_carlo`). Made by",
        "`./edgeloom bench live --results docs/results`; the data are in `data/live.json`.",
        "",
        f"Measured {result['at'][:10]}, {host['processors']} processors, Linux {host['kernel']}, load {host['load']};",
        f"fabric `{result['fabric']}`. ResNet-8 for pictures of 32 x 32, or students of it; requests one by one.",
        *_anew(result),
        "",
    ]
    for loss in sorted({row["loss"] for row in rows}):
        lines += _table([row for row in rows if row["loss"] == loss], loss)
    lines += [
        "## A process is killed in mid-stream",
        "",
        "Thirty requests, five in a second, on the Wi-Fi-like link; device 1 is killed (SIGKILL) after two seconds.",
        "",
        "| plan | outcome | in place again after | sent again | answered | degraded | failed | longest latency |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for kill in result["kills"]:
        noticed, counts = kill["noticed"], kill["counts"]
        lines.append(
            f"| {kill['plan']} | {noticed['outcome']} | {1e3 * noticed['renewed_s']:.0f} ms | {noticed['resent']} "
            f"| {counts['answered']} | {counts['degraded']} | {counts['failed']} | {1e3 * kill['longest_s']:.0f} ms |"
        )
    return "\n".join(lines) + "\n"


def _table(rows: list[dict[str, Any]], loss: float) -> list[str]:
    valid = [row for row in rows if not row["invalid"]]
    lines = [
        f"## {'Without loss' if not loss else f'{100 * loss:g} % of the packets lost in each direction'}",
        "",
        "| link and plan | n | measured median (95 % interval) | closed form | packet by packet |",
        "| --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        low, high = (1e3 * value for value in row["measured"]["median_ci95_s"])
        mark = "" if not row["invalid"] else " †"
        errors = " | ".join(f"{100 * row['errors'][name]:+.1f} %" for name in ("closed", "monte_carlo"))
        median = 1e3 * row["measured"]["median_s"]
        lines.append(
            f"| {row['title']}{mark} | {row['measured']['samples']} "
            f"| {median:.1f} ms ({low:.1f} to {high:.1f}) | {errors} |"
        )
    for name, title in (("closed", "closed form"), ("monte_carlo", "packet by packet")):
        errors_ = [abs(row["errors"][name]) for row in valid]
        if errors_:
            mean, most = 100 * float(np.mean(errors_)), 100 * max(errors_)
            lines += ["", f"Mean absolute error, {title}: {mean:.1f} %, at most {most:.1f} %."]
    if not loss:
        lines += [
            "",
            "In both, messages that go the same way over one link wait for each other, and connections stay warm from",
            "request to request. On links that one device has to itself the closed form is what packets take. On one",
            "channel for all it lets messages take their turns as wholes, where packets of several mingle; there",
            "acknowledgments wait for the window that they answer, and the next window waits for them.",
            "",
            f"Floor: {100 * FLOOR:.0f} % in every scenario; goal: {100 * GOAL:.0f} %.",
        ]
    invalid = [f"- † {row['title']}: {'; '.join(row['invalid'])}" for row in rows if row["invalid"]]
    return [*lines, "", *invalid, *([""] if invalid else [])]


def _anew(result: dict[str, Any]) -> list[str]:
    if "predicted_at" not in result:
        return []
    return [f"The predictions are of {result['predicted_at'][:10]}, made after the measurements (`--predict`)."]


def main() -> int:
    """Measure, and say whether the floor is met."""
    parser = argparse.ArgumentParser(prog="edgeloom bench live", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true", help="few samples, no loss")
    parser.add_argument("--fabric", choices=["auto", "tun", "userns", "loopback"], default="auto")
    parser.add_argument("--json", nargs="?", const="-", metavar="FILE", help="write the result as JSON")
    parser.add_argument("--results", type=Path, metavar="DIR", help="write DIR/live.md and DIR/data/live.json")
    parser.add_argument("--predict", action="store_true", help="measure nothing, predict anew what DIR has measured")
    arguments = parser.parse_args()
    if arguments.predict:
        if not arguments.results:
            parser.error("--predict needs --results DIR, whose data/live.json has the measurements")
        result = predicted_anew(json.loads((arguments.results / "data" / "live.json").read_text()))
    else:
        result = carried_out(choose(arguments.fabric), quick=arguments.quick)
    if arguments.json:
        text = json.dumps(result, indent=1)
        sys.stdout.write(text + "\n") if arguments.json == "-" else Path(arguments.json).write_text(text + "\n")
    if arguments.results:
        (arguments.results / "data" / "live.json").write_text(json.dumps(result, indent=1) + "\n")
        (arguments.results / "live.md").write_text(page(result))
    sure = [row for row in result["rows"] if not row["loss"] and not row["invalid"]]
    return int(any(abs(row["errors"][name]) > FLOOR for row in sure for name in ("closed", "monte_carlo")))


def carried_out(fabric: FabricName, *, quick: bool) -> dict[str, Any]:
    """All scenarios, predicted and measured, and what became of plans one of whose processes is killed."""
    rows = []
    at = datetime.now(UTC).isoformat(timespec="seconds")
    with Host(PROGRAM) as host:
        for scenario in chosen(quick=quick):
            rows.append(row_of(scenario, fabric, host))
            _tell(rows[-1])
        kills = [killed(plan, fabric, host, renews=renews) for plan, renews in KILLED]
    return {"at": at, "fabric": fabric, "host": host_facts(), "rows": rows, "kills": kills}


def _tell(row: dict[str, Any]) -> None:
    median, told = row["measured"]["median_s"], row["predicted"]
    invalid = f"  INVALID: {'; '.join(row['invalid'])}" if row["invalid"] else ""
    ratios = ", ".join(f"{name} {1e3 * told[name]:.1f} ms ({100 * row['errors'][name]:+.1f} %)" for name in told)
    print(f"{row['title']}, loss {row['loss']:g}: measured {1e3 * median:.1f} ms; {ratios}{invalid}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
