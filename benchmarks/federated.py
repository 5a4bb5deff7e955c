"""How fast federated rounds are, against a good sequential loop and against other simulators.

    ./edgeloom bench federated [--quick] [--json [FILE]] [--no-peers] [--write]

Three workloads: W1, an MLP of 200 hidden units, 10 of 100 clients with 600 samples, batch 10; W2, the CNN of McMahan et
al. 2017 on the same data, batch 32; W3, an MLP of 64 hidden units, 100 of 1000 clients with 60 samples, batch 10. Their
samples are noise, in which no input is ever constant; W1-mnist and W3-mnist are the same on MNIST, where it is there.
The engine runs its whole task: sampling, batches, training, server step, trace, costs and events. The loop trains one
client after another by autograd and ``torch.optim.SGD`` with all tensors updated at once (foreach). A second, leaner
loop without an optimizer object is timed beside it. All see the same cohorts, batches and initial weights. Evaluation
is left out on all sides. Rounds alternate; the figure is the median of CPU seconds, so a busy machine disturbs little.

Then all at their best on the same two cores, in wall time: the engine with two threads (``execution.threads``), the
loop with one and with two threads of torch's, of which the faster counts, Flower's two actors, and pfl, which has one.
Only on a quiet machine do these figures say anything; on a busy one torch's threads wait for each other without end.

Peers are timed where ``python -m benchmarks.peers install`` has installed them, else their figures are null; their CPU
time is that of the whole tree of processes, and runs of theirs alternate with rounds of the engine and the loop. Flower
has two actors; of the others only the engine and the loop are timed with a second thread.

``--write`` records the result in ``docs/results/data`` and makes the page ``docs/results/federated-speed.md`` from it.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks._speed_page import DATA, write_page
from benchmarks._workloads import (
    LR,
    WORKLOADS,
    Workload,
    engine_rounds,
    make_task,
    sequential_rounds,
)

import numpy as np  # isort: skip -- after the number of threads is set
import torch  # isort: skip

from benchmarks.peers import running
from benchmarks.peers.given import Given
from engine.core.streams import stream
from engine.core.threads import Team
from engine.federated.layout import graph_of, population_of
from engine.federated.rounds.cohorts import draw_cohort
from engine.federated.task import Federated
from engine.models.profile import profile
from engine.models.weights import initial
from engine.models.zoo.mlp import Mlp
from engine.runs.provenance import provenance
from engine.task.contract import Context
from engine.task.local import LocalExecutor
from engine.training.batches import visiting_order

OneRound = Callable[[], dict[str, np.ndarray]]

PEER_ROUNDS = {"W1": 5, "W2": 3, "W3": 5}
"""Rounds of a peer's run; the first is not counted."""

PEER_RUNS = 2
"""Runs of every peer."""

REST_S = 0.05
"""Pause between the rounds of a race: torch's second thread goes on waiting for work for some milliseconds after the
loop that used it, and that CPU time is not the next one's."""


class Race:
    """The engine and the loops on one workload, round by round in turn."""

    def __init__(self, work: Workload) -> None:
        self.work = work
        self.task, self.context = make_task(work)
        two_threads = replace(self.context, team=Team(2), executor=LocalExecutor())
        self.ways: dict[str, OneRound] = {
            "engine": engine_rounds(self.task, self.context),
            "sequential": sequential_rounds(self.task, self.context, lean=False),
            "lean": sequential_rounds(self.task, self.context, lean=True),
            "engine_2": engine_rounds(self.task, two_threads),
            "sequential_2": _with_two_threads(sequential_rounds(self.task, self.context, lean=False)),
        }
        self.cpu_s: dict[str, list[float]] = {name: [] for name in self.ways}
        self.wall_s: dict[str, list[float]] = {name: [] for name in self.ways}
        self.gap = 0.0

    def start(self) -> None:
        """The first rounds, not timed; the first one tells how far the weights are apart."""
        first = {name: one_round() for name, one_round in self.ways.items()}
        self.gap = max(float(np.abs(first["engine"][n] - first["sequential"][n]).max()) for n in first["engine"])
        for _ in range(self.work.warm_rounds):
            self.ways["engine"]()
        self.ways["engine_2"]()  # knows what the engine knows, but has threads to start

    def run(self, rounds: int) -> None:
        """Some rounds of each."""
        for _ in range(rounds):
            for name, one_round in self.ways.items():
                wall, cpu = time.perf_counter(), time.process_time()
                one_round()
                self.cpu_s[name].append(time.process_time() - cpu)
                self.wall_s[name].append(time.perf_counter() - wall)
                time.sleep(REST_S)

    def result(self) -> dict[str, Any]:
        """Medians and ratios."""
        cpu_s = {name: median(values) for name, values in self.cpu_s.items()}
        wall_s = {name: median(values) for name, values in self.wall_s.items()}
        work = self.work
        flops = 3 * 2 * profile(graph_of(self.task, self.context)).total_macs * work.samples * work.cohort
        return {
            "cpu_s_per_round": cpu_s["engine"],
            "wall_s_per_round": wall_s["engine"],
            "sequential_cpu_s_per_round": cpu_s["sequential"],
            "sequential_wall_s_per_round": wall_s["sequential"],
            "ratio_to_sequential": cpu_s["sequential"] / cpu_s["engine"],
            "ratio_to_lean_loop": cpu_s["lean"] / cpu_s["engine"],
            "rounds": len(self.cpu_s["engine"]),
            "gflops": flops / cpu_s["engine"] / 1e9,
            "largest_weight_difference": self.gap,
            "two_cores": {
                "wall_s_per_round": wall_s["engine_2"],
                "cpu_s_per_round": cpu_s["engine_2"],
                "sequential_wall_s_by_threads": {"1": wall_s["sequential"], "2": wall_s["sequential_2"]},
                "ratio_to_sequential": min(wall_s["sequential"], wall_s["sequential_2"]) / wall_s["engine_2"],
            },
        }


def _with_two_threads(one_round: OneRound) -> OneRound:
    """The same with two threads of torch's."""

    def timed() -> dict[str, np.ndarray]:
        torch.set_num_threads(2)
        try:
            return one_round()
        finally:
            torch.set_num_threads(1)

    return timed


def given_of(work: Workload, task: Federated, context: Context, rounds: int) -> Given:
    """The first rounds of a workload as the peers get them."""
    graph, population = graph_of(task, context), population_of(task, context)
    data = task.dataset.load(context.store, "train")
    cohorts = np.stack([draw_cohort(task, context, number) for number in range(1, rounds + 1)])
    visits = np.stack([
        [_visits(population.samples([int(client)]).places[0], context.seed, int(client), number) for client in cohort]
        for number, cohort in enumerate(cohorts, start=1)
    ])  # fmt: skip
    hidden = work.model.hidden if isinstance(work.model, Mlp) else ()
    weights = list(initial(graph, context.seed).values())
    return Given(tuple(hidden), work.batch, LR, data.x, data.y, cohorts, visits, weights)


def _visits(rows: np.ndarray, seed: int, client: int, number: int) -> np.ndarray:
    visited: np.ndarray = rows[visiting_order(seed, client, number, len(rows), 1)[0]]
    return visited


def race_with_peers(race: Race, peers: list[str], rounds: int) -> dict[str, Any]:
    """Runs of the peers in turn with rounds of the engine and the loop.

    Returns:
        By peer its medians, and how much longer it takes than the engine; None for a peer that failed.
    """
    work, found = race.work, dict[str, list[running.PeerRun]]()
    race.start()
    with tempfile.TemporaryDirectory() as folder:
        if peers:
            given_of(work, race.task, race.context, PEER_ROUNDS[work.name]).write(Path(folder))
        for turn in range(PEER_RUNS):
            race.run(rounds // PEER_RUNS + (turn < rounds % PEER_RUNS))
            for name in peers:
                try:
                    found.setdefault(name, []).append(running.run(name, Path(folder), work.num_clients))
                except (RuntimeError, OSError) as problem:
                    print(f"{work.name}: {problem}", file=sys.stderr)
    return {name: medians(runs) for name, runs in found.items() if runs}


def medians(runs: list[running.PeerRun]) -> dict[str, Any]:
    """The median round, the first of each run left out."""
    return {
        "cpu_s_per_round": median(value for run in runs for value in run.cpu_s[1:]),
        "wall_s_per_round": median(value for run in runs for value in run.wall_s[1:]),
        "weights_norm": runs[0].norm,
        "runs": len(runs),
    }


def gemm_gflops() -> float:
    """Rate of a square matrix product of size 1024 in one thread: what the core can do at most."""
    left, right = (
        torch.from_numpy(stream(0, "gemm", i).standard_normal((1024, 1024), dtype=np.float32)) for i in (0, 1)
    )
    times = []
    for _ in range(8):
        began = time.process_time()
        torch.mm(left, right)
        times.append(time.process_time() - began)
    return float(2 * 1024**3 / min(times) / 1e9)


def measured(*, quick: bool, with_peers: bool) -> dict[str, Any]:
    """All workloads."""
    torch.set_num_threads(1)
    peers = running.installed() if with_peers else []
    peak, found = gemm_gflops(), dict[str, Any]()
    for work in WORKLOADS:
        rounds = work.quick_rounds if quick else work.rounds
        if rounds and work.is_available:
            race = Race(work)
            others = race_with_peers(race, peers if work.name in PEER_ROUNDS else [], rounds)
            row = race.result() | {"peers": others}
            for name in running.PEERS:
                other = others.get(name)
                row[f"ratio_to_{name}"] = other and other["cpu_s_per_round"] / row["cpu_s_per_round"]
                row[f"wall_ratio_to_{name}"] = other and other["wall_s_per_round"] / row["wall_s_per_round"]
                both = row["two_cores"]
                both[f"ratio_to_{name}"] = other and other["wall_s_per_round"] / both["wall_s_per_round"]
            row["gemm_share"] = row["gflops"] / peak
            found[work.name] = row
    version = torch.__version__.partition("+")[0]
    return {"workloads": found, "gemm_gflops": peak, "threads": 1, "torch": version, "provenance": provenance()}


def table_of(result: dict[str, Any]) -> str:
    """The result as lines of text."""
    lines = [f"{'':8} {'engine':>9} {'loop':>9} {'ratio':>7} {'to lean':>8} {'Flower':>7} {'pfl':>7} {'GEMM':>6}"]
    for name, row in result["workloads"].items():
        others = [f"{row[f'ratio_to_{peer}'] or float('nan'):7.1f}" for peer in running.PEERS]
        lines.append(
            f"{name:8} {row['cpu_s_per_round']:9.4f} {row['sequential_cpu_s_per_round']:9.4f} "
            f"{row['ratio_to_sequential']:7.2f} {row['ratio_to_lean_loop']:8.2f} {' '.join(others)} "
            f"{row['gemm_share']:6.0%}"
        )
    lines += [
        "CPU seconds per round, how much longer others take, share of the rate of a product.",
        "",
        f"{'2 cores':8} {'engine':>9} {'loop 1':>9} {'loop 2':>9} {'ratio':>7} {'Flower':>7} {'pfl':>7}",
    ]
    for name, row in result["workloads"].items():
        both = row["two_cores"]
        loops = both["sequential_wall_s_by_threads"]
        others = [f"{both[f'ratio_to_{peer}'] or float('nan'):7.1f}" for peer in running.PEERS]
        lines.append(
            f"{name:8} {both['wall_s_per_round']:9.4f} {loops['1']:9.4f} {loops['2']:9.4f} "
            f"{both['ratio_to_sequential']:7.2f} {' '.join(others)}"
        )
    return "\n".join([*lines, "Wall seconds per round on two cores, each at its best."])


def main(arguments: list[str]) -> int:
    """Measure, print the table, write JSON."""
    parser = argparse.ArgumentParser(description="Speed of federated rounds against a loop and other simulators.")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, without W2 and the peers")
    parser.add_argument(
        "--json", nargs="?", const="-", metavar="FILE", help="write JSON to FILE, or to standard output"
    )
    parser.add_argument("--no-peers", action="store_true", help="leave other simulators out")
    parser.add_argument("--write", action="store_true", help="record the result and write the page of results")
    options = parser.parse_args(arguments)
    result = measured(quick=options.quick, with_peers=not (options.quick or options.no_peers))
    print(table_of(result), file=sys.stderr if options.json == "-" else sys.stdout)
    if options.json == "-":
        print(json.dumps(result, indent=2))
    elif options.json:
        Path(options.json).write_text(json.dumps(result, indent=2) + "\n")
    if options.write:
        DATA.write_text(json.dumps(result, indent=2) + "\n")
        write_page()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
