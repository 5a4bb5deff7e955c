"""How time and memory grow with the fleet and with the cohort: a million devices, a thousand of them per round.

    ./edgeloom bench scale [--quick] [--json [FILE]] [--write]

The whole task runs: logistic regression on the data set ``synthetic``, whose clients are made when they take part, with
events, costs and ledger. Each case is measured in a fresh process: seconds until the first round can begin, wall and
CPU seconds of a round (the median, so that rounds with an evaluation do not count), the highest memory of the process,
and the bytes that a checkpoint holds. First the same cohort from fleets of 1e4, 1e5 and 1e6 devices, then cohorts of
250, 500 and 1,000 from the largest. ``--write`` records the result and makes ``docs/results/federated-speed.md`` anew.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

from benchmarks._speed_page import SCALE, write_page

MIB = 2**20

CASES = (
    {"devices": 10_000, "cohort": 1000, "rounds": 10},
    {"devices": 100_000, "cohort": 1000, "rounds": 10},
    {"devices": 1_000_000, "cohort": 1000, "rounds": 100},
    {"devices": 1_000_000, "cohort": 250, "rounds": 10},
    {"devices": 1_000_000, "cohort": 500, "rounds": 10},
)
"""What is measured."""

QUICK = ({"devices": 10_000, "cohort": 100, "rounds": 5}, {"devices": 100_000, "cohort": 100, "rounds": 5})
"""The same, smaller."""


def spec_of(case: dict[str, int]) -> dict[str, Any]:
    """The experiment of a case."""
    return {
        "name": "scale",
        "fleet": {"groups": [{"device": "rpi_4b_4gb", "count": case["devices"]}]},
        "task": {
            "kind": "federated",
            "dataset": {
                "kind": "synthetic", "num_clients": case["devices"], "min_samples": 10, "size_log_mean": 2.0,
                "size_log_std": 1.0, "max_samples": 60, "test_clients": 100,
            },
            "model": {"kind": "mlp", "hidden": []},
            "sampler": {"kind": "uniform", "num_clients": case["cohort"]},
            "local": {"batch_size": 10, "lr": 0.01},
            "evaluation": {"every_rounds": 50},
            "rounds": case["rounds"],
        },
    }  # fmt: skip


def measure(case: dict[str, int]) -> dict[str, Any]:
    """One case, in this process."""
    import torch

    from engine.data.store import DataStore
    from engine.specs.context import make_context
    from engine.specs.experiment import ExperimentSpec

    torch.set_num_threads(1)
    began = time.perf_counter()
    spec = ExperimentSpec.model_validate(spec_of(case))
    context = make_context(spec, 0, store=DataStore(Path("unused")))
    state = spec.task.init(context)
    start_s, walls, cores, num_events = time.perf_counter() - began, [], [], 0
    while not spec.task.is_done(state):
        done, wall, core = spec.task.progress(state).done, time.perf_counter(), time.process_time()
        while spec.task.progress(state).done == done and not spec.task.is_done(state):
            state, events = spec.task.step(context, state)
            num_events += len(events)
        walls.append(time.perf_counter() - wall)
        cores.append(time.process_time() - core)
    return case | {
        "start_s": start_s,
        "round_s": median(walls),
        "round_core_s": median(cores),
        "whole_s": time.perf_counter() - began,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "checkpoint_bytes": sum(array.nbytes for array in state.tensors.values()),
        "events": num_events,
        "time_s": spec.task.ledger(state).totals()["time_s"],
    }


def line_of(row: dict[str, Any]) -> str:
    """One row of the table."""
    return (
        f"{row['devices']:>9,} devices {row['cohort']:>5,} a round: start {row['start_s']:6.2f} s, "
        f"round {1e3 * row['round_s']:7.1f} ms (core {1e3 * row['round_core_s']:7.1f}), "
        f"{row['rounds']} rounds {row['whole_s']:6.1f} s, {row['peak_bytes'] / MIB:6.0f} MiB, "
        f"checkpoint {row['checkpoint_bytes'] / MIB:6.1f} MiB"
    )


def main(arguments: list[str]) -> int:
    """Measure each case in a process of its own and print a table."""
    parser = argparse.ArgumentParser(description="Time and memory by size of the fleet and of the cohort.")
    parser.add_argument("--quick", action="store_true", help="a tenth of the size")
    parser.add_argument("--json", metavar="FILE", nargs="?", const="-", help="write the figures to FILE or the output")
    parser.add_argument("--write", action="store_true", help="record the result and write the page of results")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.case:
        print(json.dumps(measure(json.loads(options.case))))
        return 0
    rows = []
    for case in QUICK if options.quick else CASES:
        command = [sys.executable, "-m", "benchmarks.scale", "--case", json.dumps(case)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=Path(__file__).parents[1])
        rows.append(json.loads(done.stdout.splitlines()[-1]))
        print(line_of(rows[-1]), file=sys.stderr if options.json == "-" else sys.stdout, flush=True)
    result = {"cases": rows, **machine()}
    if options.json == "-":
        print(json.dumps(result, indent=2))
    elif options.json:
        Path(options.json).write_text(json.dumps(result, indent=2) + "\n")
    if options.write:
        SCALE.write_text(json.dumps(result, indent=2) + "\n")
        write_page()
    return 0


def machine() -> dict[str, Any]:
    """On what it was measured."""
    from engine.runs.provenance import provenance

    facts: Any = provenance()
    return {"provenance": facts, "torch": facts["packages"]["torch"].partition("+")[0]}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
