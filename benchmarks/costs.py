"""How fast rounds are costed, and how much memory that takes.

    ./edgeloom bench costs [--quick] [--json [FILE]]

Each row is measured in a fresh process: the wall time of ``CostModel.cost`` and reading its totals (median of
repetitions, the first of which is given apart, as it warms nothing up but the processor), its time on one core, and
the highest memory of the whole process, from its start. A round of a million devices: all receive 400 kB, train on 10
to 1,000 samples, and send 400 kB; in a star (channels of their own) and around 15,625 gateways (64 take turns on each
radio and wire), in turn and with equal shares. Then re-costing traces of many small rounds.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from engine.costs.model import CostModel
from engine.costs.trace import Trace, TraceBuilder
from engine.costs.work import Work
from engine.fleet.group import FleetSpec
from engine.network.catalogue import links
from engine.network.spec import NetworkSpec

MIB = 2**20

GATEWAYS = {"kind": "hierarchical", "gateways": 15_625}

CASES: dict[str, dict[str, Any]] = {
    "1e6 devices, star": {"devices": 1_000_000, "goal_s": 1.0, "goal_bytes": 2**30},
    "1e6 devices, gateways, in turn": {"devices": 1_000_000, "topology": GATEWAYS, "goal_s": 1.0, "goal_bytes": 2**30},
    "1e6 devices, gateways, fair": {
        "devices": 1_000_000,
        "topology": GATEWAYS,
        "fair": True,
        "goal_s": 10.0,
        "goal_bytes": 2**30,
    },
    "re-cost 1,000 rounds x 100": {"devices": 1000, "rounds": 1000, "cohort": 100, "goal_s": 0.2},
    "re-cost 10,000 rounds x 100": {"devices": 1000, "rounds": 10_000, "cohort": 100, "goal_s": 1.0},
}
"""What is measured, and the goal: wall seconds, and bytes of memory."""

QUICK = {"devices": 100_000, "gateways": 1563, "rounds": 100}
"""The same, smaller."""


def model_of(case: dict[str, Any]) -> CostModel:
    """Boards and phones, half and half, over Wi-Fi and a wide-area backhaul."""
    half = case["devices"] // 2
    groups = [{"name": "a", "count": half}, {"name": "b", "count": half, "device": "phone_mid_sd765g"}]
    fleet = FleetSpec.model_validate({"groups": groups}).resolve()
    network: dict[str, Any] = {"topology": case.get("topology", {"kind": "star"})}
    if case.get("fair"):
        radio, wire = (links()[name].model_copy(update={"sharing": "fair"}) for name in ("wifi4_linux", "wan_fibre"))
        network |= {"links": {"default": radio}, "backhaul": wire}
    return CostModel(fleet, NetworkSpec.model_validate(network).resolve(fleet))


def trace_of(case: dict[str, Any]) -> Trace:
    """Synchronous rounds of everybody, or of a cohort drawn at random."""
    draw, builder = np.random.Generator(np.random.PCG64(0)), TraceBuilder()
    work = Work(macs={"conv": 1_000_000, "linear": 2_000_000}, parameter_count=100_000)
    cohort = case.get("cohort", case["devices"])
    for _ in range(case.get("rounds", 1)):
        builder.next_round()
        who = np.sort(draw.choice(case["devices"], cohort, replace=False)).astype(np.int32)
        samples = draw.integers(10, 1000, cohort)
        received = builder.send(-1, who, 400_000, new_connection=True, phase="download")
        trained = builder.compute(who, work, samples, mode="train", num_steps=5, after=received)
        builder.barrier(builder.send(who, -1, 400_000, new_connection=False, after=trained))
    return builder.build()


def measure(case: dict[str, Any]) -> dict[str, Any]:
    """One case, in this process."""
    model, trace = model_of(case), trace_of(case)
    walls, cores, totals = [], [], dict[str, float]()
    for _ in range(case["repetitions"]):
        wall, core = time.perf_counter(), time.process_time()
        totals = model.cost(trace).ledger.totals()
        walls.append(time.perf_counter() - wall)
        cores.append(time.process_time() - core)
    return {
        "first_s": walls[0],
        "seconds": median(walls),
        "least_s": min(walls),
        "core_s": median(cores),
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "time_s": totals["time_s"],
        "bytes_up": totals["bytes_up"],
    }


def smaller(case: dict[str, Any]) -> dict[str, Any]:
    """The case at a tenth of its size, or with fewer rounds; without goals."""
    case = {name: value for name, value in case.items() if not name.startswith("goal")}
    if "rounds" in case:
        return case | {"rounds": QUICK["rounds"]}
    topology = case.get("topology")
    changed = {} if topology is None else {"topology": topology | {"gateways": QUICK["gateways"]}}
    return case | {"devices": QUICK["devices"]} | changed


def main() -> None:
    """Measure each case in a process of its own and print a table."""
    parser = argparse.ArgumentParser(description="Time and memory of costing rounds.")
    parser.add_argument("--quick", action="store_true", help="a tenth of the size")
    parser.add_argument(
        "--json", metavar="FILE", nargs="?", const="-", help="write the figures to FILE or to the output"
    )
    parser.add_argument("--case", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        sys.stdout.write(json.dumps(measure(json.loads(arguments.case))))
        return
    rows = {}
    for name, whole in CASES.items():
        case = (smaller(whole) if arguments.quick else whole) | {"repetitions": 3 if arguments.quick else 5}
        command = [sys.executable, "-m", "benchmarks.costs", "--case", json.dumps(case)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1])
        rows[name] = json.loads(done.stdout) | {key: case[key] for key in case if key.startswith("goal")}
        if arguments.json != "-":
            sys.stdout.write(line_of(name, rows[name]) + "\n")
            sys.stdout.flush()
    if arguments.json == "-":
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
    elif arguments.json:
        Path(arguments.json).write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def line_of(name: str, row: dict[str, Any]) -> str:
    """One row of the table."""
    goal = f"goal {row['goal_s']:g} s" if "goal_s" in row else ""
    return (
        f"{name:<32} {row['seconds']:7.3f} s  (first {row['first_s']:.3f}, least {row['least_s']:.3f}; "
        f"one core {row['core_s']:.3f})  {row['peak_bytes'] / MIB:6.0f} MiB  {goal}"
    )


if __name__ == "__main__":
    main()
