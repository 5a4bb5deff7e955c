"""How long the server takes to combine a round's updates, beside Flower's functions on the same numbers.

    python -m benchmarks.aggregation [--quick] [--json [FILE]]

Updates of float32, one thread; the median of the CPU seconds of several repeats. Ours lie in one array, as the engine
keeps them, Flower's in a list of arrays, as it does. Flower runs in the peers'
environment (``python -m benchmarks.peers install`` makes it); without it, ours stand alone.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from benchmarks.peers import environment
from engine.core.streams import stream
from engine.federated.aggregator import Rows, aggregators
from engine.federated.robustness.distances import squared_distances

PEER = Path(__file__).resolve().parent / "peers" / "flower_aggregation.py"
SIZES = ((100, 200_000), (10, 1_600_000))
"""Clients and values of one update: many small models, few of the size of the McMahan CNN."""


def ours(clients: int, values: int, repeats: int) -> dict[str, float]:
    """CPU seconds of every aggregator, and of the distances alone."""
    rows = stream(0, "rows").standard_normal((clients, values), dtype=np.float32)
    given = Rows(rows, np.ones(clients), rows[0])
    found = {kind: _timed(partial(cls().combine, given), repeats) for kind, cls in aggregators.members().items()}
    return {**found, "distances": _timed(partial(squared_distances, rows), repeats)}


def flower(clients: int, values: int, repeats: int) -> dict[str, float]:
    """The same of Flower; nothing where it is not installed."""
    if not environment.has("flwr"):
        return {}
    command = [str(environment.python()), str(PEER), str(clients), str(values), str(repeats)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _timed(rule: Callable[[], np.ndarray], repeats: int) -> float:
    taken = []
    for _ in range(repeats):
        began = time.process_time()
        rule()
        taken.append(time.process_time() - began)
    return median(taken)


def main(arguments: list[str] | None = None) -> int:
    """Print a table."""
    parser = argparse.ArgumentParser(prog="benchmarks.aggregation", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="the first size only")
    parser.add_argument("--json", metavar="FILE", nargs="?", const="-", help="write the figures as JSON")
    options = parser.parse_args(arguments)
    found = []
    for clients, values in SIZES[: 1 if options.quick else None]:
        mine, theirs = ours(clients, values, 5), flower(clients, values, 3)
        found.append({"clients": clients, "values": values, "edgeloom": mine, "flower": theirs})
    if options.json:
        text = json.dumps(found, indent=1)
        print(text) if options.json == "-" else Path(options.json).write_text(text + "\n")
    if options.json != "-":
        for one in found:
            print(f"\n{one['clients']} updates of {one['values']:,} values, CPU seconds")
            print(f"{'rule':<14} {'Edgeloom':>9} {'Flower':>9} {'ratio':>6}")
            for name, seconds in one["edgeloom"].items():
                other = one["flower"].get(name)
                beside = f"{other:>9.3f} {other / seconds:>6.1f}" if other else ""
                print(f"{name:<14} {seconds:>9.3f} {beside}".rstrip())
    return 0


if __name__ == "__main__":
    sys.exit(main())
