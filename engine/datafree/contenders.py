"""The table of contenders: every model that stands in the comparison, measured alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.core.json import JsonValue
from engine.datafree.fleet.deployment import computes_integers
from engine.datafree.fleet.devices import device_rows
from engine.datafree.fleet.footprint import PRECISIONS, Precision, footprint
from engine.models.profile import profile
from engine.task.contract import State

if TYPE_CHECKING:
    from engine.datafree.task import Datafree
    from engine.datafree.world import World

TITLES: Mapping[str, tuple[str, str]] = {
    "teacher": ("Teacher", "teacher"),
    "student": ("Student, without data", "student"),
    "oracle": ("Oracle: student trained on the data", "baseline"),
    "real_distillation": ("Student distilled on the data", "baseline"),
    "out_of_domain": ("Student distilled on other images", "baseline"),
    "noise": ("Student distilled on noise", "baseline"),
    "pruned": ("Pruned", "student"),
    "quantized": ("Quantized", "student"),
}
"""Title and role of each contender."""


@dataclass(frozen=True)
class Measured:
    """How a contender does on the test samples.

    Attributes:
        accuracy: share of right answers.
        loss: mean cross-entropy.
        recall: of each class, the share of its samples that are found; None for a class without any.
        agreement: share of samples of which it says the same as the teacher.
    """

    accuracy: float
    loss: float
    recall: tuple[float | None, ...]
    agreement: float

    @classmethod
    def of(cls, says: np.ndarray, labels: np.ndarray, teacher: np.ndarray, loss: float, num_classes: int) -> "Measured":
        """From the classes (N,) that a model, the truth and the teacher say."""
        right = says == labels
        counts = np.bincount(labels, minlength=num_classes)
        found = np.bincount(labels[right], minlength=num_classes)
        recall = tuple(float(hits / count) if count else None for hits, count in zip(found, counts, strict=True))
        return cls(float(right.mean()), loss, recall, float((says == teacher).mean()))


def baselines_of(task: "Datafree") -> tuple[str, ...]:
    """The baselines that are asked for, in the order in which they are trained."""
    wanted = task.baselines
    if task.student is None:
        return ()
    chosen = {
        "oracle": wanted.oracle,
        "real_distillation": wanted.real_distillation,
        "out_of_domain": wanted.out_of_domain is not None,
        "noise": wanted.noise,
    }
    return tuple(name for name, is_wanted in chosen.items() if is_wanted)


def contenders_of(task: "Datafree") -> tuple[str, ...]:
    """All contenders in the order in which they are measured."""
    shrunk = {"pruned": task.pruner is not None, "quantized": task.quantizer is not None}
    return (
        "teacher",
        *(("student",) if task.student is not None else ()),
        *(name for name, is_wanted in shrunk.items() if is_wanted),
        *baselines_of(task),
    )


def row_of(world: "World", state: State, contender: str, found: Measured) -> dict[str, JsonValue]:
    """A contender's line of the table, as its event carries it."""
    graph, precision = world.graph(contender, state), _precision(world.task, contender)
    # where activations stay floats a device computes in floats, and needs the memory of floats
    arithmetic = precision if contender != "quantized" or computes_integers(world.task) else "fp32"
    costs, (title, role) = profile(graph), TITLES[contender]
    return {
        "name": contender, "title": title, "role": role,
        "accuracy": found.accuracy, "loss": found.loss, "recall": list(found.recall), "agreement": found.agreement,
        "num_parameters": costs.num_parameters, "macs": costs.total_macs,
        "bytes": {name: footprint(graph, name).weight_bytes for name in PRECISIONS}, "precision": precision,
        "peak_memory_bytes": footprint(graph, arithmetic).activation_bytes,
        "devices": device_rows(world.context, graph, arithmetic),
    }  # fmt: skip


def _precision(task: "Datafree", contender: str) -> Precision:
    """The numbers of a contender's weights."""
    if contender != "quantized" or task.quantizer is None:
        return "fp32"
    return "int4" if task.quantizer.weight_bits == 4 else "int8"
