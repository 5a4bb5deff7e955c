"""The loopback tier's process: cuts messages into the segments that TCP would send, and delays what it would repeat.

There is no TCP here: no acknowledgments on the air, no windows. A message occupies its channels segment by segment; a
new connection first exchanges SYN and SYN/ACK; loss delays a message by what a sender needs to notice it.
"""

import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.core.streams import stream
from engine.emulation import kernel
from engine.emulation.control import Channel
from engine.emulation.links import Delivery, LinkEmulator, Pair, Plan
from engine.emulation.ports import Port
from engine.emulation.pump import Pump
from engine.emulation.tensors import FRAME
from engine.emulation.transports.shaped import Stream

HEADER_BYTES, HANDSHAKE_BYTES = 52, 60
"""IPv4, TCP and timestamps of a segment; SYN and SYN/ACK with their options."""

LEAST_RTO_S, PROBE_SLACK_S = 0.2, 0.008
"""Linux' least time-out beyond the round trip; the slack of a tail-loss probe (RFC 8985)."""

_NUMBER_BYTES = 8


def repair_s(draw: np.random.Generator, segments: int, loss: float, *, trip_s: float, tau_s: float) -> float:
    """How long a sender takes to repair what one message of so many segments loses; zero if it loses nothing.

    The last segment lost: the time-out if it was the only one, else a probe, doubled as long as it is lost again. An
    earlier one: what fast recovery cannot hide behind the rest.

    Args:
        draw: the source of chance.
        segments: of the message.
        loss: probability that one is lost.
        trip_s: smoothed round trip.
        tau_s: time on air of a full segment.
    """
    timeout_s = trip_s + LEAST_RTO_S
    probe_s = timeout_s if segments == 1 else min(2 * trip_s + PROBE_SLACK_S, timeout_s)
    waited = 0.0
    while draw.random() < loss:
        waited += probe_s
        probe_s *= 2
    if waited or segments == 1 or draw.random() < (1 - loss) ** (segments - 1):
        return waited
    return max(tau_s, 1.25 * trip_s - segments * tau_s / 2)


class ShapedPort:
    """A node's end: its stream of messages."""

    def __init__(self, door: socket.socket) -> None:
        self.door, self.descriptor = door, door.fileno()

    def packets(self) -> Iterator[bytes]:
        """None: messages are read by the shaper."""
        return iter(())

    def put(self, packet: bytes) -> None:
        """Nothing is handed over packet by packet."""

    def close(self) -> None:
        """Give up this end."""
        self.door.close()


@dataclass
class Transfer:
    """A message under way.

    Attributes:
        pair: from where to where.
        envelope: its envelope, for the target.
        body: what it holds.
        requests: packets of the handshake that are still to come.
    """

    pair: Pair
    envelope: tuple[int, int, int, int, int]
    body: bytes
    requests: int


class Shaper(Pump):
    """A pump of messages instead of packets."""

    def __init__(self, ports: Sequence[ShapedPort], control: Channel) -> None:
        super().__init__(ports, control)
        self.streams = [Stream(self.loop, port.door) for port in ports]
        self.transfers: dict[int, Transfer] = {}
        self.loss: dict[Pair, float] = {}
        self.segment = 1448
        self._count = 0
        self._draw = stream(0, "shaper")

    def _result(self, order: dict) -> object:  # type: ignore[type-arg]
        if order["order"] == "plan":
            self._draw = stream(int(order["plan"]["seed"]), "shaper")
            self.segment = int(order["size"]) - HEADER_BYTES
        return super()._result(order)

    def _adopt(self, plan: Plan) -> LinkEmulator:
        """An emulator that loses nothing; what loss costs is drawn by the message."""
        self.loss = {pair: 1 - float(np.prod([1 - hop.loss for hop in hops])) for pair, hops in plan.paths.items()}
        paths = {pair: tuple(replace(hop, loss=0.0) for hop in hops) for pair, hops in plan.paths.items()}
        channels = tuple(replace(channel, queue_bytes=None) for channel in plan.channels)
        return LinkEmulator(replace(plan, paths=paths, channels=channels))

    def _take(self, node: int, port: Port) -> None:
        try:
            for envelope, body in self.streams[node].take():
                _, item, repetition, target, connects = envelope
                self._count += 1
                told = (len(body), item, repetition, node, 0)
                self.transfers[self._count] = Transfer((node, target), told, body, 2 * connects)
                self._advance(self._count)
        except (EOFError, ConnectionResetError):
            self.loop.forget(port.descriptor)
        self._hand_over()

    def _advance(self, number: int) -> None:
        """Send the next packet of the handshake, or all segments."""
        transfer = self.transfers[number]
        now, (source, target) = self.loop.now(), transfer.pair
        if transfer.requests:
            pair = (source, target) if transfer.requests == 2 else (target, source)
            self.emulator.offer(now, pair, number.to_bytes(_NUMBER_BYTES, "little").ljust(HANDSHAKE_BYTES, b"\0"))
            return
        left = FRAME.size + len(transfer.body)
        while left > 0:
            part = min(left, self.segment)
            left -= part
            mark = 0 if left else number
            packet = mark.to_bytes(_NUMBER_BYTES, "little").ljust(HEADER_BYTES + part, b"\0")
            self.emulator.offer(now, transfer.pair, packet)

    def _deliver(self, delivery: Delivery) -> None:
        number = int.from_bytes(delivery.packet[:_NUMBER_BYTES], "little")
        if not number:
            return
        transfer = self.transfers[number]
        if transfer.requests:
            transfer.requests -= 1
            self._advance(number)
            return
        waited = self._repair_s(transfer)
        self.loop.at(delivery.due_s + waited, lambda: self._finish(number))

    def _repair_s(self, transfer: Transfer) -> float:
        loss, hops = self.loss[transfer.pair], self.emulator.plan.paths[transfer.pair]
        if not loss:
            return 0.0
        size = FRAME.size + len(transfer.body)
        full = HEADER_BYTES + min(size, self.segment)
        tau_s = max(self.emulator.plan.channels[hop.channel].airtime_s(full) for hop in hops)
        trip_s = 2 * sum(hop.delay_s for hop in hops) + tau_s
        return repair_s(self._draw, max(1, -(-size // self.segment)), loss, trip_s=trip_s, tau_s=tau_s)

    def _finish(self, number: int) -> None:
        transfer = self.transfers.pop(number)
        self.streams[transfer.pair[1]].put(transfer.envelope, transfer.body)


def shape(ports: Sequence[Port], control: Channel) -> None:
    """Carry messages until the control hangs up."""
    kernel.go_first(kernel.CARRIER_PRIORITY)
    kernel.exact_timers()
    Shaper([port for port in ports if isinstance(port, ShapedPort)], control).run()
