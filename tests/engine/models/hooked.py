"""What a built torch module really does, observed from outside: the other side of every declared number."""

import weakref
from collections import defaultdict
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from engine.core.sample import SampleSpec
from engine.core.streams import stream
from engine.models.build import GraphModule, build, initial
from engine.models.graph import Graph
from engine.models.layer import Shape

WORK = {"conv": "conv", "depthwise": "conv", "linear": "linear", "recurrent": "recurrent"}


def module_with_weights(graph: Graph, seed: int = 0) -> GraphModule:
    """The built module with the declared initial weights; fails unless names and shapes agree."""
    module = build(graph)
    module.load_state_dict({name: torch.from_numpy(value) for name, value in initial(graph, seed).items()}, strict=True)
    return module


def batch_of(sample: SampleSpec, size: int, seed: int = 0) -> Tensor:
    """Random inputs, (size, *shape)."""
    generator = stream(seed, "test inputs")
    if sample.kind == "tokens":
        return torch.from_numpy(generator.integers(0, sample.vocabulary, (size, *sample.shape)))
    return torch.from_numpy(generator.standard_normal((size, *sample.shape)).astype(np.float32))


def output_shapes(module: GraphModule, x: Tensor) -> dict[str, Shape]:
    """Shape of every node's output for one sample."""
    shapes: dict[str, Shape] = {}

    def record(name: str) -> Any:
        def hook(_: nn.Module, __: tuple[Tensor, ...], output: Tensor) -> None:
            shapes[name] = tuple(output.shape[1:])

        return hook

    handles = [child.register_forward_hook(record(name)) for name, child in module.named_children()]
    module(x)
    for handle in handles:
        handle.remove()
    return shapes


def macs_by_node(module: GraphModule, x: Tensor) -> dict[str, int]:
    """Multiply-accumulate operations per sample of every node, by torch's own counter."""
    counter = FlopCounterMode(display=False)
    with counter:
        module(x)
    found: dict[str, int] = defaultdict(int)
    for place, counts in counter.get_flop_counts().items():
        parts = place.split(".")
        if len(parts) == 2:
            found[parts[1]] = sum(counts.values()) // (2 * len(x))
    return found


def peak_bytes(module: GraphModule, x: Tensor) -> int:
    """Most bytes of node outputs that were alive at once, each storage once, the input until its last reader."""
    graph = module.graph
    alive: dict[int, tuple[int, int]] = {}
    peak = 0
    last_reader = graph.last_use["input"]
    places = {node.name: place for place, node in enumerate(graph.nodes)}
    readers_of_input = {"input"}
    for node in graph.nodes:
        if type(node.layer).__name__ in {"Flatten", "Dropout"} and node.inputs[0] in readers_of_input:
            readers_of_input.add(node.name)
            last_reader = max(last_reader, graph.last_use[node.name])
    source = x.untyped_storage().data_ptr()

    def release(pointer: int) -> None:
        size, count = alive[pointer]
        if count == 1:
            del alive[pointer]
        else:
            alive[pointer] = (size, count - 1)

    def record(name: str) -> Any:
        def hook(_: nn.Module, __: tuple[Tensor, ...], output: Tensor) -> None:
            nonlocal peak
            storage = output.untyped_storage()
            if storage.data_ptr() != source:
                size, count = alive.get(storage.data_ptr(), (output.numel() * output.element_size(), 0))
                alive[storage.data_ptr()] = (size, count + 1)
                weakref.finalize(output, release, storage.data_ptr())
            held = x.numel() * x.element_size() if places[name] <= last_reader else 0
            peak = max(peak, held + sum(size for size, _ in alive.values()))

        return hook

    handles = [child.register_forward_hook(record(name)) for name, child in module.named_children()]
    module.eval()
    with torch.no_grad():
        module(x)
    for handle in handles:
        handle.remove()
    return peak


def saved_bytes_per_sample(module: GraphModule, sample: SampleSpec) -> int:
    """Bytes that autograd keeps per sample: the difference of two batch sizes, so that weights cancel."""
    few, many = (_saved_bytes(module, batch_of(sample, size)) for size in (2, 5))
    return (many - few) // 3


def _saved_bytes(module: GraphModule, x: Tensor) -> int:
    weights = {tensor.untyped_storage().data_ptr() for tensor in module.state_dict().values()}
    storages: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            storages[storage.data_ptr()] = storage.nbytes()
        return tensor

    module.train()
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        module(x)
    return sum(storages.values())
