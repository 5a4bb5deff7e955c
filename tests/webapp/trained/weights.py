"""Small files of weights, as runs leave them and as people upload them."""

import hashlib
from typing import Any

import numpy as np
from safetensors.numpy import save

from engine.data.datasets.digits import Digits
from engine.datafree.metadata_kinds.class_gaussians import ClassGaussians
from engine.datafree.owner import metadata_file
from engine.datafree.owner.metadata_file import MetadataFile
from engine.datafree.stored_weights import weights_digest
from engine.models.model_file import ModelCard, pack
from engine.models.weights import initial
from engine.models.zoo.mlp import Mlp
from webapp.experiments.files import keep
from webapp.experiments.models import Artifact, Run

MODEL: dict[str, Any] = {"kind": "mlp", "hidden": [4]}
DATASET: dict[str, Any] = {"kind": "digits"}
GRAPH = Mlp(hidden=(4,)).declare(Digits().sample())


def tensors(seed: int = 0) -> dict[str, np.ndarray]:
    """The weights of the small network."""
    return initial(GRAPH, seed)


def bare(seed: int = 0, **changes: np.ndarray | None) -> bytes:
    """A safetensors file as other tools write it, without a card.

    Args:
        seed: of the weights.
        changes: tensors to put in, by name with ``__`` for the dot; None takes one away.
    """
    found = tensors(seed)
    for name, value in changes.items():
        key = name.replace("__", ".")
        if value is None:
            del found[key]
        else:
            found[key] = value
    return save({name: np.ascontiguousarray(value) for name, value in found.items()})


def packed(seed: int = 0, accuracy: float | None = 0.875) -> bytes:
    """The file that a run leaves."""
    return pack(tensors(seed), ModelCard(GRAPH, MODEL, DATASET, accuracy))


def handed_out(seed: int = 0) -> bytes:
    """The metadata that a run leaves beside that model."""
    method = ClassGaussians(layer="features", num_components=1, share=0.5)
    arrays = {name: np.zeros(shape, dtype=kind) for name, (shape, kind) in method.layout(GRAPH).items()}
    arrays |= {"sizes": np.full(10, 140, dtype=np.int32), "labels": np.arange(10, dtype=np.int32)}
    arrays["centers"] = np.full_like(arrays["centers"], 0.5)
    return metadata_file.pack(MetadataFile(method, weights_digest(tensors(seed)), GRAPH.sample, 1438, arrays))


def leave(run: Run, name: str = "teacher.safetensors", content: bytes | None = None) -> Artifact:
    """A file of a run."""
    data = packed() if content is None else content
    sha256 = keep(data)
    return Artifact.objects.create(
        team=run.team, run=run, sha256=sha256, name=name, media_type="application/octet-stream", size_bytes=len(data),
        path=sha256,
    )  # fmt: skip


def hash_of(data: bytes) -> str:
    """SHA-256 of bytes."""
    return hashlib.sha256(data).hexdigest()
