"""Tensors between pieces in fewer bits: each as whole numbers with its least value and its step."""

from collections import Counter
from dataclasses import replace
from typing import Literal

from engine.inference.cuts.pieces import SINK, SOURCE, Message, Piece, Pieces
from engine.models.layer import FLOAT_BYTES

Bits = Literal[32, 8, 4]
"""Bits of each value of a tensor between two pieces."""

RANGE_BYTES = 2 * FLOAT_BYTES
"""The least value and the step, which travel with each tensor."""


def narrowed(pieces: Pieces, bits: Bits) -> Pieces:
    """The same pieces with messages of fewer bits; inputs and answers travel as they are.

    Rounding a value and restoring it is one element-wise operation each, at the ends of the message. The pieces then
    compute only nearly what the whole network does. Which messages are rounded depends on where pieces are, as what
    stays on a device is not (``PlacementProblem.carried``); the work for it is counted in any case.

    Source: Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference,
    CVPR 2018, equation 1 (scale and zero point, here per tensor and sample).

    Args:
        pieces: with messages of floats.
        bits: of each value.
    """
    if bits == 32:
        return pieces
    added: Counter[str] = Counter()
    messages = []
    for message in pieces.messages:
        if SOURCE in (message.source, message.target) or message.target == SINK:
            messages.append(message)
            continue
        values = message.num_bytes // FLOAT_BYTES
        added[message.source] += values
        added[message.target] += values
        messages.append(_narrow(message, values, bits))
    busier = tuple(_busier(piece, added[piece.name]) for piece in pieces.pieces)
    return replace(pieces, pieces=busier, messages=tuple(messages), exact=False)


def _narrow(message: Message, values: int, bits: Bits) -> Message:
    return replace(message, num_bytes=-(-values * bits // 8) + RANGE_BYTES, bits=bits)


def _busier(piece: Piece, values: int) -> Piece:
    macs = {**piece.work.macs, "other": piece.work.macs.get("other", 0) + values}
    return replace(piece, work=replace(piece.work, macs=macs))
