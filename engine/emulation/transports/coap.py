"""CoAP over UDP: confirmable messages, one at a time to each peer, long ones block by block.

RFC 7252 (the Constrained Application Protocol): section 4.2 (messages that are confirmed, back-off), section 4.8
(parameters); RFC 7959 (block-wise transfers): Block1 of a request that is too long for one message.
"""

import socket
import struct
from collections import deque
from dataclasses import dataclass

from engine.core.streams import stream
from engine.emulation.interfaces import address_of, node_of
from engine.emulation.tensors import FRAME
from engine.emulation.transport import PORT, Message, Receiver, Transport, datagram_socket
from engine.emulation.waiting import EventLoop

ACK_TIMEOUT_S, ACK_RANDOM_FACTOR, MAX_RETRANSMIT = 2.0, 1.5, 4
"""Section 4.8 of RFC 7252; a node has one exchange at a time with each peer (NSTART = 1)."""

BLOCK_SIZES = tuple(16 << exponent for exponent in range(7))
"""Sizes of blocks, 16 to 1024 bytes (RFC 7959, section 2.2)."""

HEADER_BYTES = 20 + 8 + 12
"""IPv4, UDP and CoAP of a block: header, token, Block1 option, marker of the payload."""

_CONFIRMABLE, _ACKNOWLEDGMENT = 0, 2
_POST, _CHANGED, _CONTINUE = 0x02, 0x44, 0x5F
_BLOCK1 = 27
_HEAD = struct.Struct("!BBH")
_TOKEN = struct.Struct("!I")


def encode_block(number: int, size: int, *, more: bool) -> bytes:
    """The Block1 option as the first of a message: the block's place, whether more follow, and the size of blocks."""
    value = (number << 4) | (more << 3) | BLOCK_SIZES.index(size)
    packed = value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")
    return bytes([(13 << 4) | len(packed), _BLOCK1 - 13]) + packed


def decode_block(packet: bytes, start: int) -> tuple[int, bool, int]:
    """Place and whether more follow, of the Block1 option at ``start``; and where the option ends."""
    end = start + 2 + (packet[start] & 15)
    value = int.from_bytes(packet[start + 2 : end], "big")
    return value >> 4, bool(value & 8), end


@dataclass
class Exchange:
    """A message on its way to a peer.

    Attributes:
        frame: all its bytes.
        size: of its blocks.
        token: tells it from others.
        block: the one that is under way.
        number: message id of that block.
        tries: how often it was repeated.
    """

    frame: bytes
    size: int
    token: int
    block: int = 0
    number: int = 0
    tries: int = 0

    @property
    def blocks(self) -> int:
        """Blocks of the message."""
        return max(1, -(-len(self.frame) // self.size))

    def packet(self) -> bytes:
        """The block that is under way, as it stands in a datagram."""
        part = self.frame[self.block * self.size : (self.block + 1) * self.size]
        head = _HEAD.pack(0x40 | (_CONFIRMABLE << 4) | _TOKEN.size, _POST, self.number)
        option = encode_block(self.block, self.size, more=self.block + 1 < self.blocks)
        return head + _TOKEN.pack(self.token) + option + b"\xff" + part


@dataclass
class Arriving:
    """A message that comes block by block: those that are here."""

    blocks: list[bytes]
    is_whole: bool = False


class Coap(Transport):
    """Messages as confirmable requests.

    Args:
        loop: of the node's process.
        node: its place.
        receive: called with every message.
        block: bytes of a block, one of ``BLOCK_SIZES``.
        seed: of the random factor of time-outs.
    """

    def __init__(self, loop: EventLoop, node: int, receive: Receiver, *, block: int, seed: int) -> None:
        super().__init__(loop, node, receive)
        self._block = block
        self._draw = stream(seed, "coap", node)
        self._waiting: dict[int, deque[Exchange]] = {}
        self._arriving: dict[tuple[int, int], Arriving] = {}
        self._count = 0

    def listen(self) -> None:
        """Open the socket."""
        self.door = datagram_socket(self.node, 1 << 20)
        self.loop.watch(self.door.fileno(), self._read)

    def send(self, peer: int, message: Message, *, connects: bool) -> None:
        """Send a message after those that wait for the same peer; there are no connections to open."""
        frame = self.framed(message)
        waiting = self._waiting.setdefault(peer, deque())
        waiting.append(Exchange(frame, self._block, self._next()))
        if len(waiting) == 1:
            self._begin(peer)

    def _next(self) -> int:
        self._count += 1
        return self._count

    def _begin(self, peer: int) -> None:
        exchange = self._waiting[peer][0]
        exchange.number, exchange.tries = self._next() & 0xFFFF, 0
        self._emit(peer, exchange, ACK_TIMEOUT_S * float(self._draw.uniform(1, ACK_RANDOM_FACTOR)))

    def _emit(self, peer: int, exchange: Exchange, timeout_s: float) -> None:
        self.door.sendto(exchange.packet(), (address_of(peer), PORT))
        number = exchange.number
        self.loop.at(self.loop.now() + timeout_s, lambda: self._again(peer, exchange, number, timeout_s))

    def _again(self, peer: int, exchange: Exchange, number: int, timeout_s: float) -> None:
        """No acknowledgment in time: repeat with twice the patience; after four times the application begins anew."""
        waiting = self._waiting[peer]
        if not waiting or waiting[0] is not exchange or exchange.number != number:
            return
        if exchange.tries == MAX_RETRANSMIT:
            self.failures += 1
            self._begin(peer)
            return
        exchange.tries += 1
        self._emit(peer, exchange, 2 * timeout_s)

    def _finish(self, peer: int) -> None:
        self._waiting[peer].popleft()
        if self._waiting[peer]:
            self._begin(peer)

    def _read(self) -> None:
        while True:
            try:
                packet, place = self.door.recvfrom(65_536)
            except BlockingIOError:
                return
            peer = node_of(socket.inet_aton(place[0]))
            kind, _, number = _HEAD.unpack_from(packet)
            if (kind >> 4) & 3 == _ACKNOWLEDGMENT:
                self._confirmed(peer, number)
            else:
                self._arrived(peer, packet, number)

    def _confirmed(self, peer: int, number: int) -> None:
        waiting = self._waiting.get(peer)
        if not waiting or waiting[0].number != number:
            return
        exchange = waiting[0]
        exchange.block += 1
        if exchange.block == exchange.blocks:
            self._finish(peer)
        else:
            self._begin(peer)

    def _arrived(self, peer: int, packet: bytes, number: int) -> None:
        (token,) = _TOKEN.unpack_from(packet, _HEAD.size)
        block, more, end = decode_block(packet, _HEAD.size + _TOKEN.size)
        answer = _HEAD.pack(0x40 | (_ACKNOWLEDGMENT << 4) | _TOKEN.size, _CONTINUE if more else _CHANGED, number)
        self.door.sendto(
            answer + _TOKEN.pack(token) + encode_block(block, self._block, more=more), (address_of(peer), PORT)
        )
        arriving = self._arriving.setdefault((peer, token), Arriving([]))
        if arriving.is_whole or block != len(arriving.blocks):
            return  # a repetition of what is here already, after a lost acknowledgment
        arriving.blocks.append(packet[end + 1 :])
        if not more:
            frame = b"".join(arriving.blocks)
            arriving.is_whole, arriving.blocks = True, []
            length, item, repetition = FRAME.unpack_from(frame)
            self.receive(Message(item, repetition, frame[FRAME.size : FRAME.size + length]))
