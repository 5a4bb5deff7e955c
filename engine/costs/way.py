"""A link in one direction as plain numbers: frames, headers and time on air.

Notation as in :doc:`cost-model`: B payload bytes, n frames, H header bytes, R bits per second on air, p loss. All
formulas take arrays of messages at once, (U,).
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from engine.network.link import Congestion, Link, Transport

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TIMESTAMP_BYTES = 12
"""TCP's timestamps option in every segment (RFC 7323), taken from the frame's payload."""


@dataclass(frozen=True)
class Way:
    """One link in one direction, as plain numbers.

    Attributes:
        rate_bps: bits of payload per second in full frames.
        payload_bytes: most payload of a frame.
        header_bytes: header of a frame.
        latency_s: one-way delay of a small frame.
        loss: share of frames lost.
        duty_cycle: share of time that a sender may be on air.
        transport: who repairs the loss.
        congestion: congestion control of TCP.
        jitter_s: most that a packet comes sooner or later than the latency says.
        fragment_bytes: bytes of the link's frames, if packets are cut into several; 0 if they are not.
        fragment_header_bytes: header of each of those.
        back_rate_bps: ``rate_bps`` of the other direction, which acknowledgments take; 0 if it is the same.
        is_shared: whether both directions take turns on one channel.
    """

    rate_bps: float
    payload_bytes: float
    header_bytes: float
    latency_s: float
    loss: float = 0.0
    duty_cycle: float = 1.0
    transport: Transport = "tcp"
    congestion: Congestion = "cubic"
    jitter_s: float = 0.0
    fragment_bytes: float = 0.0
    fragment_header_bytes: float = 0.0
    back_rate_bps: float = 0.0
    is_shared: bool = False

    @classmethod
    def of(cls, link: Link, *, up: bool) -> "Way":
        """The link towards the server or away from it."""
        options = TIMESTAMP_BYTES if link.transport == "tcp" else 0
        return cls(
            rate_bps=(link.up_rate if up else link.down_rate).value,
            payload_bytes=max(1.0, link.frame_payload.value - options),
            header_bytes=link.frame_header.value + options,
            latency_s=link.rtt.value / 2,
            loss=link.loss.value,
            duty_cycle=link.duty_cycle.value,
            transport=link.transport,
            congestion=link.congestion,
            jitter_s=link.jitter.value,
            fragment_bytes=link.fragment_payload.value,
            fragment_header_bytes=link.fragment_header.value,
            back_rate_bps=(link.down_rate if up else link.up_rate).value,
            is_shared=link.shared_medium,
        )

    @cached_property
    def air_rate_bps(self) -> float:
        """Bits per second on air, headers counted: so that full frames carry payload at ``rate_bps``."""
        return self.rate_bps * self.packet_bytes(self.payload_bytes) / self.payload_bytes

    @property
    def acknowledge_s(self) -> float:
        """Time on air of an acknowledgment, which comes back in a frame of its own without payload."""
        return 8 * self.packet_bytes(0) / self.air_rate_bps * self.rate_bps / (self.back_rate_bps or self.rate_bps)

    def packet_bytes(self, payload: float) -> float:
        """Bytes on air of one frame with this payload, or of the fragments that it is cut into."""
        packet = payload + self.header_bytes
        if not self.fragment_bytes:
            return packet
        return packet + self.fragment_header_bytes * math.ceil(packet / self.fragment_bytes)

    def packets_s(self, payload: int) -> float:
        """Time on air of a payload in as many frames as it takes, without loss; for those who ask one by one."""
        frames = max(1, math.ceil(payload / self.payload_bytes))
        last = payload - (frames - 1) * self.payload_bytes
        return 8 * ((frames - 1) * self.packet_bytes(self.payload_bytes) + self.packet_bytes(last)) / self.air_rate_bps

    def frames(self, payload: Floats) -> Floats:
        """Number of frames of a message; an empty one takes one frame."""
        return np.maximum(1.0, np.ceil(payload / self.payload_bytes))

    def plain_bytes(self, payload: Floats) -> Floats:
        """Bytes on the wire if nothing is lost: payload, a header per frame, and one per fragment if frames are cut."""
        frames = self.frames(payload)
        plain = payload + self.header_bytes * frames
        if not self.fragment_bytes:
            return plain
        full = math.ceil((self.payload_bytes + self.header_bytes) / self.fragment_bytes)
        last = payload - (frames - 1) * self.payload_bytes + self.header_bytes
        return plain + self.fragment_header_bytes * ((frames - 1) * full + np.ceil(last / self.fragment_bytes))

    def wire_bytes(self, payload: Floats) -> Floats:
        """Expected bytes on the wire: the repetitions of lost frames counted, 1 / (1 - p)."""
        return self.plain_bytes(payload) / (1 - self.loss)

    def airtime_s(self, payload: Floats) -> Floats:
        """Expected time on air."""
        return 8 * self.wire_bytes(payload) / self.air_rate_bps

    def frame_s(self, payload: Floats) -> Floats:
        """Time on air of the message's largest frame."""
        return 8 * self.plain_bytes(np.minimum(payload, self.payload_bytes)) / self.air_rate_bps

    def silence_s(self, payload: Floats) -> Floats:
        """Silence that the duty cycle d demands: (1/d - 1) of the time on air of all frames but the last."""
        last = self.frame_s(payload)
        return np.maximum(0.0, self.airtime_s(payload) - last) * (1 / self.duty_cycle - 1)
