"""Networks brought to 8 and 4 bits without data, by every method, each measured as the file that is shipped."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.reproduce.quantizing import METHODS, SOURCES, quantized_files
from benchmarks.reproduce.study import Recorded, Study
from benchmarks.reproduce.tables import runs_of, table
from engine.commands.output import si

HERE = Path(__file__).parent
PLAIN, NORMED = HERE / "quantization_plain.yaml", HERE / "quantization_normed.yaml"

NETWORKS = {
    "lenet5": (PLAIN, "lenet5 (tanh)"),
    "mcmahan_cnn": (PLAIN, "mcmahan_cnn (ReLU)"),
    "resnet8": (NORMED, "resnet8 (residual)"),
    "ds_cnn": (NORMED, "ds_cnn (depthwise)"),
}
"""Spec and title of each network."""

INTRODUCTION = """
Four networks of MNIST, trained by the runs of this study (`./edgeloom reproduce quantization`), each then quantized by
every method without a look at data. What stands here is the accuracy of the **exported ONNX file**, loaded again by
onnxruntime and run on all 10,000 test images; points are those of accuracy lost against the ONNX file in floats, mean
over seeds, with the worst seed in brackets where there are several. Activations are int8 throughout. *nearest* rounds
to the nearest and does nothing else; it is what the methods are to beat.

Ranges of activations come from 128 images dreamt of the teacher (networks without normalization), or from the
statistics of the normalization layers (the others; ZeroQ distils images of its own from them).
""".strip()

WEIGHTS = """
At 8 bits there is nothing to choose. At 4 bits the scale decides before the method does: one scale per output channel
costs 4 bytes each and saves most of what a common scale loses.
""".strip()

SOURCES_TEXT = """
Int8 weights per channel, rounded to nearest; only the images differ that the ranges of activations are taken from.
*Real images* are as many training images: what data would give.
""".strip()

FILES = """
The same weights as files, and how long onnxruntime takes for one image on one thread of the host that did the study
(median of up to 101 runs, busy with other work; a comparison of rows, no more). The agreement is that of the int8 file
with the same model in memory, rounded by our own arithmetic, over the test set. Memory is the peak of activations by
liveness over the file's nodes. Small networks do not gain from int8 on such a host: it spends its time between layers.
""".strip()


def render(done: Sequence[Recorded]) -> Iterator[str]:
    """The page's body."""
    yield from INTRODUCTION.splitlines()
    yield from ("", "## Points lost by method", "", *_methods(done), "", *WEIGHTS.splitlines())
    yield from ("", "## Where ranges come from", "", *SOURCES_TEXT.splitlines(), "", *_sources(done))
    yield from ("", "## The files", "", *FILES.splitlines(), "", *_files(done))


def _methods(done: Sequence[Recorded]) -> list[str]:
    rows = []
    for bits in (8, 4):
        for per_channel in (True, False):
            for method in METHODS:
                wanted = {"method": method, "bits": bits, "per_channel": per_channel}
                cells = [_lost(_of(done, network), wanted) for network in NETWORKS]
                rows.append([f"int{bits}", "channel" if per_channel else "tensor", method, *cells])
    floats = [_accuracy(_of(done, network)) for network in NETWORKS]
    head = ["weights", "a scale per", "method", *(title for _, title in NETWORKS.values())]
    return table(head, [["float32", "", "accuracy", *floats], *rows])


def _sources(done: Sequence[Recorded]) -> list[str]:
    rows = [
        [source, *(_lost(_of(done, network), {"method": "ranges", "source": source}) for network in NETWORKS)]
        for source in SOURCES
    ]
    return table(["ranges from", *(title for _, title in NETWORKS.values())], rows)


def _files(done: Sequence[Recorded]) -> list[str]:
    rows = []
    for network, (_, title) in NETWORKS.items():
        runs = _of(done, network)
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


def _of(done: Sequence[Recorded], network: str) -> list[Recorded]:
    spec, _ = NETWORKS[network]
    return runs_of(done, spec.stem, f"model-{network.replace('_', '-')}")


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


STUDY = Study("quantization", "Quantization without data", (PLAIN, NORMED), render, quantized_files)
