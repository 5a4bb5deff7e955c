"""Data-free compression on CIFAR-10 at equal budget, and methods with a generator on MNIST."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.reproduce.study import Recorded, Study
from benchmarks.reproduce.tables import mean_of, runs_of, table
from engine.datafree.published import TABLE

HERE = Path(__file__).parent
TEACHER, BASELINES, DREAMS, INVERSIONS, GENERATORS = (
    HERE / f"cifar_{part}.yaml" for part in ("teacher", "baselines", "dreams", "inversions", "generators")
)

BESIDE = {
    "oracle": "oracle: the student's network on the real images and labels",
    "real_distillation": "distilled on the real images",
    "out_of_domain": "distilled on another data set's images (MNIST)",
}
"""Titles of the baselines, in the order of the table."""

METHODS = (
    (DREAMS, "mode-faithful", "dream_distillation", "faithful"),
    (DREAMS, "mode-modern", "dream_distillation", "modern"),
    (INVERSIONS, "synthesizer-deep-inversion", "deep_inversion", ""),
    (INVERSIONS, "synthesizer-fast-dfkd", "fast_dfkd", ""),
)
"""Spec, cell, kind of synthesizer and its mode."""

COMPETING = tuple((GENERATORS, f"synthesizer-{kind}", kind, "") for kind in ("dafl", "cmi", "adversarial"))
"""The same of the methods with a generator that are tried on MNIST."""

INTRODUCTION = """
One teacher (WRN-16-1, 24 epochs of one cycle) and one student of another family (ResNet-8), on CIFAR-10 from JPEG
files. Every method makes 5,120 images and gives the student 4,000 steps of 64; what stands beside it takes the same
steps. The one teacher is the same for all seeds. Accuracy is that on the test images. Made by
`./edgeloom reproduce cifar`, in legs.
""".strip()

DIFFERENCES: Mapping[str, str] = {
    "dream_distillation": "other networks, far more images there (their number is not stated)",
    "deep_inversion": "WRN-40-2 there, 2,000 steps a batch where ours takes 200",
    "fast_dfkd": "WRN-40-2 there, some 50,000 images and 200 epochs of the student",
    "dafl": "that figure is of CIFAR-10; ours of MNIST",
    "cmi": "that figure is of CIFAR-10; ours of MNIST",
    "adversarial": "that figure is of CIFAR-10; ours of MNIST",
}
"""Why our figure and the published one do not compare."""


def render(done: Sequence[Recorded]) -> Iterator[str]:
    """The page's body."""
    yield from INTRODUCTION.splitlines()
    yield from ("", "## Teacher and baselines", "", *_beside(done))
    yield from ("", "## Methods", "", *_methods(done, METHODS))
    yield from ("", "## With a generator, on MNIST", "")
    yield "LeNet-5 to LeNet-5, 12,800 images, 2,000 steps of 64 while the generator learns."
    yield from ("", *_methods(done, COMPETING))


def _beside(done: Sequence[Recorded]) -> list[str]:
    rows = [["teacher, real images", mean_of(runs, "accuracy", 100, "%")] for runs in [_cell(done, TEACHER)] if runs]
    if runs := _cell(done, BASELINES):
        rows += [[title, f"{100 * runs[0]['baselines'][name]['accuracy']:.2f} %"] for name, title in BESIDE.items()]
        rows.append(["distilled on noise", mean_of(runs, "accuracy", 100, "%")])
    return table(["model", "accuracy"], rows) if rows else ["Nothing is recorded yet."]


def _cell(done: Sequence[Recorded], path: Path) -> list[Recorded]:
    return runs_of(done, path.stem, "cell")


def _methods(done: Sequence[Recorded], methods: Sequence[tuple[Path, str, str, str]]) -> list[str]:
    rows = []
    for path, slug, kind, mode in methods:
        if runs := runs_of(done, path.stem, slug):
            there = TABLE[kind]
            context = f"{100 * there.value:.1f} % ({there.name}; {there.source}): {DIFFERENCES[kind]}"
            rows.append([f"`{kind}` {mode}".rstrip(), mean_of(runs, "accuracy", 100, "%"), context])
    return table(["method", "student", "published, as context"], rows) if rows else ["Nothing is recorded yet."]


STUDY = Study(
    "cifar",
    "Compression of CIFAR-10 without data",
    [TEACHER, BASELINES, DREAMS, INVERSIONS, GENERATORS],
    render,
    taught=(BASELINES, DREAMS, INVERSIONS),
    page_name="compression-cifar",
)
