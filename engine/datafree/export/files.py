"""The files in which a model leaves the platform, made from the declared network and its weights."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from engine.datafree.rounding.quantized import Quantized
from engine.models.graph import Graph
from engine.models.model_file import ModelCard, pack

Format = Literal["safetensors", "onnx", "torch_export"]
"""Formats of a model of floats: weights with the network as data, ONNX with normalization folded, torch.export."""

FORMATS: tuple[Format, ...] = get_args(Format)
"""All of them."""

ENDINGS: Mapping[str, str] = {"safetensors": ".safetensors", "onnx": ".onnx", "torch_export": ".pt2"}
"""What the names of the files end in."""


@dataclass(frozen=True)
class Exported:
    """A model as a file.

    Attributes:
        name: name of the file.
        format: what it is: a :data:`Format`.
        precision: ``fp32``, ``int8`` or ``int4``: how weights are stored.
        content: its bytes.
    """

    name: str
    format: Format
    precision: str
    content: bytes


def export(
    name: str,
    weights: Mapping[str, np.ndarray],
    card: ModelCard,
    formats: Sequence[Format] = FORMATS,
    notes: Mapping[str, str] | None = None,
) -> list[Exported]:
    """A model of floats in each of the formats.

    Args:
        name: name of the files without ending, such as ``student``.
        weights: its weights and buffers by name.
        card: the network and where it comes from.
        formats: the formats.
        notes: what an ONNX file says about itself.
    """
    return [Exported(f"{name}{ENDINGS[each]}", each, "fp32", _content(each, weights, card, notes)) for each in formats]


def export_quantized(name: str, quantized: Quantized, notes: Mapping[str, str] | None = None) -> Exported:
    """A quantized model as ONNX with quantize and dequantize nodes, named by the most bits that a layer has.

    Args:
        name: name of the file without ending, such as ``student``.
        quantized: the model.
        notes: what the file says about itself.
    """
    from engine.datafree.export.onnx_file import quantized_file

    bits = max(weight.bits for weight in quantized.integers.values())
    return Exported(f"{name}.int{bits}.onnx", "onnx", f"int{bits}", quantized_file(quantized, notes))


def _content(
    format_: Format, weights: Mapping[str, np.ndarray], card: ModelCard, notes: Mapping[str, str] | None
) -> bytes:
    if format_ == "safetensors":
        return pack(weights, card)
    if format_ == "onnx":
        from engine.datafree.export.onnx_file import float_file

        return float_file(card.graph, weights, notes)
    return _traced(card.graph, weights)


def _traced(graph: Graph, weights: Mapping[str, np.ndarray]) -> bytes:
    """The file of torch.export, for any number of samples."""
    import torch

    from engine.datafree.rounding.quantized_module import built

    kind = torch.int64 if graph.sample.kind == "tokens" else torch.float32
    example = torch.zeros((2, *graph.sample.shape), dtype=kind)
    program = torch.export.export(
        built(graph, weights), (example,), dynamic_shapes=({0: torch.export.Dim("batch", min=1)},)
    )
    file = io.BytesIO()
    torch.export.save(program, file)
    return file.getvalue()
