"""How far estimates are off what came: every example, one run of its first setting, on this host.

    python -m benchmarks.estimates [--quick] [--json [FILE]] [--write]

Each run has a fresh process and one thread, no target that would end it early, and fewer rounds than the example
where those would take minutes.
Simulated seconds, joules and bytes are the cost model's, before and after. CPU seconds are those of the run, data
loaded and libraries imported, beside ``host_s`` of the estimate: at the speeds of ``./edgeloom calibrate`` where that
was run, else a guess. ``--quick`` takes the examples that need no files. ``--write`` makes
``docs/results/estimates.md`` anew.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from engine.costs.estimate import estimate
from engine.data.store import DataStore
from engine.fleet.own_devices import this_host
from engine.runs.context import make_context
from engine.runs.loop import run
from engine.runs.sinks import MemorySink
from engine.specs.text import cells, parse

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
PAGE = ROOT / "docs" / "results" / "estimates.md"
FROM_FILES = {"federated-mnist": 5, "shakespeare-by-role": 3, "spoken-digits-by-speaker": 5}
"""Examples that read files, and the rounds that they are cut to."""
QUANTITIES = ("time_s", "energy_j", "bytes_up", "bytes_down")


def measured(example: Path) -> dict[str, Any]:
    """What one run of an example was expected to take, and what it took, in this process."""
    rounds = FROM_FILES.get(example.stem)
    settings = ["seeds=[0]", "task.evaluation.target_accuracy=null"]
    settings += [f"task.rounds={rounds}"] if rounds else []
    spec = cells(parse(example.read_bytes(), settings=settings))[0].spec
    store = DataStore.from_environment()
    expected = estimate(spec.task, make_context(spec, 0, store=store))
    _warm_up(spec, store)
    began = time.process_time()
    outcome = run(spec, 0, context=make_context(spec, 0, store=store), sink=MemorySink())
    cpu_s = time.process_time() - began
    assert outcome.summary is not None
    figures = {
        name: {"estimated": expected.totals[name].expected, "actual": outcome.summary.costs[name]}
        for name in QUANTITIES
    }
    host = {"estimated": expected.host_s, "actual": cpu_s}
    return {"example": example.stem, "rounds": expected.num_rounds, **figures, "host_s": host}


def _warm_up(spec: Any, store: DataStore) -> None:
    """Import what a run imports and read its data, as a worker has done before its second run."""
    short = spec.task.model_copy(update={"rounds": 1})
    run(spec.model_copy(update={"task": short}), 0, context=make_context(spec, 0, store=store), sink=MemorySink())


def error(figure: dict[str, float]) -> float:
    """By which part of the actual value the estimate is off."""
    return figure["estimated"] / figure["actual"] - 1 if figure["actual"] else 0.0


def table(found: Sequence[dict[str, Any]]) -> list[str]:
    """The measurement as a table of Markdown."""
    head = (
        "| example | rounds | simulated time | energy | bytes up | bytes down | CPU estimated | CPU actual | off by |"
    )
    lines = [head, "| --- |" + " --- |" * 8]
    for one in found:
        off = " | ".join(f"{100 * error(one[name]):+.1f} %" for name in QUANTITIES)
        host = one["host_s"]
        lines.append(
            f"| {one['example']} | {one['rounds']} | {off} | {host['estimated']:.2f} s | {host['actual']:.2f} s "
            f"| {100 * error(host):+.0f} % |"
        )
    middle = median(abs(error(one["host_s"])) for one in found)
    within = sum(abs(error(one["host_s"])) <= 0.3 for one in found)
    return [*lines, "", f"CPU time: median error {100 * middle:.0f} %; {within} of {len(found)} within 30 %."]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure every example, each in a process of its own."""
    parser = argparse.ArgumentParser(prog="benchmarks.estimates", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="only the examples that need no files")
    parser.add_argument("--json", metavar="FILE", nargs="?", const="-", help="write the figures as JSON")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    parser.add_argument("--one", metavar="EXAMPLE", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        print(json.dumps(measured(options.one)))
        return 0
    examples = [*sorted(EXAMPLES.glob("*.yaml")), *sorted(EXAMPLES.glob("gallery/*.yaml"))]
    found, alone = [], os.environ | {"OMP_NUM_THREADS": "1"}
    for example in examples:
        if options.quick and example.stem in FROM_FILES:
            continue
        command = [sys.executable, "-m", "benchmarks.estimates", "--one", str(example)]
        done = subprocess.run(command, cwd=ROOT, env=alone, stdout=subprocess.PIPE, text=True, check=True)
        found.append(json.loads(done.stdout))
    by = "the speeds of ./edgeloom calibrate" if this_host() else "a guess of this host's speed"
    lines = [*table(found), f"The CPU estimate is made by {by}."]
    if options.json:
        text = json.dumps({"examples": found, "calibrated": this_host() is not None}, indent=1)
        print(text) if options.json == "-" else Path(options.json).write_text(text + "\n")
    if options.json != "-":
        print("\n".join(lines))
    if options.write:
        PAGE.write_text("\n".join(["# Estimates against what came", "", INTRODUCTION, "", *lines, ""]))
    return 0


INTRODUCTION = """\
Made by `./edgeloom bench estimates --write`: one run of the first setting of every example, one seed, in a process of
its own on one core. How far the estimate before the launch was off what the run's own log says afterwards. Bytes and
simulated figures come from the same cost model, so a difference there is one of what happened (who was sampled), not of
the model; how good the model is stands in [emulation.md](emulation.md).

Estimates know no data: a set whose clients differ much in size (`synthetic`, sizes of a lognormal law) is counted with
the mean client, while the host waits for the largest one of a block."""


if __name__ == "__main__":
    sys.exit(main())
