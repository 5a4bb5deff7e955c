"""What a second process brings a run, and what carrying a block to it costs.

    python -m benchmarks.shards [--quick] [--json [FILE]] [--write]

For models of several sizes: seconds to compute one block here and to carry it to another process and back (files
written and read on both sides; CPU time, so a busy machine disturbs little), whether the engine's rule of shapes gives
such blocks away, and wall-clock seconds a round with one and with two processes, blocks given away by the rule and
regardless of it. Rounds are measured in one run each, without evaluation, the median of the second half. Wall-clock
times need a machine with two idle cores; on a busy one the CPU time of the process that coordinates still says how much
of a round others took. ``--quick`` takes what needs no files; ``--write`` makes
``docs/results/shards.md`` anew.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

os.environ.setdefault("OMP_NUM_THREADS", "1")

from engine.core.events import Event
from engine.runs import sharding
from engine.runs.context import make_context
from engine.runs.control import Control
from engine.runs.exchange import Exchange
from engine.runs.loop import run
from engine.runs.pool import LEAST_MACS, Helpers, ProcessCrew
from engine.runs.sharding import num_bytes, pays
from engine.runs.sinks import MemorySink
from engine.specs.text import parse
from engine.task.contract import Block, BlockResult, Context, Task
from engine.task.local import LocalExecutor

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "results" / "shards.md"

REPETITIONS = 5
"""Of what is measured on a single block."""


@dataclass(frozen=True)
class Case:
    """A model on data, and how many rounds of it are measured."""

    name: str
    task: str
    devices: int
    rounds: int
    needs_files: bool = False


CASES = (
    Case(
        "McMahan CNN on MNIST, 600 samples, batch 32",
        "dataset: {kind: mnist}, model: {kind: mcmahan_cnn}, local: {batch_size: 32}",
        devices=100, rounds=4, needs_files=True,
    ),
    Case(
        "MLP 784-200-10 on MNIST, 600 samples, batch 10",
        "dataset: {kind: mnist}, model: {kind: mlp, hidden: [200]}, local: {batch_size: 10}",
        devices=100, rounds=20, needs_files=True,
    ),
    Case(
        "ResNet-8 on digits, 48 samples, batch 32",
        "dataset: {kind: digits}, model: {kind: resnet8}, local: {batch_size: 32}",
        devices=30, rounds=10,
    ),
    Case(
        "MLP 64-8-10 on digits, 48 samples, batch 10, one by one",
        "dataset: {kind: digits}, model: {kind: mlp, hidden: [8]}, local: {batch_size: 10, path: per_client}",
        devices=30, rounds=60,
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """What was measured of a case; times in seconds."""

    name: str
    macs: float
    num_bytes: int
    compute_s: float
    carry_s: float
    is_offered: bool
    alone_s: float
    together_s: float
    forced_s: float
    cpu_alone_s: float
    cpu_together_s: float


class Clock(MemorySink):
    """Notes when each round was complete."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[tuple[float, float]] = []

    def write(self, events: Sequence[Event]) -> None:
        """Look for the event that every round has."""
        self.times += [(time.perf_counter(), time.process_time()) for event in events if event.kind == "metrics"]

    def round_s(self) -> tuple[float, float]:
        """Median of the wall-clock and mean of this process's CPU seconds of a round.

        Of the second half, when everything is loaded, without the last round, which is evaluated.
        """
        late = self.times[len(self.times) // 2 : -1]
        spans = [after - before for (before, _), (after, _) in pairwise(late)]
        return median(spans), (late[-1][1] - late[0][1]) / len(spans)


class First(LocalExecutor):
    """Computes here and keeps the last block of the round that was offered first."""

    block: Block | None = None

    def offer(self, task: Task, context: Context, blocks: Iterable[Block]) -> None:
        """Keep it."""
        self.block = self.block or list(blocks)[-1]


def text_of(case: Case) -> str:
    """The spec of a case."""
    rounds = case.rounds + 1
    task = f"kind: federated, partition: {{kind: iid}}, sampler: {{kind: uniform, num_clients: 10}}, {case.task}"
    evaluation = f"rounds: {rounds}, evaluation: {{every_rounds: {rounds}}}"
    fleet = f"fleet: {{groups: [{{name: all, device: rpi_4b_4gb, count: {case.devices}}}]}}"
    return f"version: 1\n{fleet}\ntask: {{{task}, {evaluation}}}\nexecution: {{checkpoint_s: 3600}}\n"


def rounds_s(case: Case, num_processes: int) -> tuple[float, float]:
    """Wall-clock seconds of a round, and CPU seconds of the process that coordinates it."""
    spec, clock = parse(text_of(case)), Clock()
    with (
        tempfile.TemporaryDirectory() as folder,
        Helpers(num_processes - 1) as helpers,
        helpers.executor(spec, 0, Path(folder) / "blocks", Control()) as executor,
    ):
        run(spec, 0, context=make_context(spec, 0, executor=executor), sink=clock)
    return clock.round_s()


@contextmanager
def everything_is_offered() -> Iterator[None]:
    """Give away blocks of any size."""
    ProcessCrew.least_macs, sharding.MACS_PER_BYTE = 0.0, 0.0
    try:
        yield
    finally:
        ProcessCrew.least_macs, sharding.MACS_PER_BYTE = LEAST_MACS, MACS_PER_BYTE


MACS_PER_BYTE = sharding.MACS_PER_BYTE


def block_of(case: Case) -> tuple[Task, Context, Block]:
    """A block of the first round."""
    spec, executor = parse(text_of(case)), First()
    context = make_context(spec, 0, executor=executor)
    state = spec.task.init(context)
    spec.task.step(context, state)
    assert executor.block is not None
    return spec.task, context, executor.block


def carried_s(block: Block, result: BlockResult, folder: Path) -> float:
    """CPU seconds to write and read a block and its result."""
    exchange = Exchange(folder / "blocks")
    exchange.open()
    began = time.process_time()
    exchange.block(exchange.put_blocks("1", [block])[block.name])
    exchange.put_result("result", result)
    exchange.result("result")
    return time.process_time() - began


def measure(case: Case) -> Finding:
    """Everything about a case."""
    task, context, block = block_of(case)
    computed, carried = [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(REPETITIONS):
            began = time.process_time()
            result = task.compute_block(context, block)
            computed.append(time.process_time() - began)
            carried.append(carried_s(block, result, Path(folder)))
    (alone_s, cpu_alone_s), (together_s, cpu_together_s) = rounds_s(case, 1), rounds_s(case, 2)
    with everything_is_offered():
        forced_s, _ = rounds_s(case, 2)
    states = sum(num_bytes(tensors) for tensors in block.client_states.values())
    return Finding(
        name=case.name, macs=block.macs, num_bytes=num_bytes(block.inputs) + states, compute_s=median(computed),
        carry_s=median(carried), is_offered=pays(block, LEAST_MACS), alone_s=alone_s, together_s=together_s,
        forced_s=forced_s, cpu_alone_s=cpu_alone_s, cpu_together_s=cpu_together_s,
    )  # fmt: skip


def table(findings: Sequence[Finding]) -> list[str]:
    """The findings as lines of Markdown."""
    heads = ["model and data", "work of a block", "weights", "compute it", "carry it", "given away"]
    heads += ["round, 1 process", "2 processes", "gain", "all given away", "CPU of the coordinator, 1 and 2 processes"]
    lines = [f"| {' | '.join(heads)} |", f"| {' | '.join(['---'] * len(heads))} |"]
    for row in findings:
        gain = row.alone_s / row.together_s
        lines.append(
            f"| {row.name} | {row.macs / 1e6:,.0f} MMAC | {row.num_bytes / 1e6:.2f} MB | {1e3 * row.compute_s:.1f} ms "
            f"| {1e3 * row.carry_s:.1f} ms | {'yes' if row.is_offered else 'no'} | {1e3 * row.alone_s:.1f} ms "
            f"| {1e3 * row.together_s:.1f} ms | {gain:.2f}x | {1e3 * row.forced_s:.1f} ms "
            f"| {1e3 * row.cpu_alone_s:.1f} ms, {1e3 * row.cpu_together_s:.1f} ms |"
        )
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the cases, print a table."""
    parser = argparse.ArgumentParser(prog="benchmarks.shards", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="only what needs no files")
    parser.add_argument("--json", metavar="FILE", nargs="?", const="-", help="write the figures as JSON")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    options = parser.parse_args(arguments)
    findings = [measure(case) for case in CASES if not (options.quick and case.needs_files)]
    lines = table(findings)
    if options.json:
        text = json.dumps({"cases": [asdict(one) for one in findings], "cores": os.cpu_count()}, indent=1)
        print(text) if options.json == "-" else Path(options.json).write_text(text + "\n")
    if options.json != "-":
        print("\n".join(lines))
    if options.write:
        PAGE.write_text("\n".join(["# What shards bring", "", INTRODUCTION, "", *lines, ""]))
    return 0


INTRODUCTION = """\
Made by `./edgeloom bench shards --write` on a machine with two cores: rounds of ten clients with one process and with
two (`execution.shards: 2`), evaluation left out. *Compute it* and *carry it* are CPU times of one block: training its
clients, and writing and reading it and its result as files. *Given away* is what the engine decides by its fixed rule
of shapes ([runs](../reference/runs.md)); *all given away* does so whatever the rule says."""


if __name__ == "__main__":
    raise SystemExit(main())
