"""Dream Distillation on MNIST: beside its controls and its oracle, and what each part of it is worth."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.reproduce.study import Recorded, Study
from benchmarks.reproduce.tables import mean_of, runs_of, table
from engine.runs.statistics import spread

HERE = Path(__file__).parent
MAIN = HERE / "dream.yaml"
CLUSTERS, SCALE, IMAGES, PRIVATE = (HERE / f"dream_{part}.yaml" for part in ("clusters", "scale", "images", "private"))

CONTENDERS = {
    "teacher": "teacher (mlp of 512 hidden units), real images",
    "oracle": "oracle: the student's network on the real images and labels",
    "real_distillation": "distilled on the real images",
    "out_of_domain": "distilled on another data set's images (digits, 8x8 enlarged)",
    "noise": "distilled on noise",
}
"""Titles of what stands beside the student, in the order of the table."""

METADATA = {
    "metadata-activation-clusters-num-clusters-1-num-components-0": "1 cluster, 0 directions: one mean per class",
    "metadata-activation-clusters-num-clusters-1-num-components-10": "1 cluster, 10 directions",
    "metadata-activation-clusters-num-clusters-10-num-components-0": "10 clusters, 0 directions",
    "metadata-activation-clusters-num-clusters-10-num-components-10": "10 clusters, 10 directions",
    "metadata-activation-clusters-num-clusters-20-num-components-10": "20 clusters, 10 directions",
    "metadata-activation-clusters-num-clusters-10-num-components-30": "10 clusters, 30 directions",
    "metadata-class-gaussians": "Gaussians of logits (Lopes et al., top layer)",
}
SCALES = {f"noise-scale-{scale}": f"s = {scale}" for scale in ("0.0", "0.5", "1.5")}
COUNTS = {f"num-images-{count}": f"{count} images" for count in (500, 1000, 4000)}
GUARDED = {
    "metadata-activation-clusters-num-clusters-1-num-components-0-share-1.0-noise-noi": "1 cluster, 0 directions",
    "metadata-activation-clusters-num-clusters-10-num-components-10-share-1.0-noise-n": "10 clusters, 10 directions",
}

INTRODUCTION = """
A teacher is trained on MNIST; its owner hands out 20 clusters for each class of its penultimate activations, with 10
principal directions each, from a tenth of the training set (every statistic over at least 20 images; 4.5 MB, which
is much beside a teacher of 1.6 MB: the tables below say what less would do), and nothing else. 5,000 images are dreamt
whose activations hit targets around the clusters, in faithful mode: no BatchNorm statistics, no cross-entropy, no
other images. A LeNet-5 (61,706 parameters) learns from the teacher (407,050 parameters) on the dreams. Everything
beside it takes the same number of steps with the same schedule. Accuracy is that on the 10,000 test images; mean and
half the 95 % interval over seeds. Made by `./edgeloom reproduce dream`; `examples/dream-distillation.yaml` is the first
table's run, without the other data set.
""".strip()

ABLATION = """
2,000 images, 20 clusters with 10 directions and s = 1 unless the row says otherwise; everything else as above. Where
one seed is recorded, differences below about a point say nothing.
""".strip()

PRIVATE_STORY = """
All training images are read, each statistic with Gaussian noise of four times what one image can change (activations
clipped to norm 20). The promise is about the file alone: the weights were trained without noise.
""".strip()

CONTEXT = """
The paper (arXiv 1905.07072) reports 88.5 % on CIFAR-10 without its training images; numbers of clusters, directions,
steps and images are not stated there, and teacher, student and data set differ, so nothing here compares with it.
Lopes et al. 2017 report about 69 % (fully connected) and 77 % (LeNet) for their top-layer metadata on MNIST, figures
that are known second-hand.
""".strip()


def render(done: Sequence[Recorded]) -> Iterator[str]:
    """The page's body."""
    yield from INTRODUCTION.splitlines()
    yield from ("", "## Beside its controls", "", *_beside(runs_of(done, MAIN.stem, "cell")))
    yield from ("", "## What each part is worth", "", *ABLATION.splitlines())
    for title, part, slugs in (
        ("Clusters and directions", CLUSTERS, METADATA),
        ("Noise scale of the targets", SCALE, SCALES),
        ("Number of images", IMAGES, COUNTS),
    ):
        yield from ("", f"### {title}", "", *_rows(done, part.stem, slugs))
    yield from ("", "### Metadata with a guarantee", "", *PRIVATE_STORY.splitlines(), "")
    yield from _rows(done, PRIVATE.stem, GUARDED)
    yield from ("", "## Published figures, as context", "", *CONTEXT.splitlines())


def _beside(runs: Sequence[Recorded]) -> list[str]:
    if not runs:
        return ["Nothing is recorded yet."]
    rows = [[title, _of(runs, name)] for name, title in CONTENDERS.items() if name in runs[0]["baselines"]]
    rows.insert(len(rows) - 2, ["**student, distilled on dreams**", mean_of(runs, "accuracy", 100, "%")])
    gap, agreement = mean_of(runs, "points_below_oracle"), mean_of(runs, "agreement", 100, "%")
    return [
        *table(["model", f"accuracy, {len(runs)} seed{'s' * (len(runs) > 1)}"], rows),
        "",
        f"The student is {gap} points below its oracle; it agrees with the teacher on {agreement} of the test images.",
    ]


def _of(runs: Sequence[Recorded], name: str) -> str:
    found = spread([100 * _row(run, name)["accuracy"] for run in runs])
    half = "" if found.ci95 is None else f" ± {(found.ci95[1] - found.ci95[0]) / 2:.2g}"
    return f"{found.mean:.4g}{half} %"


def _row(run: Recorded, name: str) -> Mapping[str, float]:
    found: Mapping[str, float] = run["baselines"][name]
    return found


def _rows(done: Sequence[Recorded], part: str, slugs: Mapping[str, str]) -> list[str]:
    rows = [
        [title, str(len(runs)), mean_of(runs, "accuracy", 100, "%"), mean_of(runs, "agreement", 100, "%")]
        for slug, title in slugs.items()
        if (runs := runs_of(done, part, slug))
    ]
    return table(["", "seeds", "student", "agrees with the teacher"], rows) if rows else ["Nothing is recorded yet."]


STUDY = Study(
    "dream", "Dream Distillation", [MAIN, CLUSTERS, SCALE, IMAGES, PRIVATE], render, page_name="dream-distillation"
)
