"""Frames of a link layer that repeats what is lost: every datagram is one frame, headers compressed away.

What BLE and IEEE 802.15.4 do for messages without TCP: the link acknowledges and repeats each frame, so nothing above
it waits. The emulated channel takes off the bytes of IPv4, UDP and the place within the message (``HEADER_BYTES``)
and adds the link's own header.
"""

import socket
import struct

from engine.emulation.interfaces import address_of, node_of
from engine.emulation.tensors import FRAME
from engine.emulation.transport import PORT, Message, Receiver, Transport, datagram_socket
from engine.emulation.waiting import WRITE, EventLoop

_PLACE = struct.Struct("<II")

HEADER_BYTES = 20 + 8 + _PLACE.size
"""IPv4, UDP, and number and place within the message."""

RECEIVE_BYTES = 1 << 22


class Datagrams(Transport):
    """Messages cut into datagrams of one frame each.

    Args:
        loop: of the node's process.
        node: its place.
        receive: called with every message.
        frame_payload: bytes of a message that fit into one frame.
    """

    def __init__(self, loop: EventLoop, node: int, receive: Receiver, frame_payload: int) -> None:
        super().__init__(loop, node, receive)
        self.frame_payload = frame_payload
        self._count = 0
        self._waiting: list[tuple[int, bytes]] = []
        self._come: dict[tuple[int, int], bytearray] = {}

    def listen(self) -> None:
        """Open the socket."""
        self.door = datagram_socket(self.node, RECEIVE_BYTES)
        self.loop.watch(self.door.fileno(), self._read)

    def send(self, peer: int, message: Message, *, connects: bool) -> None:
        """Send a message; there are no connections to open."""
        frame = self.framed(message)
        self._count += 1
        step = self.frame_payload
        parts = [(peer, _PLACE.pack(self._count, at) + frame[at : at + step]) for at in range(0, len(frame), step)]
        self._waiting += parts
        self._write()

    def _write(self) -> None:
        for place, (peer, packet) in enumerate(self._waiting):
            try:
                self.door.sendto(packet, (address_of(peer), PORT))
            except BlockingIOError:
                del self._waiting[:place]
                self.loop.watch(self.door.fileno(), self._write, kind=WRITE)
                return
        self._waiting.clear()
        self.loop.forget(self.door.fileno(), kind=WRITE)

    def _read(self) -> None:
        while True:
            try:
                packet, place = self.door.recvfrom(65_536)
            except BlockingIOError:
                return
            number, _ = _PLACE.unpack_from(packet)
            key = (node_of(socket.inet_aton(place[0])), number)
            come = self._come.setdefault(key, bytearray())
            come += packet[_PLACE.size :]
            length, item, repetition = FRAME.unpack_from(come)
            if len(come) == FRAME.size + length:
                del self._come[key]
                self.receive(Message(item, repetition, bytes(come[FRAME.size :])))
