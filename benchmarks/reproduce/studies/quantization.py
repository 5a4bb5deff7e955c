"""Networks brought to 8 and 4 bits without data, by every method, each measured as the file that is shipped."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.reproduce.quantizing import METHODS, SOURCES, quantized_files
from benchmarks.reproduce.study import Recorded, Study
from benchmarks.reproduce.tables import runs_of, table
from engine.commands.output import si

HERE = Path(__file__).parent
PLAIN, NORMED, DIGITS = (HERE / f"quantization_{name}.yaml" for name in ("plain", "normed", "digits"))

Network = tuple[Path, str, str]

NETWORKS: tuple[Network, ...] = (
    (PLAIN, "model-lenet5", "lenet5, tanh"),
    (PLAIN, "model-lenet5-activation-relu", "lenet5, ReLU"),
    (NORMED, "model-ds-cnn", "ds_cnn"),
    (NORMED, "model-resnet8", "resnet8"),
    (DIGITS, "model-ds-cnn", "digits: ds_cnn"),
    (DIGITS, "model-resnet8", "digits: resnet8"),
)
"""Spec and slug of the cell of each network, and its title."""

INTRODUCTION = """
Networks of MNIST, and of the 8x8 digits of scikit-learn, trained by the runs of this study (`./edgeloom reproduce
quantization`), each then quantized by every method without a look at data. What stands here is the accuracy of the
**exported ONNX file**, loaded again by onnxruntime and run on all test images: 10,000, or 359 digits, of which each is
0.28 points. Points are those of accuracy lost against the ONNX file in floats, mean over seeds, with the worst seed in
brackets where there are several. Activations are int8 throughout. *nearest* rounds to the nearest and does nothing
else; it is what the methods are to beat.

Ranges of activations come from images dreamt of the teacher (lenet5, which has no normalization layers), or from the
statistics of the normalization layers (the others; ZeroQ distils images of its own from them).
""".strip()

WEIGHTS = """
Networks this small have few weights per channel and little to lose at 8 bits. That the methods do what their papers say
is shown harder by a test (`tests/engine/datafree/test_quantized_accuracy.py`): with the channels of a trained network
scaled by 1/16 to 16 and back, one scale per tensor leaves nothing of it at 8 bits, and equalized ranges lose at most a
point.
""".strip()

SOURCES_TEXT = """
Int8 weights per channel, rounded to nearest; only the images differ that the ranges of activations are taken from.
*Real images* are as many training images: what data would give.
""".strip()

FILES = """
The same weights as files, and how long onnxruntime takes for one image on one thread of the host that did the study
(median of up to 101 runs, busy with other work; a comparison of rows, no more). The agreement is that of a file
with the same model in memory, rounded by our own arithmetic, on 2,000 test images. Memory is the peak of activations by
liveness over the file's nodes. Small networks do not gain from int8 on such a host: it spends its time between layers.
""".strip()


def render(done: Sequence[Recorded]) -> Iterator[str]:
    """The page's body."""
    yield from INTRODUCTION.splitlines()
    yield from ("", "## Points lost by method", "", *_methods(done), "", *WEIGHTS.splitlines())
    yield from ("", "## Where ranges come from", "", *SOURCES_TEXT.splitlines(), "", *_sources(done))
    yield from ("", "## The files", "", *FILES.splitlines(), "", *_files(done))


def _methods(done: Sequence[Recorded]) -> list[str]:
    rows, shown = [], _shown(done)
    for bits in (8, 4):
        for per_channel in (True, False):
            for method in METHODS:
                wanted = {"method": method, "bits": bits, "per_channel": per_channel}
                cells = [_lost(_of(done, network), wanted) for network in shown]
                rows.append([f"int{bits}", "channel" if per_channel else "tensor", method, *cells])
    floats = [_accuracy(_of(done, network)) for network in shown]
    head = ["weights", "a scale per", "method", *(title for *_, title in shown)]
    return table(head, [["float32", "", "accuracy", *floats], *rows])


def _sources(done: Sequence[Recorded]) -> list[str]:
    shown = _shown(done)
    rows = [
        [source, *(_lost(_of(done, network), {"method": "ranges", "source": source}) for network in shown)]
        for source in SOURCES
    ]
    return table(["ranges from", *(title for *_, title in shown)], rows)


def _files(done: Sequence[Recorded]) -> list[str]:
    rows = []
    for network in _shown(done):
        runs, title = _of(done, network), network[-1]
        for name, wanted in (
            ("float32", {"method": "float"}),
            ("int8", {"method": "squant", "bits": 8, "per_channel": True}),
            ("int4", {"method": "squant", "bits": 4, "per_channel": True}),
        ):
            found = [_row(run, wanted) for run in runs]
            if not found:
                continue
            first = found[0]
            latency = sorted(each["latency_s"]["median_s"] for each in found)[len(found) // 2]
            agreement = sum(each["agreement_with_memory"] for each in found) / len(found)
            rows.append([
                title, name, si(first["num_bytes"], "B"), si(first["peak_activation_bytes"], "B"),
                f"{1e3 * latency:.3g} ms", f"{100 * agreement:.2f} %",
            ])  # fmt: skip
    return table(["network", "weights", "file", "memory", "one image", "same answers as in memory"], rows)


def _shown(done: Sequence[Recorded]) -> list[Network]:
    """The networks of which a run is recorded."""
    return [network for network in NETWORKS if _of(done, network)]


def _of(done: Sequence[Recorded], network: Network) -> list[Recorded]:
    spec, slug, _ = network
    return runs_of(done, spec.stem, slug)


def _row(run: Recorded, wanted: Recorded) -> Recorded:
    found: Recorded = next(row for row in run["files"] if wanted.items() <= row.items())
    return found


def _lost(runs: Sequence[Recorded], wanted: Recorded) -> str:
    """Points of accuracy that a file loses against the one in floats; empty where it was not made."""
    lost = [
        100 * (_row(run, {"method": "float"})["accuracy"] - row["accuracy"])
        for run in runs
        for row in run["files"]
        if wanted.items() <= row.items()
    ]
    if not lost:
        return ""
    worst = f" ({max(lost):.2f})" if len(lost) > 1 else ""
    return f"{sum(lost) / len(lost):.2f}{worst}"


def _accuracy(runs: Sequence[Recorded]) -> str:
    if not runs:
        return ""
    found = [_row(run, {"method": "float"})["accuracy"] for run in runs]
    return f"{100 * sum(found) / len(found):.2f} %"


STUDY = Study("quantization", "Quantization without data", (DIGITS, PLAIN, NORMED), render, quantized_files)
