"""The prices of messages: equal ones (same pattern of route, same size) are computed once."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.core.memory import remembered
from engine.costs.ledger import LINK_QUANTITIES
from engine.costs.path import Path
from engine.costs.trace import OPENS
from engine.costs.traffic import Terms, segment_terms
from engine.costs.way import Floats, Ints, Way
from engine.network.network import Network
from engine.network.routes import Hop, Pattern, Segment

LEG_COLUMNS = ("before", "service", "after", "fair")
MESSAGE_COLUMNS = (
    "connect_s",
    "connect_j",
    "tx_air_s",
    "rx_air_s",
    "tx_j",
    "rx_j",
    "fixed_s",
    "recalled_s",
    "tx_recalled_j",
    "rx_recalled_j",
    "connect_recalled_s",
    "connect_recalled_j",
    "queue_recalled",
    "timeout_s",
)

DENSE_KINDS = 4096
"""Up to this many pairs of pattern and size, all are priced, whether they occur or not; sorting them out costs more."""

MOST_KEPT = 64
"""Up to this many kinds of messages, their prices are kept."""


STATES = 16
"""Numbers that tell connections apart: opened before (0), opened for the message (1), kept (2 and more)."""

MOST_PAUSES = STATES - 3
"""Timeouts of silence that are counted: each halves the window, so that after so many that of any message up to 100 MB
is the first one again."""


@dataclass(frozen=True)
class Kinds:
    """The V kinds of messages that occur.

    Attributes:
        pattern: (V,) pattern of the route.
        payload: (V,) bytes without headers.
        state: (V,) of the connection, see ``STATES``; of a kept one 2 and the number of timeouts that it was idle.
    """

    pattern: Ints
    payload: Floats
    state: Ints

    @classmethod
    def of(
        cls,
        pattern: NDArray[np.int32],
        payload: Ints,
        connects: NDArray[np.int8],
        pauses: Ints | int = 0,
    ) -> "tuple[Kinds, NDArray[np.int32]]":
        """The kinds among M messages, and the kind of each, (M,).

        Args:
            pattern: (M,) pattern of the route.
            payload: (M,) bytes without headers.
            connects: (M,) column of the trace.
            pauses: (M,) or one number: timeouts for which a kept connection was idle.
        """
        state = (
            np.where(connects < 0, 2 + np.minimum(pauses, MOST_PAUSES), connects) if np.any(connects < 0) else connects
        )
        sizes, size = _distinct(payload * STATES + state)
        code = pattern.astype(np.int64) * len(sizes) + size
        top = int(code.max(initial=-1)) + 1
        pairs = np.arange(top)
        if top > DENSE_KINDS:
            pairs, code = np.unique(code, return_inverse=True)
        chosen = sizes[pairs % max(1, len(sizes))]
        kinds = cls(pairs // max(1, len(sizes)), (chosen // STATES).astype(np.float64), chosen % STATES)
        return kinds, code.astype(np.int32)

    @property
    def pauses(self) -> Ints:
        """(V,) timeouts for which the connection was idle; negative if it is not kept."""
        return self.state - 2

    def part(self, places: Ints) -> "Kinds":
        """Some of them."""
        return Kinds(self.pattern[places], self.payload[places], self.state[places])


def _distinct(values: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What :func:`numpy.unique` gives with the inverse, quickly where there are at most two values."""
    if len(values):
        low, high = values.min(), values.max()
        is_high = values == high
        if np.all(is_high | (values == low)):
            return np.array([low, high] if low < high else [low]), is_high.astype(np.int64) * int(low < high)
    return np.unique(values, return_inverse=True)


@dataclass(frozen=True)
class TransferTable:
    """Prices of V kinds of messages.

    Attributes:
        legs: ``before``, ``service``, ``after``, ``fair`` -> (S, V) by segment and kind of message, see
            :class:`engine.costs.legs.Legs`.
        message: quantity -> (V,), see ``MESSAGE_COLUMNS``; ``fixed_s`` is the transfer without waiting in line and
            without connecting, ``recalled_s`` the part of it that rests on recalled figures, ``queue_recalled`` 1 if
            the time in line does, ``timeout_s`` the least silence after which a kept connection is no longer warm.
        links: ``wire_bytes``, ``time_s`` on air, ``energy_j`` of the network itself -> (V, L, 2) by link and direction.
    """

    legs: dict[str, Floats]
    message: dict[str, Floats]
    links: dict[str, Floats]


def transfer_table(network: Network, kinds: Kinds) -> TransferTable:
    """The prices of these kinds of messages on a network; those of few kinds are kept, as rounds repeat them."""
    if len(kinds.pattern) > MOST_KEPT:
        return _priced(network, kinds)
    key = ("prices", kinds.pattern.tobytes(), kinds.payload.tobytes(), kinds.state.tobytes())
    return remembered(network, key, lambda: _priced(network, kinds))


def _priced(network: Network, kinds: Kinds) -> TransferTable:
    count, longest = len(kinds.pattern), max((1, *map(len, network.patterns)))
    table = TransferTable(
        legs={name: np.zeros((longest, count)) for name in LEG_COLUMNS},
        message={name: np.zeros(count) for name in MESSAGE_COLUMNS},
        links={name: np.zeros((count, len(network.links), 2)) for name in LINK_QUANTITIES},
    )
    for number, pattern in enumerate(network.patterns):
        mine = np.flatnonzero(kinds.pattern == number)
        if len(mine):
            prices = _PatternPrices(network, pattern, kinds.part(mine))
            for name in LEG_COLUMNS:
                table.legs[name][:, mine] = prices.legs[name]
            for name in MESSAGE_COLUMNS:
                table.message[name][mine] = prices.message[name]
            for name in LINK_QUANTITIES:
                table.links[name][mine] = prices.links[name]
    return table


class _PatternPrices:
    """The prices of U sizes of messages along one pattern of routes; attributes as in :class:`TransferTable`."""

    def __init__(self, network: Network, pattern: Pattern, kinds: Kinds) -> None:
        longest = max((1, *map(len, network.patterns)))
        payload, connects = kinds.payload, kinds.state == OPENS
        self.network, self.payload, self.pauses = network, payload, kinds.pauses
        self.legs = {name: np.zeros((longest, len(payload))) for name in LEG_COLUMNS}
        self.message = {name: np.zeros(len(payload)) for name in MESSAGE_COLUMNS}
        self.links = {name: np.zeros((len(payload), len(network.links), 2)) for name in LINK_QUANTITIES}
        self.message["timeout_s"] += np.inf
        # Only the segment at which a device takes part opens a connection; gateways keep theirs to the server open.
        touches = [any(hop.device_sends or hop.device_receives for hop in segment.hops) for segment in pattern]
        for place, segment in enumerate(pattern):
            self._cross(place, segment, connects & (touches[place] or not any(touches)))

    def _cross(self, place: int, segment: Segment, opens: NDArray[np.bool_]) -> None:
        ways = tuple(Way.of(self.network.links[hop.link], up=hop.up) for hop in segment.hops)
        terms = _with_duty(segment_terms(ways, segment.queued, self.payload, self.pauses), segment, ways)
        connect_s = self._connect(segment, terms, opens)
        after = terms.serial + terms.after + terms.silence
        self.legs["before"][place] = terms.before + connect_s
        self.legs["service"][place] = terms.service
        self.legs["after"][place] = after
        if segment.queued >= 0:
            self.legs["fair"][place] = self.network.links[segment.hops[segment.queued].link].sharing == "fair"
        path = Path.of(ways)
        if path is not None and path.transport == "tcp":
            self.message["timeout_s"] = np.minimum(self.message["timeout_s"], path.timeout_s(self.payload))
        self.message["fixed_s"] += terms.before + terms.service + after
        self._mark(segment, terms)
        for hop, way in zip(segment.hops, ways, strict=True):
            self._radio(hop, way)
            self._link(hop, way)

    def _connect(self, segment: Segment, terms: Terms, opens: NDArray[np.bool_]) -> Floats:
        """Waking the radio and joining its network at each end that is a device, then the handshake."""
        radios = [self.network.links[hop.link] for hop in segment.hops if hop.device_sends or hop.device_receives]
        recalled_s = sum(link.connect_time.value for link in radios if link.recalled("connect_time"))
        recalled_j = sum(link.connect_energy.value for link in radios if link.recalled("connect_energy"))
        handshake_recalled = terms.handshake * self._recalled(segment, "rtt", "loss")
        total = np.where(opens, sum(link.connect_time.value for link in radios) + terms.handshake, 0.0)
        self.message["connect_s"] += total
        self.message["connect_j"] += np.where(opens, sum(link.connect_energy.value for link in radios), 0.0)
        self.message["connect_recalled_s"] += np.where(opens, recalled_s + handshake_recalled, 0.0)
        self.message["connect_recalled_j"] += np.where(opens, recalled_j, 0.0)
        return total

    def _mark(self, segment: Segment, terms: Terms) -> None:
        """How much of the segment's time rests on recalled figures."""
        rates = self._recalled(segment, *{"up_rate" if hop.up else "down_rate" for hop in segment.hops})
        delays = self._recalled(segment, "rtt", "loss")
        duty = max(rates, self._recalled(segment, "duty_cycle"))
        marked = rates * (terms.service + terms.serial) + delays * (terms.before + terms.after)
        self.message["recalled_s"] += marked + duty * terms.silence
        waits = (self.pauses >= 0) | (segment.queued >= 0)
        self.message["queue_recalled"] = np.maximum(self.message["queue_recalled"], rates * waits)

    def _recalled(self, segment: Segment, *fields: str) -> float:
        return float(any(self.network.links[hop.link].recalled(*fields) for hop in segment.hops))

    def _radio(self, hop: Hop, way: Way) -> None:
        """What the radio of a device draws on air, at either end."""
        link, air_s = self.network.links[hop.link], way.airtime_s(self.payload)
        rate = "up_rate" if hop.up else "down_rate"
        for end, is_device, power in (
            ("tx", hop.device_sends, link.tx_power),
            ("rx", hop.device_receives, link.rx_power),
        ):
            if is_device:
                energy_j = air_s * (0.0 if power is None else power.value)
                self.message[f"{end}_air_s"] += air_s
                self.message[f"{end}_j"] += energy_j
                self.message[f"{end}_recalled_j"] += energy_j * link.recalled(f"{end}_power", rate)

    def _link(self, hop: Hop, way: Way) -> None:
        """What crosses the link, and what the network itself spends on it."""
        link, wire = self.network.links[hop.link], way.wire_bytes(self.payload)
        energy = link.up_bit_energy if hop.up else link.down_bit_energy
        cell = (slice(None), hop.link, 0 if hop.up else 1)
        self.links["wire_bytes"][cell] += wire
        self.links["time_s"][cell] += way.airtime_s(self.payload)
        self.links["energy_j"][cell] += 8 * wire * (0.0 if energy is None else energy.value)


def _with_duty(terms: Terms, segment: Segment, ways: tuple[Way, ...]) -> Terms:
    """A gateway that sends keeps its own duty cycle: its silence blocks the channel for the next message."""
    if segment.queued < 0 or segment.hops[segment.queued].up:
        return terms
    duty = ways[segment.queued].duty_cycle
    return terms if duty == 1 else replace(terms, service=terms.service / duty, silence=np.zeros_like(terms.silence))
