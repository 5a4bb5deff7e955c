"""Every model of the zoo in a small size, with weights as if it had been trained."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.core.sample import SampleSpec
from engine.core.streams import stream
from engine.models.graph import Graph
from engine.models.model import models
from engine.models.weights import initial

NARROW: Mapping[str, Mapping[str, Any]] = {
    "resnet18": {"width": 0.0625},
    "resnet34": {"width": 0.0625},
    "vgg11": {"width": 0.0625},
    "char_lstm": {"hidden": 8},
    "gru": {"hidden": 8},
    "wide_resnet": {"depth": 10},
    "mlp": {"hidden": [12, 9]},
}
"""Fields that make a model small."""

SAMPLES = (
    SampleSpec(kind="image", shape=(3, 32, 32), num_classes=10),
    SampleSpec(kind="sequence", shape=(6, 8), num_classes=5),
    SampleSpec(kind="tokens", shape=(6,), num_classes=30, vocabulary=30),
    SampleSpec(kind="tokens", shape=(6,), num_classes=30, vocabulary=30, per_position=True),
)


def graphs() -> dict[str, Graph]:
    """Every model on the first kind of sample that it takes, and language models per position too."""
    found: dict[str, Graph] = {}
    for kind, cls in models.members().items():
        model = cls.model_validate(NARROW.get(kind, {}))
        for sample in SAMPLES:
            if not model.check(sample):
                name = f"{kind}-per-position" if sample.per_position else kind
                found.setdefault(name, model.declare(sample))
    return found


def trained(graph: Graph, seed: int = 1) -> dict[str, np.ndarray]:
    """Weights whose normalization layers are those of a training, and whose logits spread."""
    weights = initial(graph, seed)
    norms = {name.rpartition(".")[0] for name in weights if name.endswith(".running_var")}
    for name, value in weights.items():
        draw = stream(seed, "trained", name)
        layer, _, part = name.rpartition(".")
        if part == "running_var" or (layer in norms and part == "weight"):
            weights[name] = draw.uniform(0.5, 2, value.shape).astype(np.float32)
        elif layer in norms:
            weights[name] = draw.normal(0, 0.3, value.shape).astype(np.float32)
    weights[f"{graph.output}.weight"] = weights[f"{graph.output}.weight"] * np.float32(8)
    return weights


def inputs_of(sample: SampleSpec, count: int, seed: int = 0) -> np.ndarray:
    """Random inputs, (count, *shape), within -2 and 2 or whole."""
    draw = stream(seed, "inputs")
    if sample.kind == "tokens":
        return draw.integers(0, sample.vocabulary, (count, *sample.shape))
    found: np.ndarray = np.clip(draw.standard_normal((count, *sample.shape)), -2, 2).astype(np.float32)
    return found
