"""A trained model as one file: its weights as safetensors, and a card in the header that says which network it is.

The card makes a file of weights usable by itself: nothing in it is code, and the network is built from its graph.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.errors import EngineError
from engine.core.json import JsonValue
from engine.models.graph import Graph
from engine.models.graph_json import from_json, to_json

FORMAT, VERSION = "edgeloom-model", "1"
"""What the header of such a file says."""

MOST_HEADER_BYTES = 8 << 20
"""Bytes of a header that is read."""


class MalformedModel(EngineError):
    """A file that should hold a model does not."""

    code = "malformed_model"


@dataclass(frozen=True)
class ModelCard:
    """What a file of weights says about itself.

    Attributes:
        graph: the network; its sample says what goes in and how many classes come out.
        model: the spec of the architecture that it was declared from; None where the graph was changed since.
        dataset: the spec of the data set that it was trained on; None if that is not known.
        accuracy: share of right answers on that set's test split; None if it was not measured.
    """

    graph: Graph
    model: Mapping[str, JsonValue] | None = None
    dataset: Mapping[str, JsonValue] | None = None
    accuracy: float | None = None


def pack(weights: Mapping[str, np.ndarray], card: ModelCard) -> bytes:
    """The file of a model, the same bytes for the same model."""
    from safetensors.numpy import save

    about = {"format": FORMAT, "version": VERSION, "graph": _text(to_json(card.graph))}
    about["sample"] = _text(card.graph.sample.model_dump())
    about |= {name: _text(value) for name in ("model", "dataset") if (value := getattr(card, name)) is not None}
    if card.accuracy is not None:
        about["accuracy"] = repr(card.accuracy)
    arrays = {info.name: np.array(weights[info.name], order="C") for info in card.graph.parameters()}
    return _canonical(save(arrays, metadata=about))


def read_card(path: Path) -> ModelCard | None:
    """The card of a file of weights; reads its header only. None if it is a safetensors file without one.

    Raises:
        MalformedModel: it is no safetensors file, or its card cannot be read.
    """
    about = read_header(path).get("__metadata__", {})
    if about.get("format") != FORMAT:
        return None
    if about.get("version") != VERSION:
        raise MalformedModel(f"the model's card is of version {about.get('version')}; version {VERSION} is read")
    try:
        accuracy = float(about["accuracy"]) if "accuracy" in about else None
        model, dataset = (json.loads(about[name]) if name in about else None for name in ("model", "dataset"))
        return ModelCard(from_json(json.loads(about["graph"])), model, dataset, accuracy)
    except (KeyError, ValueError, RecursionError, EngineError) as error:
        raise MalformedModel(f"the model's card cannot be read: {error}") from error


def read_model(path: Path) -> tuple[ModelCard, dict[str, np.ndarray]]:
    """Card and weights, in the order of the graph's parameters.

    Raises:
        MalformedModel: the file has no card, or its weights are not those of its graph.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    card = read_card(path)
    if card is None:
        raise MalformedModel("the file has no card that says which network its weights belong to")
    try:
        found = load_file(path)
    except SafetensorError as error:
        raise MalformedModel(f"the file is damaged: {error}") from error
    wanted = {info.name: info.shape for info in card.graph.parameters()}
    wrong = [
        name for name in {**wanted, **found}
        if name not in found or found[name].shape != wanted.get(name) or found[name].dtype != np.float32
        or not np.isfinite(found[name]).all()
    ]  # fmt: skip
    if wrong:
        raise MalformedModel(
            f"these weights are missing, too many, of another shape, or not finite: {', '.join(wrong)}"
        )
    return card, {name: found[name] for name in wanted}


def read_header(path: Path) -> dict[str, Any]:
    """The JSON before the tensors of a safetensors file: 8 bytes of length, then so many bytes of text.

    Raises:
        MalformedModel: it is none.
    """
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        if not 2 <= size <= MOST_HEADER_BYTES:
            raise MalformedModel("the file is no safetensors file, or its header is too large")
        content = file.read(size)
    try:
        header = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise MalformedModel("the header of the file is no JSON") from error
    if not isinstance(header, dict) or not isinstance(header.get("__metadata__", {}), dict):
        raise MalformedModel("the header of the file is of another form than that of safetensors")
    return header


def _canonical(content: bytes) -> bytes:
    """The same file with the entries of its metadata sorted: the library writes them in an order of its own."""
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + content[8 + size :]


def _text(tree: Any) -> str:
    return json.dumps(tree, sort_keys=True, separators=(",", ":"))
