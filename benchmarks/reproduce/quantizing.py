"""What the study of quantization measures on a finished run: its teacher by every method, each as the exported file."""

import io
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from benchmarks.reproduce.study import Recorded, StudyCell
from engine.core.streams import stream
from engine.data.dataset import Dataset, Split
from engine.data.pixels import Pixels
from engine.data.store import DataStore
from engine.datafree.export.files import Exported, export, export_quantized
from engine.datafree.export.runner import Runner, declared, load, rounding
from engine.datafree.export.verification import BATCH, verify
from engine.datafree.quantizer import QuantInputs, Quantizer, quantizers
from engine.datafree.rounding.ranges import tells_all
from engine.models.graph import Graph
from engine.models.model_file import ModelCard, read_model
from engine.runs.folder import RunFolder

METHODS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "nearest": ("dfq", {"equalize": False, "absorb": False, "correct_bias": False}),
    "dfq": ("dfq", {}),
    "squant": ("squant", {}),
    "zeroq": ("zeroq", {}),
}
"""Kind and fields of each method."""

SOURCES = ("statistics", "synthetic images", "noise", "real images")
"""Where ranges of activations come from, when weights are rounded to nearest; the last is what data would give."""


COMPARED = 2000
"""Test samples on which a file is compared with the model in memory; its accuracy is that on all."""


class Teacher:
    """A run's teacher with what may be looked at, and the test samples.

    Args:
        cell: the run's spec.
        folder: its files.
        store: where the data set lies.
    """

    def __init__(self, cell: StudyCell, folder: RunFolder, store: DataStore) -> None:
        dataset: Dataset = cell.spec.task.dataset  # type: ignore[attr-defined]
        pixels = dataset.pixels()
        assert pixels is not None, "data sets of this study are pictures"
        self.pixels: Pixels = pixels
        card, self.weights = read_model(folder.path / "artifacts" / "teacher.safetensors")
        self.graph: Graph = card.graph
        self.seed = cell.seed
        self.test: Split = dataset.load(store, "test")
        with np.load(io.BytesIO((folder.path / "artifacts" / "images.npz").read_bytes())) as file:
            made = pixels.standardized(file["images"])
        draw = stream(self.seed, "study of quantization")
        noise = pixels.standardized(draw.integers(0, pixels.largest + 1, made.shape))
        real = np.array(dataset.load(store, "train").x[: len(made)])
        self.images: dict[str, np.ndarray] = {"synthetic images": made, "noise": noise, "real images": real}

    def inputs(self, source: str = "synthetic images") -> QuantInputs:
        """The valid range of an input, and images of one source."""
        low, high = ((np.full(len(self.pixels.mean), edge) - self.pixels.mean) / self.pixels.std for edge in (0.0, 1.0))
        return QuantInputs(low, high, stream(self.seed, "quantizer"), self.images.get(source))


def quantized_files(cell: StudyCell, folder: RunFolder) -> Recorded:
    """``files``: a row for the teacher in floats, and one for every method, bits and scales, and source of ranges."""
    teacher = Teacher(cell, folder, DataStore.from_environment())
    return {"files": list(_rows(teacher))}


def _rows(teacher: Teacher) -> Iterator[Recorded]:
    (exported,) = export("teacher", teacher.weights, ModelCard(teacher.graph), ("onnx",))
    yield {"method": "float", **_checked(teacher, exported, declared(teacher.graph, teacher.weights))}
    is_normed = tells_all(teacher.graph)
    for method, (kind, fields) in METHODS.items():
        if kind == "zeroq" and not is_normed:
            continue  # it has no statistics to make images of, and with the others' it rounds as the first method does
        for bits in (8, 4):
            for per_channel in (True, False):
                quantizer = quantizers[kind].model_validate({**fields, "weight_bits": bits, "per_channel": per_channel})
                yield {"method": method, "bits": bits, "per_channel": per_channel, **_made(teacher, quantizer)}
    kind, fields = METHODS["nearest"]
    for source in SOURCES:
        if source == "statistics" and not is_normed:
            continue
        told = "batch_norm" if source == "statistics" else "images"
        quantizer = quantizers[kind].model_validate({**fields, "ranges": told})
        yield {"method": "ranges", "source": source, **_made(teacher, quantizer, source)}


def _made(teacher: Teacher, quantizer: Quantizer, source: str = "synthetic images") -> Recorded:
    """The file of a quantizer, and how long it took to make."""
    inputs, graph, weights = teacher.inputs(source), teacher.graph, teacher.weights
    start = time.process_time()
    working = None
    if steps := quantizer.num_steps(graph, has_images=True):
        working = quantizer.advance(graph, weights, quantizer.begin(graph, weights, inputs), 0, steps)
    model = quantizer.quantize(graph, weights, inputs, working)
    spent = time.process_time() - start
    return {"cpu_s": round(spent, 3), **_checked(teacher, export_quantized("teacher", model), rounding(model))}


def _checked(teacher: Teacher, exported: Exported, model: Runner) -> Recorded:
    x, y = teacher.test.x, teacher.test.y
    found = verify(exported, model, x[:COMPARED], y[:COMPARED])
    run = load(exported)
    right = sum(int((run(x[rows]).argmax(1) == y[rows]).sum()) for rows in _batches(len(x)))
    return {
        "file": found.name,
        "num_bytes": found.num_bytes,
        "peak_activation_bytes": found.peak_activation_bytes,
        "accuracy": right / len(x),
        "agreement_with_memory": found.tally.agreement,
        "max_abs_difference": found.tally.max_abs_difference,
        "latency_s": asdict(found.latency),
    }


def _batches(count: int) -> Iterator[slice]:
    return (slice(first, first + BATCH) for first in range(0, count, BATCH))
