"""What pieces and messages cost on each node, asked of the cost model once, so that planners compare plans by sums."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import EngineError
from engine.core.nodes import SERVER
from engine.costs.compute import durations
from engine.costs.model import CostModel
from engine.costs.trace import Trace, TraceBuilder
from engine.fleet.device import Device
from engine.inference.cuts.pieces import Piece, Pieces
from engine.network.network import Network

Floats = NDArray[np.float64]

KNOTS = 8
"""Payload sizes at which the cost model is asked for the time of a message between two nodes; with no more different
messages than that, each has its own price."""

MOST_NODES = 64
"""Devices that a plan may choose from: prices are kept for each pair of them."""


@dataclass(frozen=True)
class Prices:
    """Seconds, joules and bytes of P pieces and M messages on N nodes; means over inferences where some exit early.

    Attributes:
        nodes: (N,) numbers of the devices.
        compute_s: (P, N) seconds of one inference after a pause; infinite where a device cannot do the work.
        stream_s: (P, N) seconds of one inference among others, with warm caches.
        compute_j: (P, N) joules of an inference after a pause.
        message_s: (M, N, N) seconds from the start of sending at the first node to the arrival at the second; 0 within
            a node.
        occupied_s: (M, N, N) seconds for which it keeps the way between them busy: all but what the smallest message
            takes as well (propagation and turnaround).
        sender_j: (M, N, N) joules of the sending node.
        receiver_j: (M, N, N) joules of the receiving node, and of devices in between that pass the message on.
        memory_bytes: (N,) memory that a task can use.
        battery_j: (N,) energy in each node's battery; infinite on mains.
    """

    nodes: tuple[int, ...]
    compute_s: Floats
    stream_s: Floats
    compute_j: Floats
    message_s: Floats
    occupied_s: Floats
    sender_j: Floats
    receiver_j: Floats
    memory_bytes: Floats
    battery_j: Floats

    @property
    def num_nodes(self) -> int:
        """Number of nodes."""
        return len(self.nodes)

    @classmethod
    def of(cls, cost_model: CostModel, pieces: Pieces, nodes: Sequence[int] | None = None) -> "Prices":
        """The prices of pieces on some devices, over links as they are before they change.

        Args:
            cost_model: of the fleet and network.
            pieces: what is to be placed.
            nodes: numbers of the devices; all of the fleet if left out.

        Raises:
            EngineError: there are too many nodes, or one that is not in the fleet.
        """
        if cost_model.network.schedules is not None:
            still = replace(cost_model.network, schedules=None)
            cost_model = CostModel(cost_model.fleet, still, method=cost_model.method, seed=cost_model.seed)
        fleet = cost_model.fleet
        chosen = tuple(range(fleet.num_devices)) if nodes is None else tuple(nodes)
        if len(chosen) > MOST_NODES:
            raise EngineError(f"a plan chooses from at most {MOST_NODES} devices, here are {len(chosen)}")
        groups = fleet.group_of[list(chosen)]
        compute_s, twice_s = (compute_seconds(cost_model, pieces, chosen, count) for count in (1, 2))
        sizes = np.array([message.num_bytes for message in pieces.messages], dtype=np.float64)
        links = Links.of(cost_model, chosen, sizes)
        seconds = links.between(links.seconds, sizes)
        cells = fleet.batteries
        whole = cls(
            nodes=chosen,
            compute_s=compute_s,
            stream_s=np.where(
                np.isfinite(compute_s), twice_s - np.where(np.isfinite(compute_s), compute_s, 0.0), np.inf
            ),
            compute_j=np.where(np.isfinite(compute_s), compute_s, 0.0) * fleet.active_power_w[groups],
            message_s=seconds,
            occupied_s=np.maximum(0.0, seconds - links.seconds[0]),
            sender_j=links.between(links.sender_j, sizes),
            receiver_j=links.between(links.receiver_j, sizes),
            memory_bytes=fleet.ram_bytes[groups],
            battery_j=np.full(len(chosen), np.inf) if cells is None else cells.initial_j[list(chosen)],
        )
        return whole.times(pieces.piece_shares, pieces.message_shares) if pieces.exit_rates else whole

    def times(self, piece_shares: Sequence[float], message_shares: Sequence[float]) -> "Prices":
        """The mean over inferences some of which need neither all pieces nor all messages.

        Args:
            piece_shares: (P,) share of the inferences that need each piece, above 0.
            message_shares: (M,) share of the inferences that need each message, above 0.
        """
        pieces, messages = np.array(piece_shares)[:, None], np.array(message_shares)[:, None, None]
        return replace(
            self,
            **{name: getattr(self, name) * pieces for name in ("compute_s", "stream_s", "compute_j")},
            **{name: getattr(self, name) * messages for name in ("message_s", "occupied_s", "sender_j", "receiver_j")},
        )


def can_compute(kind: Device, piece: Piece) -> bool:
    """Whether a device has a speed for all work of a piece."""
    return all(kind.rate(operator) is not None for operator, count in piece.work.macs.items() if count)


def compute_seconds(cost_model: CostModel, pieces: Pieces, nodes: Sequence[int], count: int = 1) -> Floats:
    """(P, N) seconds of each piece on each node; infinite where its device has no speed for the work.

    Args:
        cost_model: of the fleet.
        pieces: what is computed.
        nodes: numbers of the devices.
        count: inferences, one after the other after a pause.
    """
    fleet = cost_model.fleet
    found = np.full((len(pieces.pieces), len(nodes)), np.inf)
    for column, node in enumerate(nodes):
        kind = fleet.device(node)
        able = [row for row, piece in enumerate(pieces.pieces) if can_compute(kind, piece)]
        builder = TraceBuilder()
        for row in able:
            builder.compute(node, pieces.pieces[row].work, count, mode="infer")
        found[able, column] = durations(builder.build(), fleet)[0]
    return found


@dataclass(frozen=True)
class Links:
    """Seconds and joules of messages between N nodes, asked of the cost model at K sizes.

    Attributes:
        sizes: (K,) payloads, ascending; the first one is a byte.
        seconds: (K, N, N) time from the start of sending to arrival.
        sender_j: (K, N, N) energy of the sending node.
        receiver_j: (K, N, N) energy of the receiving node, and of devices in between that pass the message on.
    """

    sizes: Floats
    seconds: Floats
    sender_j: Floats
    receiver_j: Floats

    @classmethod
    def of(cls, cost_model: CostModel, nodes: Sequence[int], wanted: Floats) -> "Links":
        """Prices between nodes at the sizes that are wanted, or at so many that lie among them."""
        different = np.unique(wanted)
        if len(different) > KNOTS:
            different = different[np.unique(np.linspace(0, len(different) - 1, KNOTS).round().astype(int))]
        sizes = np.concatenate([[1.0], different[different > 1]])
        trace, hops = _all_pairs(cost_model, nodes)
        tables = []
        for size in sizes.astype(int).tolist():
            columns = {**trace.columns, "size": np.full(trace.num_items, size, dtype=np.int64)}
            tables.append(_asked(cost_model, replace(trace, columns=columns), nodes, hops))
        return cls(sizes, *(np.stack(column) for column in zip(*tables, strict=True)))

    def between(self, known: Floats, num_bytes: Floats) -> Floats:
        """(M, N, N) one of the tables for messages of these sizes: affine between the sizes that were asked.

        Args:
            known: (K, N, N) the table.
            num_bytes: (M,) sizes.
        """
        if len(self.sizes) == 1:
            return np.repeat(known, len(num_bytes), axis=0)
        upper = np.clip(np.searchsorted(self.sizes, num_bytes), 1, len(self.sizes) - 1)
        low, high = self.sizes[upper - 1], self.sizes[upper]
        share = ((num_bytes - low) / (high - low))[:, None, None]
        found: Floats = known[upper - 1] * (1 - share) + known[upper] * share
        return found


Hops = dict[tuple[int, int], list[int]]
"""The items of the message between each two nodes, by their places."""


def _all_pairs(cost_model: CostModel, nodes: Sequence[int]) -> tuple[Trace, Hops]:
    """A message from each node to each other one, in a round of its own so that none waits for another.

    Its phase names the target: what the ledger books there for another node is what that one spent on sending.
    """
    builder, hops = TraceBuilder(), Hops()
    for a, source in enumerate(nodes):
        for b, target in enumerate(nodes):
            if a != b:
                builder.next_round()
                hops[a, b] = send(builder, cost_model.network, (source, target), 1, phase=f"to {target}")
    return builder.build(), hops


def _asked(cost_model: CostModel, trace: Trace, nodes: Sequence[int], hops: Hops) -> tuple[Floats, Floats, Floats]:
    """(N, N) seconds, joules of the sender, and joules of receiver and devices in between, of all pairs' messages."""
    seconds, sender, both = (np.zeros((len(nodes), len(nodes))) for _ in range(3))
    if not hops:
        return seconds, sender, both
    cost = cost_model.cost(trace)
    row = {device: place for place, device in enumerate(cost.ledger.devices.tolist())}
    spent = cost.ledger.values["energy_j"]
    for (a, b), items in hops.items():
        seconds[a, b] = cost.end_s[items[-1]] - cost.start_s[items[0]]
        sender[a, b] = spent[row[nodes[a]], cost.ledger.phases.index(f"to {nodes[b]}")]
        both[a, b] = cost.item_energy_j[items].sum()
    return seconds, sender, np.maximum(0.0, both - sender)


def send(
    builder: TraceBuilder,
    network: Network,
    ends: tuple[int, int],
    num_bytes: int,
    *,
    after: int | None = None,
    phase: str = "message",
) -> list[int]:
    """Adds a message between two devices to a trace; where they reach each other through the server only, that passes
    it on.

    Connections stay open between inferences: none is opened, and their windows stay open too.

    Args:
        builder: of the trace.
        network: over which it goes.
        ends: numbers of the devices.
        num_bytes: payload.
        after: item that must end before.
        phase: under which the ledger books it.

    Returns:
        Its items, one after the other.
    """
    way = [ends[0], ends[1]] if is_direct(network, *ends) else [ends[0], SERVER, ends[1]]
    items: list[int] = []
    for source, target in pairwise(way):
        cause = items[-1] if items else after
        found = builder.send(source, target, num_bytes, new_connection=False, kept=True, after=cause, phase=phase)
        items.append(int(found[0]))
    return items


def is_direct(network: Network, source: int, target: int) -> bool:
    """Whether a network takes messages between two devices; stars and hierarchies do so with the server only."""
    if network.relays is not None:
        return True  # devices pass messages on, over as many hops as it takes
    try:
        network.routes(np.array([source], dtype=np.int32), np.array([target], dtype=np.int32))
    except EngineError:
        return False
    return True
