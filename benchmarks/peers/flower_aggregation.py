"""CPU seconds of Flower's rules on updates of float32: runs in the peers' environment and prints JSON.

    python flower_aggregation.py CLIENTS VALUES REPEATS

Nothing of Edgeloom is imported. The rules are the functions behind its strategies; for Krum both the older one and the
distances of the newer, which is most of its work.
"""

import json
import sys
import time
from collections.abc import Callable
from statistics import median

import numpy as np
from flwr.app import Array, ArrayRecord
from flwr.server.strategy import aggregate as older
from flwr.serverapp.strategy.multikrum import compute_distances


def main(clients: int, values: int, repeats: int) -> None:
    """Print the median of the repeats of each rule."""
    draw = np.random.Generator(np.random.PCG64(0))
    rows = draw.standard_normal((clients, values), dtype=np.float32)
    results = [([row], 10) for row in rows]
    records = [ArrayRecord({"weight": Array(row)}) for row in rows]
    rules: dict[str, Callable[[], object]] = {
        "mean": lambda: older.aggregate(results),
        "median": lambda: older.aggregate_median(results),
        "trimmed_mean": lambda: older.aggregate_trimmed_avg(results, 0.2),
        "krum": lambda: older.aggregate_krum(results, 1, 0),
        "distances": lambda: compute_distances(records),
    }
    found = {}
    for name, rule in rules.items():
        taken = []
        for _ in range(repeats):
            began = time.process_time()
            rule()
            taken.append(time.process_time() - began)
        found[name] = median(taken)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
