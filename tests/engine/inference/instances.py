"""Random pieces and prices in small numbers, and placers' settings for them."""

from typing import Any

import numpy as np

from engine.costs.work import Work
from engine.inference.cuts.parts import Part
from engine.inference.cuts.pieces import SINK, SOURCE, Message, Piece, Pieces
from engine.inference.placer import Placer, placers
from engine.inference.plans.prices import Prices
from engine.inference.plans.problem import PlacementProblem


def placer_of(kind: str, **settings: Any) -> Placer:
    """A placer with these settings."""
    return placers[kind].model_validate({"kind": kind, **settings})


def piece(name: str, parameter_bytes: int, working_bytes: int = 0) -> Piece:
    """A piece of which only memory matters: its times are in the prices."""
    weights = ((name, parameter_bytes),)
    return Piece(name, Work(), parameter_bytes, parameter_bytes + working_bytes, (), weights)


def chain_of(sizes: list[tuple[int, int]], num_bytes: list[int]) -> Pieces:
    """Pieces p0, p1 ... that read each other; weights and working bytes, and bytes of input, cuts and answer."""
    names = [SOURCE, *(f"p{i}" for i in range(len(sizes))), SINK]
    messages = [
        Message(Part(a), a, b, size) for a, b, size in zip(names[:-1], names[1:], num_bytes, strict=True)
    ]  # fmt: skip
    return Pieces(tuple(piece(f"p{i}", *size) for i, size in enumerate(sizes)), tuple(messages), exact=True)


def random_graph(draw: np.random.Generator, count: int) -> Pieces:
    """A graph of pieces with tensors that several pieces read, and several inputs and ends."""
    messages, read = [], set[int]()
    for target in range(count):
        sources = [source for source in range(max(0, target - 4), target) if draw.random() < 0.45]
        if not sources:
            messages.append(Message(Part(SOURCE), SOURCE, f"p{target}", 900))
        messages += [Message(Part(f"p{s}"), f"p{s}", f"p{target}", 100 * (s + 1)) for s in sources]
        read.update(sources)
    messages += [Message(Part(f"p{s}"), f"p{s}", SINK, 10) for s in range(count) if s not in read]
    pieces = [piece(f"p{i}", int(draw.integers(1, 50)), int(draw.integers(1, 20))) for i in range(count)]
    return Pieces(tuple(pieces), tuple(messages), exact=True)


def random_chain(draw: np.random.Generator, count: int) -> Pieces:
    """A chain of pieces."""
    sizes = [(int(draw.integers(1, 50)), int(draw.integers(1, 20))) for _ in range(count)]
    return chain_of(sizes, draw.integers(1, 1000, count + 1).tolist())


def random_prices(draw: np.random.Generator, pieces: Pieces, count: int, *, memory: float = np.inf) -> Prices:
    """Prices of a fleet whose devices have their strengths and weaknesses; equal tensors cost the same.

    Args:
        draw: of all numbers.
        pieces: what is to be placed.
        count: number of nodes.
        memory: of each node on average, as a share of what all pieces need.
    """
    needed = sum(one.peak_bytes for one in pieces.pieces)
    latency, slope = draw.uniform(0.01, 0.5, (count, count)), draw.uniform(1e-4, 2e-3, (count, count))
    for matrix in (latency, slope):
        np.fill_diagonal(matrix, 0.0)
    sizes = np.array([message.num_bytes for message in pieces.messages])[:, None, None]
    compute = draw.uniform(0.1, 1.0, (len(pieces.pieces), count)) * draw.uniform(0.3, 3.0, count)
    memories = np.full(count, np.inf) if np.isinf(memory) else memory * needed * draw.uniform(0.5, 1.5, count)
    return Prices(
        nodes=tuple(range(count)),
        compute_s=compute,
        stream_s=0.9 * compute,
        compute_j=compute * draw.uniform(1.0, 5.0, count),
        message_s=latency + sizes * slope,
        occupied_s=sizes * slope,
        sender_j=sizes * slope * 2.0,
        receiver_j=sizes * slope * 1.5,
        memory_bytes=memories,
        battery_j=np.full(count, np.inf),
    )


def problem_of(seed: int, size: tuple[int, int], *, memory: float = np.inf, **changes: Any) -> PlacementProblem:
    """A random chain of so many pieces on so many nodes."""
    draw = np.random.Generator(np.random.PCG64(seed))
    pieces = random_chain(draw, size[0])
    return PlacementProblem(pieces, random_prices(draw, pieces, size[1], memory=memory), **changes)
