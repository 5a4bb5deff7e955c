"""All messages of a trace at once: equal ones (same pattern of route, same size) are computed once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.costs.traffic import Floats, Terms, Way, segment_terms
from engine.network.link import Link
from engine.network.network import Network
from engine.network.routes import Hop, Pattern, Segment

LEG_COLUMNS = ("before", "service", "after")
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
)


@dataclass(frozen=True)
class TransferTable:
    """Costs by pattern and size.

    Attributes:
        legs: ``before``, ``service``, ``after`` -> (P, S, U) seconds by pattern, segment and kind of message.
        message: quantity -> (P, U), see ``MESSAGE_COLUMNS``; ``fixed_s`` is the transfer without waiting in line and
            without connecting, ``recalled_s`` the part of it that rests on recalled figures, ``queue_recalled`` 1 if
            the time in line does.
        hop_wire_bytes: (P, U, L, 2) bytes by link and direction.
        hop_air_s: (P, U, L, 2) seconds on air.
        hop_energy_j: (P, U, L, 2) joules of the network itself.
    """

    legs: dict[str, NDArray[np.float64]]
    message: dict[str, NDArray[np.float64]]
    hop_wire_bytes: NDArray[np.float64]
    hop_air_s: NDArray[np.float64]
    hop_energy_j: NDArray[np.float64]


def transfer_table(network: Network, payload: Floats, connects: NDArray[np.bool_]) -> TransferTable:
    """The costs of every pattern for each kind of message.

    Args:
        network: the network, with P patterns of at most S segments and L links.
        payload: (U,) bytes without headers.
        connects: (U,) whether a connection is opened first.
    """
    count, kinds, longest = len(network.patterns), len(payload), max(1, max(map(len, network.patterns), default=1))
    links = (count, kinds, len(network.links), 2)
    table = TransferTable(
        legs={name: np.zeros((count, longest, kinds)) for name in LEG_COLUMNS},
        message={name: np.zeros((count, kinds)) for name in MESSAGE_COLUMNS},
        hop_wire_bytes=np.zeros(links),
        hop_air_s=np.zeros(links),
        hop_energy_j=np.zeros(links),
    )
    for number, pattern in enumerate(network.patterns):
        _fill(table, number, pattern, network, (payload, connects))
    return table


def _fill(
    table: TransferTable, number: int, pattern: Pattern, network: Network, kinds: tuple[Floats, NDArray[np.bool_]]
) -> None:
    payload, connects = kinds
    message = {name: column[number] for name, column in table.message.items()}
    touches = [any(hop.device_sends or hop.device_receives for hop in segment.hops) for segment in pattern]
    for place, segment in enumerate(pattern):
        ways = tuple(Way.of(network.links[hop.link], up=hop.up) for hop in segment.hops)
        terms = _with_duty(segment_terms(ways, segment.queued, payload), segment, ways)
        opens = connects & (touches[place] or not any(touches))
        connect_s = _connect(message, segment, network, terms, opens)
        table.legs["before"][number, place] = terms.before + connect_s
        table.legs["service"][number, place] = terms.service
        table.legs["after"][number, place] = terms.serial + terms.after + terms.silence
        message["fixed_s"] += terms.before + terms.service + terms.serial + terms.after + terms.silence
        _mark(message, segment, network, terms)
        for hop, way in zip(segment.hops, ways, strict=True):
            link = network.links[hop.link]
            _radio(message, hop, link, way.airtime_s(payload))
            cell = (number, slice(None), hop.link, 0 if hop.up else 1)
            table.hop_wire_bytes[cell] += way.wire_bytes(payload)
            table.hop_air_s[cell] += way.airtime_s(payload)
            energy = link.up_bit_energy if hop.up else link.down_bit_energy
            if energy is not None:
                table.hop_energy_j[cell] += 8 * way.wire_bytes(payload) * energy.value


def _with_duty(terms: Terms, segment: Segment, ways: tuple[Way, ...]) -> Terms:
    """A gateway that sends keeps its own duty cycle: its silence blocks the channel for the next message."""
    if segment.queued < 0 or segment.hops[segment.queued].up:
        return terms
    stretch = 1 / ways[segment.queued].duty_cycle
    if stretch == 1:
        return terms
    return Terms(
        terms.handshake, terms.before, terms.service * stretch, terms.serial, terms.after, np.zeros_like(terms.silence)
    )


def _connect(
    message: dict[str, Floats], segment: Segment, network: Network, terms: Terms, opens: NDArray[np.bool_]
) -> Floats:
    """Waking the radio and joining its network at each end that is a device, then the handshake."""
    radios = [network.links[hop.link] for hop in segment.hops if hop.device_sends or hop.device_receives]
    join_s = sum(link.connect_time.value for link in radios)
    latency_recalled = _recalled(segment, network, "rtt", "loss")
    joins_recalled = sum(link.connect_time.value for link in radios if link.recalled("connect_time"))
    total = np.where(opens, join_s + terms.handshake, 0.0)
    message["connect_s"] += total
    message["connect_j"] += np.where(opens, sum(link.connect_energy.value for link in radios), 0.0)
    message["connect_recalled_s"] += np.where(opens, joins_recalled + terms.handshake * latency_recalled, 0.0)
    energy_recalled = sum(link.connect_energy.value for link in radios if link.recalled("connect_energy"))
    message["connect_recalled_j"] += np.where(opens, energy_recalled, 0.0)
    return total


def _mark(message: dict[str, Floats], segment: Segment, network: Network, terms: Terms) -> None:
    """How much of the segment's time rests on recalled figures."""
    rates = _recalled(segment, network, *{"up_rate" if hop.up else "down_rate" for hop in segment.hops})
    delays = _recalled(segment, network, "rtt", "loss")
    silence = _recalled(segment, network, "duty_cycle") or rates
    message["recalled_s"] += rates * (terms.service + terms.serial) + delays * (terms.before + terms.after)
    message["recalled_s"] += silence * terms.silence
    if segment.queued >= 0:
        message["queue_recalled"][:] = np.maximum(message["queue_recalled"], rates)


def _recalled(segment: Segment, network: Network, *fields: str) -> float:
    return float(any(network.links[hop.link].recalled(*fields) for hop in segment.hops))


def _radio(message: dict[str, Floats], hop: Hop, link: Link, air_s: Floats) -> None:
    rates = "up_rate" if hop.up else "down_rate"
    for end, is_device, field in (("tx", hop.device_sends, "tx_power"), ("rx", hop.device_receives, "rx_power")):
        power = getattr(link, field)
        if not is_device:
            continue
        message[f"{end}_air_s"] += air_s
        if power is not None:
            message[f"{end}_j"] += power.value * air_s
            message[f"{end}_recalled_j"] += power.value * air_s * link.recalled(field, rates)
