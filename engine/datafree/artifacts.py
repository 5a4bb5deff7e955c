"""The files that a data-free deployment leaves behind, and how fast this host runs them."""

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.datafree.images.sprites import sheet_of
from engine.datafree.owner import metadata_file
from engine.datafree.owner.stored_metadata import handed_out
from engine.datafree.pieces import BANK, PIECES, piece_of
from engine.datafree.stored_weights import weights_digest
from engine.models.graph_json import from_json
from engine.models.model_file import ModelCard, pack
from engine.task import layout
from engine.task.contract import State, Tensors

if TYPE_CHECKING:
    from engine.datafree.task import Datafree

MOST_IMAGE_BYTES = 64 << 20
"""Bytes of the images that are kept as a file; the first ones of more."""

SHEET_SIDE = 20
"""Pictures along an edge of the sheet of all classes."""


def files_of(task: "Datafree", state: State) -> dict[str, bytes]:
    """Models with their cards, exported files, metadata, and the images as a sheet and as arrays."""
    exported = state.clients.get(PIECES["files"], {})
    return {
        **dict(_models(task, state)),
        **{name: content.tobytes() for name, content in exported.items()},
        **dict(_metadata(task, state)),
        **dict(_images(state)),
    }


def host_latencies(task: "Datafree", state: State) -> dict[str, float]:
    """Median seconds in which this host answers with each file, one sample at a time on one thread.

    It is measured now, so unlike all else it differs from run to run.
    """
    from engine.datafree.export.runner import load
    from engine.datafree.export.verification import latency
    from engine.datafree.stages.exporting import file_of

    sample = np.zeros((1, *task.dataset.sample().shape), dtype=np.float32)
    names: list[str] = layout.value(state, "exports")
    return {f"host_latency_s {name}": latency(load(file_of(state, name)), sample).median_s for name in names}


def _models(task: "Datafree", state: State) -> Iterator[tuple[str, bytes]]:
    rows, graphs = layout.value(state, "contenders"), layout.value(state, "graphs")
    specs: dict[str, Any] = {"teacher": getattr(task.teacher, "model", None), "student": task.student}
    for name in ("teacher", "student", "pruned"):
        if name in rows:
            spec = specs.get(name)
            card = ModelCard(
                from_json(graphs[name]),
                None if spec is None else spec.model_dump(mode="json"),
                task.dataset.model_dump(mode="json"),
                rows[name]["accuracy"],
            )
            yield f"{name}.safetensors", pack(state.clients[piece_of(name)], card)


def _metadata(task: "Datafree", state: State) -> Iterator[tuple[str, bytes]]:
    file = handed_out(task, state, weights_digest(state.clients[PIECES["teacher"]]))
    if file is not None:
        yield "metadata.safetensors", metadata_file.pack(file)


def _images(state: State) -> Iterator[tuple[str, bytes]]:
    """Of the first batches, so that no second copy of a large bank is made."""
    found: list[Tensors] = []
    for number in sorted(number for number in state.clients if number >= BANK):
        if sum(piece["images"].nbytes for piece in found) < MOST_IMAGE_BYTES:
            found.append(state.clients[number])
    if not found:
        return
    images, labels = (np.concatenate([piece[name] for piece in found]) for name in ("images", "labels"))
    count = min(len(images), max(1, MOST_IMAGE_BYTES // images[0].nbytes))
    file = io.BytesIO()
    np.savez(file, images=images[:count], labels=labels[:count])
    yield "images.npz", file.getvalue()
    yield "images.png", sheet_of(images, labels, SHEET_SIDE)
