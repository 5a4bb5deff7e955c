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
from engine.costs.trace import TraceBuilder
from engine.inference.pieces import Pieces
from engine.network.network import Network

Floats = NDArray[np.float64]

KNOTS = 8
"""Payload sizes at which the cost model is asked for the time of a message between two nodes; with no more different
messages than that, each has its own price."""

MOST_NODES = 64
"""Devices that a plan may choose from: prices are kept for each pair of them."""


@dataclass(frozen=True)
class Prices:
    """Seconds, joules and bytes of P pieces and M messages on N nodes.

    Attributes:
        nodes: (N,) numbers of the devices.
        compute_s: (P, N) seconds of one inference after a pause; infinite where a device cannot do the work.
        compute_j: (P, N) joules of it.
        message_s: (M, N, N) seconds from the start of sending at the first node to the arrival at the second; 0 within
            a node.
        occupied_s: (M, N, N) seconds for which it keeps the way between them busy: all but what the smallest message
            takes as well (propagation and turnaround).
        sender_j: (M, N, N) joules of the sending node.
        receiver_j: (M, N, N) joules of the receiving node.
        memory_bytes: (N,) memory that a task can use.
        battery_j: (N,) energy in each node's battery; infinite on mains.
    """

    nodes: tuple[int, ...]
    compute_s: Floats
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
        compute_s = compute_seconds(cost_model, pieces, chosen)
        sizes = np.array([message.num_bytes for message in pieces.messages], dtype=np.float64)
        links = Links.of(cost_model, chosen, sizes)
        seconds, joules = links.seconds_of(sizes), links.joules_of(sizes)
        cells = fleet.batteries
        return cls(
            nodes=chosen,
            compute_s=compute_s,
            compute_j=np.where(np.isfinite(compute_s), compute_s, 0.0) * fleet.active_power_w[groups],
            message_s=seconds,
            occupied_s=np.maximum(0.0, seconds - links.least_s),
            sender_j=joules * links.sender_share,
            receiver_j=joules * (1 - links.sender_share),
            memory_bytes=fleet.ram_bytes[groups],
            battery_j=np.full(len(chosen), np.inf) if cells is None else cells.initial_j[list(chosen)],
        )


def compute_seconds(cost_model: CostModel, pieces: Pieces, nodes: Sequence[int]) -> Floats:
    """(P, N) seconds of each piece on each node; infinite where its device has no speed for the work."""
    fleet = cost_model.fleet
    found = np.full((len(pieces.pieces), len(nodes)), np.inf)
    for column, node in enumerate(nodes):
        kind = fleet.device(node)
        able = [
            row
            for row, piece in enumerate(pieces.pieces)
            if all(kind.rate(op) is not None for op, count in piece.work.macs.items() if count)
        ]
        builder = TraceBuilder()
        for row in able:
            builder.compute(node, pieces.pieces[row].work, 1, mode="infer")
        found[able, column] = durations(builder.build(), fleet)[0]
    return found


@dataclass(frozen=True)
class Links:
    """Seconds and joules of messages between N nodes, asked of the cost model at K sizes.

    Attributes:
        sizes: (K,) payloads, ascending.
        seconds: (K, N, N) time from the start of sending to arrival.
        joules: (K, N, N) energy of both ends and of devices in between.
        least_s: (N, N) seconds of a message of one byte.
        sender_share: (N, N) the sender's part of the energy.
    """

    sizes: Floats
    seconds: Floats
    joules: Floats
    least_s: Floats
    sender_share: Floats

    @classmethod
    def of(cls, cost_model: CostModel, nodes: Sequence[int], wanted: Floats) -> "Links":
        """Prices between nodes at the sizes that are wanted, or at so many that lie among them."""
        different = np.unique(wanted) if len(wanted) else np.ones(1)
        if len(different) > KNOTS:
            different = different[np.unique(np.linspace(0, len(different) - 1, KNOTS).round().astype(int))]
        sizes = np.concatenate([[1.0], different[different > 1]])
        builder = TraceBuilder()
        pairs = [(a, b) for a in range(len(nodes)) for b in range(len(nodes)) if a != b]
        items: list[list[int]] = []
        for size in sizes.astype(int).tolist():
            for a, b in pairs:
                builder.next_round()  # a round of its own: no message waits for another
                items.append(send(builder, cost_model.network, (nodes[a], nodes[b]), size))
        shape = (len(sizes), len(nodes), len(nodes))
        seconds, joules, share = np.zeros(shape), np.zeros(shape), np.full(shape[1:], 0.5)
        if pairs:
            cost = cost_model.cost(builder.build())
            at = np.array(pairs).T
            first, last = np.array([hops[0] for hops in items]), np.array([hops[-1] for hops in items])
            seconds[:, at[0], at[1]] = (cost.end_s[last] - cost.start_s[first]).reshape(len(sizes), -1)
            energy = np.array([cost.item_energy_j[hops].sum() for hops in items])
            joules[:, at[0], at[1]] = energy.reshape(len(sizes), -1)
            share = _sender_shares(cost_model, nodes, int(sizes[-1]))
        return cls(sizes, seconds, joules, seconds[0], share)

    def seconds_of(self, num_bytes: Floats) -> Floats:
        """(M, N, N) seconds of messages of these sizes: affine between the sizes that were asked."""
        return self._between(self.seconds, num_bytes)

    def joules_of(self, num_bytes: Floats) -> Floats:
        """(M, N, N) joules, likewise."""
        return self._between(self.joules, num_bytes)

    def _between(self, known: Floats, num_bytes: Floats) -> Floats:
        if len(self.sizes) == 1:
            return np.repeat(known, len(num_bytes), axis=0)
        upper = np.clip(np.searchsorted(self.sizes, num_bytes), 1, len(self.sizes) - 1)
        low, high = self.sizes[upper - 1], self.sizes[upper]
        share = ((num_bytes - low) / (high - low))[:, None, None]
        found: Floats = known[upper - 1] * (1 - share) + known[upper] * share
        return found


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

    Connections stay open between inferences, so none is opened.

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
        found = builder.send(source, target, num_bytes, new_connection=False, after=cause, phase=phase)
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


def _sender_shares(cost_model: CostModel, nodes: Sequence[int], num_bytes: int) -> Floats:
    """(N, N) the sender's part of the energy of a message, as the ledger books it; one phase per target."""
    shares = np.full((len(nodes), len(nodes)), 0.5)
    for a, source in enumerate(nodes):
        builder = TraceBuilder()
        for target in nodes:
            if target != source:
                builder.next_round()
                send(builder, cost_model.network, (source, target), num_bytes, phase=f"to {target}")
        ledger = cost_model.cost(builder.build()).ledger
        row = {device: place for place, device in enumerate(ledger.devices.tolist())}
        for b, target in enumerate(nodes):
            if target != source:
                column = ledger.values["energy_j"][:, ledger.phases.index(f"to {target}")]
                spent = float(column[row[source]]), float(column[row[target]])
                shares[a, b] = spent[0] / sum(spent) if sum(spent) > 0 else 0.5
    return shares
