"""The one cost function: (trace, fleet, network) to seconds, joules and bytes."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import EngineError
from engine.costs.accounts import Accounts, last_devices
from engine.costs.books import close_books
from engine.costs.clock import Floats, schedule
from engine.costs.compute import durations
from engine.costs.energy import Messages, Meter, windows
from engine.costs.ledger import Ledger
from engine.costs.legs import Legs
from engine.costs.relaying import relayed
from engine.costs.trace import SEND, Trace
from engine.costs.transfers import Kinds, transfer_table
from engine.fleet.fleet import Fleet
from engine.network.network import Network

MOST_CHANNELS = 10_000_000
"""Beyond so many channels of all rounds, those in use are numbered anew: columns over channels must fit into memory."""


@dataclass(frozen=True)
class Straggler:
    """The device that a round waited for.

    Attributes:
        device: its number.
        seconds: from the start of the round to the end of the device's last item.
    """

    device: int
    seconds: float


@dataclass(frozen=True)
class Cost:
    """What a trace costs.

    Attributes:
        start_s: (I,) start of each item, in simulated seconds; of a repeated round, its first time.
        end_s: (I,) end of each item.
        end_s_total: end of the last round, repetitions counted.
        round_s: (R,) length of each written round.
        item_energy_j: (I,) joules of the devices for each item, without waiting.
        stragglers: (R,) the last device of each round; None where no device took part.
        ledger: by device, link and phase.
    """

    start_s: Floats
    end_s: Floats
    end_s_total: float
    round_s: Floats
    item_energy_j: Floats
    stragglers: tuple[Straggler | None, ...]
    ledger: Ledger

    @property
    def straggler(self) -> Straggler | None:
        """The last device of the last round."""
        return self.stragglers[-1] if self.stragglers else None


class CostModel:
    """Costs traces on one fleet and network. It keeps no state: rounds may be costed one by one or all together.

    Args:
        fleet: the devices.
        network: how they are connected; made for this fleet.

    Raises:
        EngineError: the network was made for other groups.
    """

    def __init__(self, fleet: Fleet, network: Network) -> None:
        if dict(network.counts) != fleet.group_counts():
            raise EngineError(f"the network connects {dict(network.counts)}, the fleet has {fleet.group_counts()}")
        self.fleet = fleet
        self.network = network

    def cost(self, trace: Trace, start_s: float = 0.0) -> Cost:
        """What the trace costs.

        Args:
            trace: what was computed and sent.
            start_s: simulated time at which the first round starts.

        Raises:
            EngineError: a device is not in the fleet, cannot do the work, or two nodes are not connected.
        """
        self._check(trace)
        spread = None if self.network.relays is None else relayed(trace, self.network.relays)
        whole = trace if spread is None else spread.trace
        duration, recalled_s = durations(whole, self.fleet)
        messages, legs = self._messages(whole, None if spread is None else spread.passes)
        start, end = schedule(whole, duration, legs)
        round_s = np.zeros(trace.num_rounds)
        np.maximum.at(round_s, whole["round"], end)
        accounts = Accounts.of(whole, self.fleet.num_devices)
        meter = Meter(whole, self.fleet, self.network, accounts, start, end)
        ledger, item_energy_j, last = close_books(meter, recalled_s, messages, float(np.sum(round_s * trace.repeats)))
        if spread is not None:
            start, end, item_energy_j = spread.starts(start), spread.ends(end), spread.sums(item_energy_j)
            # The round waited for who sent the last message, not for who passed it on.
            accounts = Accounts.of(trace, self.fleet.num_devices)
            last = windows(trace, accounts, start, end)[1]
        begin = start_s + np.concatenate([[0.0], np.cumsum(round_s * trace.repeats)])
        offset = begin[trace["round"]]
        return Cost(
            start_s=start + offset,
            end_s=end + offset,
            end_s_total=float(begin[-1]),
            round_s=round_s,
            item_energy_j=item_energy_j,
            stragglers=tuple(
                None if found is None else Straggler(*found) for found in last_devices(accounts, last, trace.num_rounds)
            ),
            ledger=ledger,
        )

    def _check(self, trace: Trace) -> None:
        """Every device must be in the fleet; routes check the other nodes."""
        highest = max((int(trace[name].max()) for name in ("source", "target") if trace.num_items), default=-1)
        if highest >= self.fleet.num_devices:
            raise EngineError(
                f"the trace has device {highest}, the fleet only devices 0 to {self.fleet.num_devices - 1}"
            )

    def _messages(self, trace: Trace, passes: Mapping[str, NDArray[np.bool_]] | None) -> tuple[Messages, Legs]:
        """The messages with their prices, and the segments that they cross; ``passes`` is by item."""
        items = np.flatnonzero(trace["kind"] == SEND)
        routes = self.network.routes(trace["source"][items], trace["target"][items])
        kinds, kind = Kinds.of(routes.pattern, trace["size"][items], trace["connects"][items])
        table = transfer_table(self.network, kinds)
        rounds = trace["round"][items].astype(np.int64)[:, None]
        media = routes.media.astype(np.int64)
        channel: NDArray[np.int64] = np.where(media < 0, -1, media + rounds * self.network.num_media)
        num_channels = trace.num_rounds * self.network.num_media
        if num_channels > MOST_CHANNELS:
            used, place = np.unique(channel, return_inverse=True)
            idle = int(used[0] == -1) if len(used) else 0
            channel, num_channels = place.reshape(channel.shape) - idle, len(used)
        mine = None if passes is None else {end: mask[items] for end, mask in passes.items()}
        return Messages(items, kind, table, mine), Legs(channel, num_channels, kind, table.legs)
