"""The page of results about the speed of synthesis, made from recorded figures alone."""

import json
from pathlib import Path
from statistics import median
from typing import Any

RESULTS = Path(__file__).parents[1] / "docs" / "results"
DATA, PAGE = RESULTS / "data" / "synthesis-speed.json", RESULTS / "synthesis-speed.md"

HEAD = """\
# Speed of synthesis

Made by `./edgeloom bench synthesis --write` from what it recorded in `docs/results/data/synthesis-speed.json`. The
*plain loop* is each method as a textbook writes it: autograd, `torch.optim.Adam`, layers and hooks of `torch.nn`,
contiguous tensors, the teacher's weights frozen; `benchmarks/_plain_synthesis.py`. It takes the same random numbers as
the engine, and a test holds both to the same images. The *forgetful loop* is the same, but nobody told the teacher's
weights that they need no gradient. All seconds are CPU time of one core; the loops took turns.
"""

TAIL = """\
What makes the difference: normalization in evaluation mode is one multiplication with addition, which tells the moments
of its input in the same node of the graph and has a closed gradient; images and weights lie channels last; a 3x3
convolution of doubled maps is one transposed convolution of the small ones, with 16 instead of 36 multiplications; the
generator's weights are one vector, so Adam is one fused pass; priors of pixels have closed gradients. Convolutions, of
which both loops need the same in the teacher and the student, bound what can be gained.

Rounding takes the two loops apart after some hundred steps, so accuracies and the batch in which one is reached differ
by chance, either way; the last column does not depend on that.
"""


def write_page() -> None:
    """Make the page from what is recorded."""
    tree = json.loads(DATA.read_text())
    PAGE.write_text(f"{HEAD}\n{text_of(tree)}\n{TAIL}", encoding="utf-8")


def text_of(tree: dict[str, Any]) -> str:
    """The tables as Markdown."""
    return "\n".join([*_steps(tree), *_learning(tree["learning"])])


def _steps(tree: dict[str, Any]) -> list[str]:
    machine = tree["provenance"]
    lines = [
        "## Steps at CIFAR-10's size", "",
        f"Teacher and student WRN-16-1, batches of {tree['batch']} images of 3x32x32. Images per second count all",
        "steps of a batch, as many as the member takes by default; the ratio is the median over turns, its range in",
        f"brackets. Machine: {machine['cpu']}, {machine['system']} {machine['machine']}, torch {tree['torch']}; load",
        f"average at the end {tree['load']:.1f}: where it is above the number of cores, others were at work too, and",
        "ratios tell more than seconds.", "",
        "| synthesizer | steps a batch | engine images/s | plain images/s | ratio | forgetful loop | convolutions |",
        "| --- |" + " --- |" * 6,
    ]  # fmt: skip
    for row in tree["steps"]:
        speed, ratios = row["images_per_s"], row["ratios"]
        lines.append(
            f"| {row['synthesizer']} | {row['steps_per_batch']} | {speed['engine']:.3g} | {speed['plain']:.3g} "
            f"| **{row['ratio']:.2f}** [{min(ratios):.2f}, {max(ratios):.2f}] | {row['ratio_forgetful']:.2f} "
            f"| {row['shares']['convolution']:.0%} |"
        )
    return [*lines, "", "The last column is the share of convolutions in the engine's step, by torch's profiler.", ""]


def _learning(rows: list[dict[str, Any]]) -> list[str]:
    targets = sorted({float(target) for row in rows for kind in ("engine", "plain") for target in row[kind]["reached"]})
    seeds = sorted({row["seed"] for row in rows})
    lines = [
        "## Seconds until a student knows", "",
        "Digits of 8x8 pixels; teacher WRN-10-1, student ResNet-8; after each batch of 100 images the student takes 40",
        "steps on all images so far. Seconds to make the images and to learn from them until the student first has",
        f"an accuracy on the test set, engine / plain loop; seeds: {', '.join(map(str, seeds))}; median of those that",
        "got there.", "",
        "| synthesizer | steps a batch | " + " | ".join(f"{target:.0%}" for target in targets)
        + " | best accuracy, engine / plain | making an image, ms |",
        "| --- |" + " --- |" * (len(targets) + 3),
    ]  # fmt: skip
    for name in dict.fromkeys(row["synthesizer"] for row in rows):
        own = [row for row in rows if row["synthesizer"] == name]
        cells = [_pair(own, str(target), len(seeds)) for target in targets]
        best = [median(row[kind]["best"] for row in own) for kind in ("engine", "plain")]
        cost = [
            1e3 * median(row[kind]["images_s"] / row[kind]["num_images"] for row in own) for kind in ("engine", "plain")
        ]
        lines.append(
            f"| {name} | {own[0]['steps']} | {' | '.join(cells)} | {best[0]:.1%} / {best[1]:.1%} "
            f"| {cost[0]:.2f} / {cost[1]:.2f} |"
        )
    return [*lines, ""]


def _pair(rows: list[dict[str, Any]], target: str, num_seeds: int) -> str:
    cells = []
    for kind in ("engine", "plain"):
        times = [row[kind]["reached"][target] for row in rows if target in row[kind]["reached"]]
        few = f" ({len(times)} of {num_seeds})" if 0 < len(times) < num_seeds else ""
        cells.append(f"{median(times):.1f} s{few}" if times else "not reached")
    return " / ".join(cells)


if __name__ == "__main__":
    write_page()
