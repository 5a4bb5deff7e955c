"""An exported file, loaded as its user would load it, on one thread."""

import io
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine.datafree.export.files import Exported
from engine.datafree.rounding.quantized import Quantized
from engine.models.graph import INPUT, Graph

if TYPE_CHECKING:
    from torch.nn import Module

Runner = Callable[[np.ndarray], np.ndarray]
"""Logits of samples, (B, *sample.shape) to (B, K) or (B, T, K) float32."""


def load(exported: Exported) -> Runner:
    """The model in the file, ready to run; nothing but the file's bytes is used."""
    loaders = {"onnx": onnx_runner, "torch_export": _traced_runner, "safetensors": _declared_runner}
    return loaders[exported.format](exported.content)


def onnx_runner(content: bytes) -> Runner:
    """An ONNX file in onnxruntime on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # On x86 without VNNI products of uint8 and int8 saturate in 16 bits unless weights are shifted to uint8.
    options.add_session_config_entry("session.x64quantprecision", "1")
    # Else activations that the file leaves floats are rounded to 8 bits before whole-number weights.
    options.add_session_config_entry("session.qdq_matmulnbits_accuracy_level", "1")
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def run(x: np.ndarray) -> np.ndarray:
        logits: np.ndarray = session.run(None, {INPUT: x})[0]
        return logits

    return run


def _traced_runner(content: bytes) -> Runner:
    import torch

    return _of_module(torch.export.load(io.BytesIO(content)).module())


def _declared_runner(content: bytes) -> Runner:
    from engine.models.model_file import read_model

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        path.write_bytes(content)
        card, weights = read_model(path)
    return declared(card.graph, weights)


def declared(graph: Graph, weights: Mapping[str, np.ndarray]) -> Runner:
    """A declared model in torch, as it is in memory."""
    from engine.datafree.rounding.quantized_module import built

    return _of_module(built(graph, weights))


def rounding(quantized: Quantized) -> Runner:
    """A quantized model in torch, which computes in floats and rounds where the file does."""
    return _of_module(quantized.module())


def _of_module(module: "Module") -> Runner:
    import torch

    from engine.training.arrays import as_tensor

    def run(x: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            logits: np.ndarray = module(as_tensor(np.ascontiguousarray(x))).numpy()
        return logits

    return run
