"""Messages that a shaping process delays: the transport of the loopback tier."""

import socket
import struct
from collections import deque

from engine.emulation.tensors import FRAME
from engine.emulation.transport import Message, Receiver, Transport
from engine.emulation.waiting import WRITE, EventLoop

ENVELOPE = struct.Struct("<IIIIB")
"""Length of the body, item, repetition, the other node, whether a connection is opened."""

AT_ONCE = 1 << 18


class Stream:
    """A socket that takes and gives whole envelopes.

    Args:
        loop: of this process.
        door: a connected stream socket.
    """

    def __init__(self, loop: EventLoop, door: socket.socket) -> None:
        self.loop, self.door = loop, door
        door.setblocking(False)
        self._waiting: deque[memoryview] = deque()
        self._come = bytearray()

    def put(self, envelope: tuple[int, int, int, int, int], body: bytes) -> None:
        """Send an envelope with its body."""
        self._waiting.append(memoryview(ENVELOPE.pack(*envelope) + body))
        self._write()

    def take(self) -> list[tuple[tuple[int, ...], bytes]]:
        """The envelopes that have come, with their bodies.

        Raises:
            EOFError: the other end has hung up.
        """
        try:
            part = self.door.recv(AT_ONCE)
        except BlockingIOError:
            return []
        if not part:
            raise EOFError
        self._come += part
        found = []
        while len(self._come) >= ENVELOPE.size:
            envelope = ENVELOPE.unpack_from(self._come)
            end = ENVELOPE.size + envelope[0]
            if len(self._come) < end:
                break
            found.append((envelope, bytes(self._come[ENVELOPE.size : end])))
            del self._come[:end]
        return found

    def _write(self) -> None:
        while self._waiting:
            try:
                sent = self.door.send(self._waiting[0])
            except BlockingIOError:
                self.loop.watch(self.door.fileno(), self._write, kind=WRITE)
                return
            except (BrokenPipeError, ConnectionResetError):
                self._waiting.clear()
                break
            rest = self._waiting.popleft()[sent:]
            if rest:
                self._waiting.appendleft(rest)
        self.loop.forget(self.door.fileno(), kind=WRITE)


class Shaped(Transport):
    """Messages through the door to the shaping process.

    Args:
        loop: of the node's process.
        node: its place.
        receive: called with every message.
        door: leads there.
    """

    def __init__(self, loop: EventLoop, node: int, receive: Receiver, door: socket.socket) -> None:
        super().__init__(loop, node, receive)
        self.stream = Stream(loop, door)

    def listen(self) -> None:
        """Be ready for messages."""
        self.loop.watch(self.stream.door.fileno(), self._read)

    def send(self, peer: int, message: Message, *, connects: bool) -> None:
        """Send a message."""
        self.payload_bytes += FRAME.size + len(message.body)
        envelope = (len(message.body), message.item, message.repetition, peer, int(connects))
        self.stream.put(envelope, message.body)

    def _read(self) -> None:
        try:
            for envelope, body in self.stream.take():
                self.receive(Message(envelope[1], envelope[2], body))
        except EOFError:
            self.loop.stop()
