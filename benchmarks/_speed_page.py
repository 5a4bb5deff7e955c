"""The page of results about speed and scale, made from recorded figures alone."""

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[1] / "docs" / "results"

DATA, SCALE, PAGE = (
    RESULTS / "data" / "federated-speed.json",
    RESULTS / "data" / "federated-scale.json",
    RESULTS / "federated-speed.md",
)
"""What the benchmarks ``federated`` and ``scale`` record, and the page."""

WORKLOADS = {
    "W1": "MLP 784-200-10, 10 of 100 clients, 600 samples each, batch 10",
    "W2": "CNN of McMahan et al. 2017, 10 of 100 clients, 600 samples each, batch 32",
    "W3": "MLP 784-64-10, 100 of 1,000 clients, 60 samples each, batch 10",
    "W1-mnist": "the same on MNIST",
    "W3-mnist": "the same on MNIST",
}

FLOORS = {"W1": (4.5, 9.0), "W2": (1.0, 1.0), "W3": (9.0, 60.0)}
"""What the project asks of itself: how much longer the sequential loop and Flower take."""

PEERS = {"flower": "Flower 1.41.0, two Ray actors", "pfl": "pfl 0.6.0"}


def write_page() -> None:
    """Make the page from what is recorded."""
    speed = json.loads(DATA.read_text()) if DATA.exists() else None
    scale = json.loads(SCALE.read_text()) if SCALE.exists() else None
    PAGE.write_text("\n".join([*_head(), *_speed(speed), *_how(), *_scale(scale), *_strategies()]) + "\n")


def _head() -> list[str]:
    return [
        "# Speed and scale of federated rounds",
        "",
        "Made by `./edgeloom bench federated --write` and `./edgeloom bench scale --write` from what they recorded in",
        "`docs/results/data/`. The engine runs its whole task: sampling, batches, training, server step, trace, costs,",
        "ledger and events. Evaluation is left out on all sides.",
        "",
    ]


def _machine(result: dict[str, Any]) -> str:
    made = result["provenance"]
    return f"{made['cpu']}, {made['system']} {made['machine']}, Python {made['python']}, torch {result['torch']}"


def _speed(result: dict[str, Any] | None) -> list[str]:
    if result is None:
        return []
    rows = result["workloads"]
    lines = [
        "## Speed",
        "",
        f"Machine: {_machine(result)}; one thread, whose matrix product of size 1,024 reaches",
        f"{result['gemm_gflops']:.0f} GFLOP/s. All train the same cohorts on the same batches from the same weights.",
        "The sequential loop trains one client after another by autograd and `torch.optim.SGD` (foreach). Figures are",
        "medians of CPU seconds per round, of a peer over its whole tree of processes.",
        "",
        "### One thread",
        "",
        "| workload | engine | sequential loop | ratio | asked for | GEMM share |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        lines.append(
            f"| {name}: {WORKLOADS[name]} | {row['cpu_s_per_round']:.4f} s | {row['sequential_cpu_s_per_round']:.4f} s "
            f"| **{row['ratio_to_sequential']:.1f}** | {FLOORS[name[:2]][0]} | {row['gemm_share']:.0%} |"
        )
    lines += [
        "",
        "Samples of W1, W2 and W3 are noise, in which no input is ever constant; MNIST is read where it is there. The",
        "share counts three forward passes per sample. A chain of layers needs no gradient by its inputs, so of W1 and",
        "W3 about two thirds of that are computed. Shares above two thirds come from kernels with wider vectors than",
        "those of the product that they are compared with, and from inputs that are left out.",
        "",
        "| workload | simulator | CPU s a round | ratio | asked for | wall s a round | wall ratio |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        for peer, title in PEERS.items() if name in FLOORS else ():
            lines.append(_peer_line(name, row, peer, title))
    measured = {name: row for name, row in rows.items() if "two_cores" in row}
    return [*lines, "", *(_two_cores(measured) if measured else [])]


def _two_cores(rows: dict[str, Any]) -> list[str]:
    """All at their best on the same two cores."""
    lines = [
        "### Two cores",
        "",
        "Wall time on the same two cores, each at its best: the engine with two threads (`execution.threads: 2`, the",
        "same bits as with one), the loop with one or two threads of torch's, whichever is faster (a second one only",
        "slows small layers down), Flower with two Ray actors, and pfl, which has no second thread to use here.",
        "",
        "| workload | engine, 2 threads | loop, 1 thread | loop, 2 | better loop | floor | Flower | floor | pfl |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        both, (loop, flower) = row["two_cores"], FLOORS[name[:2]]
        seconds = both["sequential_wall_s_by_threads"]
        others = [both[f"ratio_to_{peer}"] for peer in PEERS]
        told = ["" if other is None else f"**{other:.1f}**" for other in others]
        asked = flower if others[0] is not None else ""
        lines.append(
            f"| {name} | {both['wall_s_per_round']:.4f} s | {seconds['1']:.4f} s | {seconds['2']:.4f} s "
            f"| **{both['ratio_to_sequential']:.1f}** | {loop} | {told[0]} | {asked} | {told[1]} |"
        )
    return [*lines, "", "The columns with bold figures tell how many times as long the others take.", ""]


def _how() -> list[str]:
    """What makes rounds of small models fast, in the order of what it is worth."""
    return [
        "## Where the speed comes from",
        "",
        "All of it is exact; results differ from those of one client after another by rounding alone.",
        "",
        "- Clients train side by side: one operator call for up to 128 of them, without autograd; for plain SGD",
        "  backward pass and step are one operation.",
        "- The first layer of a whole round is two products of all samples with weights that everybody shares. What a",
        "  client's own steps change in between follows from the inner products of its samples, which never change and",
        "  are kept between rounds, 160 MB at most. Weights of single clients are formed only if somebody looks at",
        "  them.",
        "- Samples are brought into the order of the visits in slabs of about 512, multiplied while they are in the",
        "  cache.",
        "- Inputs that are the same in all samples of a slab, such as dark borders of images, are left out of the",
        "  products where they are more than an eighth: they add a constant forward and a rank-one part backward. On",
        "  MNIST that is a quarter of all inputs for 600 samples; on noise it is nothing.",
        "- With more than one thread, slabs, parts of a stack or whole clients are computed side by side in a process.",
        "  What the parts are follows from shapes alone, so the number of threads changes no bit.",
        "- Large buffers are used again in the next round: fresh pages of memory cost about a tenth of the CPU time.",
        "- What depends on names and numbers alone, such as the random streams of a cohort, is made for all at once.",
        "",
    ]


def _peer_line(name: str, row: dict[str, Any], peer: str, title: str) -> str:
    found = row["peers"].get(peer)
    if found is None:
        return f"| {name} | {title} | not measured | | | | |"
    asked = FLOORS[name][1] if peer == "flower" else ""
    return (
        f"| {name} | {title} | {found['cpu_s_per_round']:.3f} | **{row[f'ratio_to_{peer}']:.1f}** | {asked} "
        f"| {found['wall_s_per_round']:.3f} | {row[f'wall_ratio_to_{peer}']:.1f} |"
    )


def _scale(result: dict[str, Any] | None) -> list[str]:
    if result is None:
        return []
    lines = [
        "## Scale",
        "",
        f"Machine: {_machine(result)}.",
        "Each row ran in a process of its own: logistic regression on the data set `synthetic`, whose clients are made",
        "when they take part, with events, costs and ledger. Rounds are medians, of CPU and of wall time, whose",
        "difference tells how busy the machine was; MiB is the highest memory of the process, state what a",
        "checkpoint holds.",
        "",
        "| devices | clients | rounds | start s | CPU ms a round | CPU ms a client | wall ms a round | MiB | state |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines.extend(
        f"| {row['devices']:,} | {row['cohort']:,} | {row['rounds']} | {row['start_s']:.1f} "
        f"| {1e3 * row['round_core_s']:.0f} | {1e3 * row['round_core_s'] / row['cohort']:.2f} "
        f"| {1e3 * row['round_s']:.0f} "
        f"| {row['peak_bytes'] / 2**20:.0f} | {row['checkpoint_bytes'] / 2**20:.1f} |"
        for row in result["cases"]
    )
    return [*lines, ""]


def _strategies() -> list[str]:
    """Which strategies train stacked, from their classes."""
    from engine.core.sample import SampleSpec
    from engine.federated.strategy import strategies
    from engine.models.zoo.mlp import Mlp
    from engine.training.chain import chain_of
    from engine.training.local import defines
    from engine.training.plans import cohort_obstacle

    chain = chain_of(Mlp().declare(SampleSpec(kind="image", shape=(1, 28, 28), num_classes=10)))
    lines = [
        "## Who trains stacked",
        "",
        "Chains of linear layers are trained many clients at a time. Where a client has few samples its whole round is",
        "one Gram block, with momentum, Nesterov's look-ahead, weight decay and terms that are linear in the weights;",
        "and where nobody looks at single updates the weights of single clients are never formed. Encodings, clipping,",
        "attacks and robust aggregation get each client's update from the stack. Convolutional and recurrent models,",
        "Adam, augmented samples and differentially private steps are trained one client after another.",
        "",
        "| strategy | stacked | single weights |",
        "|---|---|---|",
    ]
    for kind, member in sorted(strategies.members().items()):
        rule = member()
        obstacle = cohort_obstacle(rule, chain)
        forms = defines(rule, "finish") or rule.has_own_models
        formed = "formed" if forms or obstacle else "formed only if asked for"
        lines.append(f"| `{kind}` | {f'no: {obstacle}' if obstacle else 'yes'} | {formed} |")
    return [*lines, ""]


if __name__ == "__main__":
    write_page()
