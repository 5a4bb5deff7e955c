"""A kind of link: how fast it carries bytes in either direction, how late, how surely, and at what energy."""

from typing import Annotated, Literal

from pydantic import Field

from engine.core.component import Component
from engine.core.figure import Figure
from engine.core.quantity import Quantity

LinkFamily = Literal["wifi", "ble", "802.15.4", "lorawan", "cellular", "cellular_iot", "ethernet", "wan", "other"]
"""What technology a link is."""

Transport = Literal["tcp", "datagram", "coap"]
"""``tcp``: connections with a handshake, retransmission by timers of at least 200 ms. ``datagram``: each frame is
acknowledged and repeated by the link layer, without connections (BLE, 802.15.4, LoRaWAN). ``coap``: confirmable
messages over UDP, block after block, repeated after 2 to 3 s and then twice as long (RFC 7252, RFC 7959)."""

Sharing = Literal["in_turn", "fair"]
"""How messages that meet on a channel divide it: one after the other, or all at once with equal shares."""

Congestion = Literal["cubic", "reno", "bbr"]
"""Congestion control of TCP: cubic and reno take loss for congestion and slow down, bbr does not."""


def _recalled(value: float, unit: str, source: str) -> Figure:
    return Figure(value=value, unit=unit, provenance="recalled", source=source)


Rate = Annotated[Figure, Quantity("bit/s", gt=0)]
Time = Annotated[Figure, Quantity("s", ge=0)]
OptionalPower = Annotated[Figure | None, Quantity("W", ge=0)]
OptionalBitEnergy = Annotated[Figure | None, Quantity("J/bit", ge=0)]

ZERO_SECONDS = Figure(value=0.0, unit="s", provenance="user", source="assumed nothing")
ZERO_JOULES = Figure(value=0.0, unit="J", provenance="user", source="assumed nothing")


class Link(Component):
    """A kind of link, with a provenance for each figure. ``up`` is towards the server, ``down`` away from it.

    Energy of a radio is its power times the time on air; a link that states only energy per bit (an operator's network)
    spends it outside the devices.
    """

    id: str | None = Field(default=None, pattern=r"^[a-z0-9_]{1,60}$")
    """What data call it: small letters, digits and underscores, as in wifi4_linux; left out, the name."""

    name: str = Field(min_length=1, max_length=100)
    """What people call it."""

    family: LinkFamily = "other"
    """What technology it is."""

    transport: Transport = "tcp"
    """How loss is repaired and whether connections are opened: tcp, datagram with link-layer acknowledgments, or coap,
    which confirms block after block over UDP; a block is what fits into a frame."""

    congestion: Congestion = "cubic"
    """Congestion control where TCP is spoken: cubic and reno slow down after each loss, bbr goes on. On a route over
    several links that of the slowest counts."""

    shared_medium: bool = False
    """Whether all devices near one gateway take turns on one channel, in both directions."""

    sharing: Sharing = "in_turn"
    """What happens where several messages meet on a channel over this link: in_turn serves them one after the other,
    first come first served; fair lets all of them go on at once with equal shares of its time."""

    up_rate: Rate
    """Bits of payload per second towards the server, in full frames, while sending."""

    down_rate: Rate
    """Bits of payload per second away from the server, in full frames, while sending."""

    rtt: Time
    """Typical round trip of a small frame; half of it is taken as the one-way latency."""

    loss: Annotated[Figure, Quantity("", ge=0, le=0.25)] = Figure(
        value=0.0, unit="", provenance="user", source="assumed nothing"
    )
    """Share of frames that are lost in each direction, between 0 and 0.25; of packets, where they are cut into
    fragments."""

    jitter: Time = ZERO_SECONDS
    """Most by which a frame comes sooner or later than the latency says, evenly spread; frames stay in order. Only
    percentiles feel it."""

    frame_payload: Annotated[Figure, Quantity("B", gt=0)] = _recalled(
        1460, "B", "Ethernet frame less IPv4 and TCP headers"
    )
    """Most bytes of payload in one frame."""

    frame_header: Annotated[Figure, Quantity("B", ge=0)] = _recalled(40, "B", "IPv4 and TCP headers without options")
    """Bytes of header that each frame carries."""

    fragment_payload: Annotated[Figure, Quantity("B", ge=0)] = Figure(
        value=0.0, unit="B", provenance="user", source="no fragments"
    )
    """Most bytes of a packet in one frame of the link where packets are cut into fragments, as 6LoWPAN does (RFC 4944);
    0 where a frame carries a whole packet."""

    fragment_header: Annotated[Figure, Quantity("B", ge=0)] = Figure(
        value=0.0, unit="B", provenance="user", source="no fragments"
    )
    """Bytes of header that each fragment carries besides."""

    duty_cycle: Annotated[Figure, Quantity("", gt=0, le=1)] = Figure(
        value=1.0, unit="", provenance="user", source="no limit"
    )
    """Share of time that a sender may be on air; 1 is no limit."""

    tx_power: OptionalPower = None
    """Radio power while sending, on top of the device's own."""

    rx_power: OptionalPower = None
    """Radio power while receiving, on top of the device's own."""

    connected_power: OptionalPower = None
    """Radio power while connected and silent, on top of the device's own."""

    up_bit_energy: OptionalBitEnergy = None
    """Energy that the network spends per bit towards the server; for links without radio powers."""

    down_bit_energy: OptionalBitEnergy = None
    """Energy that the network spends per bit away from the server; for links without radio powers."""

    connect_time: Time = ZERO_SECONDS
    """Time to wake the radio and join the network before a new connection."""

    connect_energy: Annotated[Figure, Quantity("J", ge=0)] = ZERO_JOULES
    """Energy to wake the radio and join the network before a new connection."""

    tail_time: Time = ZERO_SECONDS
    """How long the radio stays at its connected power after the last frame, before it sleeps."""

    note: str = ""
    """What one should know about the figures."""

    @property
    def key(self) -> str:
        """What ledgers, drawings and exports call it: its id, or its name where it has none."""
        return self.id or self.name

    def recalled(self, *fields: str) -> bool:
        """Whether any of these figures is recalled and not zero (a recalled figure that is zero carries no cost)."""
        figures = (getattr(self, field) for field in fields)
        return any(figure is not None and figure.provenance == "recalled" and figure.value != 0 for figure in figures)
