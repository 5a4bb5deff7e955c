"""Who pays what: seconds and joules of each device by phase, and what crossed each link.

A device is in the account of a round from the start of its first item to the end of its last. Every second of it belongs to
one phase: computing, a transfer (waiting in line included), joining the network (``connect``), or ``idle``. While it computes it
draws its active power, else its idle power; the radio adds sending, receiving, joining, and being connected: in silence
for as long as its tail lasts, and once more after its last message (``tail``, after the round).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.core.figure import Figure
from engine.costs.ledger import CONNECT, IDLE, LINK_QUANTITIES, QUANTITIES, TAIL, Ledger
from engine.costs.trace import COMPUTE, Trace
from engine.costs.transfers import TransferTable
from engine.fleet.fleet import Fleet
from engine.network.network import Network

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass
class Books:
    """Everything that booking needs, gathered while a trace is costed.

    Attributes:
        trace, fleet, network: what is costed, on what.
        phases: names of the ledger's phases: the trace's, then ``connect``, ``idle``, ``tail``.
        devices: (n,) devices that took part, ascending.
        rank: (N,) place of each device of the fleet among them.
        pairs: (K,) rounds and devices that occur together, as round * n + rank, ascending.
        computations: (C,) item ids; ``compute_recalled_s`` (C,) the part of their time that rests on recalled rates.
        messages: (M,) item ids, with the ``pattern`` of their route and their ``kind`` in the table.
    """

    trace: Trace
    fleet: Fleet
    network: Network
    phases: tuple[str, ...]
    devices: Ints
    rank: Ints
    pairs: Ints
    computations: Ints
    compute_recalled_s: Floats
    messages: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    pattern: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, dtype=np.int32))
    kind: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, dtype=np.int32))
    table: TransferTable | None = None

    @classmethod
    def of(cls, trace: Trace, fleet: Fleet, network: Network) -> "Books":
        """Empty books for a trace."""
        is_there = np.zeros(fleet.num_devices, dtype=np.bool_)
        ends = [trace[name][trace[name] >= 0] for name in ("source", "target")]
        ends = [trace[name][(trace[name] >= 0) & (trace["kind"] < 2)] for name in ("source", "target")]
        for nodes in ends:
            is_there[nodes] = True
        devices = np.flatnonzero(is_there)
        rank = np.cumsum(is_there) - 1
        computations = np.flatnonzero(trace["kind"] == COMPUTE)
        return cls(
            trace=trace,
            fleet=fleet,
            network=network,
            phases=tuple(dict.fromkeys((*trace.phases, CONNECT, IDLE, TAIL))),
            devices=devices,
            rank=rank,
            pairs=_pairs(trace, rank, len(devices)),
            computations=computations,
            compute_recalled_s=np.zeros(len(computations)),
        )
