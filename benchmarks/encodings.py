"""What encodings make of real updates: bytes, what is lost, seconds; and what that does to training.

    python -m benchmarks.encodings [--quick] [--json [FILE]] [--write]

One client's update in the fifth round of federated averaging, of a multi-layer perceptron on digits and of the CNN of
McMahan et al. on MNIST, goes through every encoding. Then the perceptron is trained with each of them, with and without
error feedback where both are allowed. ``--quick`` leaves out MNIST, which needs files, and trains with one seed.
``--write`` makes ``docs/results/encodings.md`` anew.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean
from typing import Any, TypeVar

import numpy as np

from engine.commands.output import say, write_json
from engine.core.streams import stream
from engine.data.store import DataStore
from engine.encodings.encoding import Encoding, coded_of, encodings, joined, num_bytes
from engine.encodings.entropy import squeezed
from engine.encodings.members.none import Uncoded
from engine.encodings.settings import EncodingSettings
from engine.federated.layout import SERVER
from engine.federated.rounds.messages import grouped
from engine.runs.context import make_context
from engine.runs.loop import run
from engine.runs.sinks import MemorySink
from engine.specs.text import parse

T = TypeVar("T")

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "results" / "encodings.md"
UPDATE_ROUND = 5
REPEATS = 5
SPEC = """
version: 1
name: encodings
fleet: {{groups: [{{name: boards, device: rpi_4b_4gb, count: {clients}}}]}}
network: {{topology: {{kind: star}}, links: {{default: wifi4_linux}}, backhaul: wan_fibre}}
task:
  kind: federated
  dataset: {{kind: {dataset}}}
  partition: {{kind: dirichlet, alpha: 0.3}}
  model: {model}
  sampler: {{kind: uniform, num_clients: {cohort}}}
  local: {{epochs: 2, batch_size: 16, lr: 0.1}}
  rounds: {rounds}
"""
DIGITS = {"clients": 20, "dataset": "digits", "model": "{kind: mlp, hidden: [64]}"}
MNIST = {"clients": 100, "dataset": "mnist", "model": "{kind: mcmahan_cnn}"}
ROUNDS = 60


def variants() -> dict[str, Encoding]:
    """Every encoding as it is set by default, and a few other settings, by what the table calls them."""
    found = {kind: member() for kind, member in encodings.members().items()}
    for changes in (
        {"kind": "top_k", "fraction": 0.1},
        {"kind": "random_k", "fraction": 0.1, "scaled": False},
        {"kind": "qsgd", "levels": 1, "bucket": 64},
        {"kind": "qsgd", "levels": 7, "norm": "max", "coding": "fixed", "bucket": 64},
    ):
        set_to = ", ".join(f"{name} {value}" for name, value in changes.items() if name != "kind")
        found[f"{changes['kind']} ({set_to})"] = encodings[str(changes["kind"])].model_validate(changes)
    return dict(sorted(found.items(), key=lambda item: (item[0] != "none", item[0])))


def update_of(world: dict[str, Any], store: DataStore) -> dict[str, np.ndarray]:
    """What the only client of a round sends: the server then moves by nothing else."""
    spec = parse(SPEC.format(**world, cohort=1, rounds=UPDATE_ROUND).encode())
    context, task = make_context(spec, 0, store=store), spec.task
    state = task.init(context)
    weights = [grouped(SERVER, state.tensors)["weights"]]
    while not task.is_done(state):
        state, _ = task.step(context, state)
        weights.append(grouped(SERVER, state.tensors)["weights"])
    return {name: weights[-1][name] - array for name, array in sorted(weights[-2].items())}


def measured(name: str, encoding: Encoding, update: dict[str, np.ndarray]) -> dict[str, Any]:
    """Bytes, loss and seconds of one update."""
    encoded, encode_s = timed(lambda: encoding.encode(update, stream(1, name), {}))
    arrived, decode_s = timed(lambda: encoding.decode(encoded.payload, update))
    sent = joined(coded_of(update)).astype(np.float64)
    lost = joined(coded_of(arrived)) - sent
    return {
        "encoding": name, "bytes": len(encoded.payload), "expected_bytes": encoding.expected_bytes(update),
        "bytes_zstd": len(squeezed(encoded.payload, "zstd")), "ratio": num_bytes(update) / len(encoded.payload),
        "lost": float(lost @ lost / (sent @ sent)), "bound": encoding.distortion(update),
        "encode_s": encode_s, "decode_s": decode_s,
    }  # fmt: skip


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """A result, and the least CPU seconds of some repeats."""
    result, seconds = work(), []
    for _ in range(REPEATS):
        began = time.process_time()
        work()
        seconds.append(time.process_time() - began)
    return result, min(seconds)


def trained(name: str, up: Encoding, *, feedback: bool, seeds: Sequence[int]) -> dict[str, Any]:
    """Accuracy after a training with the encoding on the way up, and its bytes."""
    spec = parse(SPEC.format(**DIGITS, cohort=5, rounds=ROUNDS).encode())
    settings = EncodingSettings(up=up, error_feedback=feedback)
    task = spec.task.model_copy(update={"encoding": settings})
    accuracies, sent = [], []
    for seed in seeds:
        changed = spec.model_copy(update={"task": task})
        outcome = run(changed, seed, context=make_context(changed, seed), sink=MemorySink())
        assert outcome.summary is not None
        accuracies.append(outcome.summary.metrics["accuracy"])
        sent.append(outcome.summary.costs["bytes_up"])
    return {
        "encoding": name, "error_feedback": feedback, "seeds": len(seeds), "accuracy": mean(accuracies),
        "accuracies": accuracies, "bytes_up": mean(sent),
    }  # fmt: skip


def trainings(seeds: Sequence[int]) -> list[dict[str, Any]]:
    """All variants, with error feedback too where it is allowed and changes anything."""
    rows = []
    for name, encoding in variants().items():
        for feedback in (False, True):
            if feedback and (isinstance(encoding, Uncoded) or not encoding.suits_feedback):
                continue
            rows.append(trained(name, encoding, feedback=feedback, seeds=seeds))
    return rows


def update_table(title: str, rows: Sequence[dict[str, Any]], plain: int) -> list[str]:
    """One update through every encoding, as Markdown."""
    lines = [
        f"## {title}", "", f"{plain:,} bytes as they are in memory.", "",
        "| encoding | bytes | smaller | off expectation | then zstd | lost | bound | encode ms | decode ms |",
        "| --- |" + " --- |" * 8,
    ]  # fmt: skip
    for row in rows:
        off = row["bytes"] / row["expected_bytes"] - 1
        lines.append(
            f"| {row['encoding']} | {row['bytes']:,} | {row['ratio']:.1f}x | {100 * off:+.1f} % "
            f"| {row['bytes_zstd']:,} | {row['lost']:.3g} | {row['bound']:.3g} "
            f"| {1e3 * row['encode_s']:.2f} | {1e3 * row['decode_s']:.2f} |"
        )
    return [*lines, ""]


def training_table(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Accuracy and bytes of the trainings, as Markdown."""
    lines = [
        f"## {ROUNDS} rounds on digits", "",
        f"20 clients, 5 a round, Dirichlet 0.3; {rows[0]['seeds']} seeds, range in brackets. Baseline: none.", "",
        "| encoding | error feedback | accuracy | bytes up |", "| --- | --- | --- | --- |",
    ]  # fmt: skip
    for row in rows:
        low, high = min(row["accuracies"]), max(row["accuracies"])
        lines.append(
            f"| {row['encoding']} | {'yes' if row['error_feedback'] else 'no'} "
            f"| {100 * row['accuracy']:.1f} % [{100 * low:.1f}, {100 * high:.1f}] | {row['bytes_up']:,.0f} |"
        )
    return [*lines, ""]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write what is asked for."""
    parser = argparse.ArgumentParser(prog="edgeloom bench encodings", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="without MNIST, and one seed")
    parser.add_argument("--json", metavar="FILE", nargs="?", const="-", help="write the figures as JSON")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    options = parser.parse_args(arguments)
    worlds = {"Perceptron on digits": DIGITS} | ({} if options.quick else {"CNN of McMahan et al. on MNIST": MNIST})
    tree: dict[str, Any] = {"updates": {}}
    lines: list[str] = []
    for title, world in worlds.items():
        update = update_of(world, DataStore.from_environment())
        rows = [measured(name, encoding, update) for name, encoding in variants().items()]
        tree["updates"][title] = rows
        lines += update_table(title, rows, num_bytes(update))
    tree["trainings"] = trainings([0] if options.quick else [0, 1, 2])
    lines += training_table(tree["trainings"])
    if options.json:
        write_json(tree, options.json)
    if options.json != "-":
        say("\n".join(lines))
    if options.write:
        PAGE.write_text("\n".join([INTRODUCTION, *lines, REMARKS]), encoding="utf-8")
    return 0


INTRODUCTION = """\
# What encodings do to updates

Written by `./edgeloom bench encodings --write`: one client's update in round 5 of federated averaging through every
encoding of the platform, as it is set by default or with the settings in brackets. *Bytes* are the length of the
message that was really made; *off expectation* how far that is from what an estimate says beforehand, from shapes
alone; *lost* is the squared norm of what did not arrive as a share of the update's, *bound* what the encoding states
for its mean over all draws; milliseconds are CPU time of one core of the machine that wrote the page.
"""

REMARKS = """\
Real updates are not normally distributed: many weights of pixels that are always dark, and of units that are never
active, do not move at all. So the code of Elias takes fewer bits than estimates expect (they assume normal numbers, for
which the conformance suite holds them to 5 %), and zstd finds much to take out of messages that have a place for every
number; of normal numbers in one byte each it takes out between 5 and 25 %. `entropy` is `none` by default.

Unbiased encodings (qsgd, stochastic_int8, random_k unless scaled is off) lose more of a single update than their bytes
suggest, and lose it in another direction each time. Scaled random_k at 1 % multiplies what it sends by 100, which this
learning rate does not bear. A sketch needs many more places than numbers that it shall find, and what it loses is not
fed back. A client of these trainings takes part in every fourth round on average, so what it feeds back is old by then,
which may be why error feedback gains little here; all differences but those of random_k are small beside the seeds'.
"""


if __name__ == "__main__":
    sys.exit(main())
