"""What the process of a device computes: pieces of the network, with no weights but theirs."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.inference.cuts.parts import AXES, Part, input_part
from engine.inference.cuts.pieces import SINK, SOURCE, Message, Pieces
from engine.inference.live.packing import pack, unpack
from engine.inference.live.script import pieces_from_json, pieces_to_json
from engine.models.graph import INPUT, Graph
from engine.models.graph_json import from_json, to_json

if TYPE_CHECKING:
    from engine.inference.cuts.execution import Held

GRAPH, WEIGHTS, INPUTS = "network.json", "weights.safetensors", "inputs.npy"
"""Files from which processes read what they need."""


@dataclass
class Box:
    """What a device has of one request.

    Attributes:
        held: parts with their values, by the name of the piece that made them, or ``source``.
        done: names of those that were made here, or are missing.
        come: name of the maker, and part, of what messages brought.
        following: number of this device's next piece, among its own.
    """

    held: "dict[str, Held]" = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    come: set[tuple[str, Part]] = field(default_factory=set)
    following: int = 0

    def has(self, message: Message) -> bool:
        """Whether what a message carries is there."""
        return message.source in self.done or (message.source, message.part) in self.come


def write_files(
    folder: Path, network: tuple[Graph, Pieces], weights: dict[str, np.ndarray], inputs: np.ndarray
) -> None:
    """Write what processes read.

    Args:
        folder: where.
        network: and its pieces.
        weights: of the network.
        inputs: (N, *sample.shape) what requests ask about.
    """
    from safetensors.numpy import save_file

    graph, pieces = network
    tree = {"graph": to_json(graph), **pieces_to_json(pieces)}
    (folder / GRAPH).write_text(json.dumps(tree), encoding="utf-8")
    save_file({name: np.ascontiguousarray(value) for name, value in weights.items()}, folder / WEIGHTS)
    np.save(folder / INPUTS, inputs)


class Computer:
    """Computes pieces.

    Args:
        folder: with the files of :func:`write_files`.
    """

    def __init__(self, folder: Path) -> None:
        tree = json.loads((folder / GRAPH).read_text(encoding="utf-8"))
        self.graph: Graph = from_json(tree["graph"])
        self.pieces = pieces_from_json(tree)
        # What stays here is not rounded, and what came was: values are read as they are.
        messages = tuple(replace(message, bits=32) for message in self.pieces.messages)
        self._read = replace(self.pieces, messages=messages)
        self._weights = folder / WEIGHTS
        self._inputs: Any = np.load(folder / INPUTS, mmap_mode="r")
        self._module: Any = None

    def learn(self, numbers: Iterable[int]) -> None:
        """Load the weights of some pieces. All others are no numbers, so that none is used by mistake."""
        import torch
        from safetensors import safe_open

        from engine.models.build import build

        mine = {part.tensor for number in numbers for part in self.pieces.pieces[number].parts}
        self._module = build(self.graph).eval().requires_grad_(False)
        with torch.no_grad(), safe_open(self._weights, framework="numpy") as there:
            for name, value in self._module.state_dict(keep_vars=True).items():
                if name.rsplit(".", 1)[0] in mine:
                    value.copy_(torch.from_numpy(there.get_tensor(name)))
                elif value.is_floating_point():
                    value.fill_(float("nan"))

    def begin(self, box: Box, sample: int) -> None:
        """Put an input into a box."""
        import torch

        box.held[SOURCE] = [(input_part(), torch.from_numpy(np.array(self._inputs[sample : sample + 1])))]
        box.done.add(SOURCE)

    def miss(self, box: Box, numbers: Sequence[int]) -> None:
        """Put zeros into a box where pieces are missing."""
        import torch

        for number in numbers:
            name = self.pieces.pieces[number].name
            sent = [message.part for message in self.pieces.messages if message.source == name]
            box.held[name] = [(part, torch.zeros(self._shape(part))) for part in sent]
            box.done.add(name)

    def compute(self, number: int, box: Box) -> "Held":
        """What a piece makes of what there is."""
        import torch

        from engine.inference.cuts.execution import received, run_piece

        piece = self.pieces.pieces[number]
        with torch.inference_mode():
            return run_piece(self._module, piece, received(self._read, self.graph, piece.name, box.held))

    def answer(self, box: Box) -> np.ndarray:
        """(K,) or (T, K) logits."""
        from engine.inference.cuts.execution import assembled, received

        held = received(self._read, self.graph, SINK, box.held)
        found: np.ndarray = assembled(self.graph, Part(self.graph.output), held)[0].numpy()
        return found

    def said(self, number: int, box: Box) -> np.ndarray:
        """(K,) logits of a piece's exit, or of the last piece of a chain."""
        from engine.inference.cuts.execution import assembled

        name = self.pieces.pieces[number].name
        (part,) = (message.part for message in self.pieces.messages if (message.source, message.target) == (name, SINK))
        found: np.ndarray = assembled(self.graph, part, box.held[name])[0].numpy()
        return found

    def encode(self, message: Message, box: Box) -> bytes:
        """The body of a message."""
        from engine.inference.cuts.execution import assembled

        value = assembled(self.graph, message.part, box.held[message.source])
        return pack(value.numpy(), message.bits)

    def take(self, message: Message, body: bytes, box: Box) -> None:
        """Put what a message brought into a box."""
        import torch

        kind = self._inputs.dtype if message.part.tensor == INPUT else np.dtype(np.float32)
        value = torch.from_numpy(unpack(body, self._shape(message.part), message.bits, kind))
        box.held.setdefault(message.source, []).append((message.part, value))
        box.come.add((message.source, message.part))

    def _shape(self, part: Part) -> tuple[int, ...]:
        shape = list(self.graph.sample.shape if part.tensor == INPUT else self.graph.shapes()[part.tensor])
        if part.axis != "whole":
            shape[AXES[part.axis]] = part.stop - part.start
        return (1, *shape)
