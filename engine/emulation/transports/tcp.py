"""TCP of this host's kernel, with its congestion control pinned and no waiting for more bytes."""

import socket
import struct
from collections import deque

from engine.emulation.interfaces import address_of, node_of
from engine.emulation.tensors import FRAME
from engine.emulation.transport import PORT, Message, Receiver, Transport
from engine.emulation.waiting import WRITE, EventLoop

AT_ONCE = 1 << 18
_RESET = struct.pack("ii", 1, 0)


class Tcp(Transport):
    """Messages over TCP connections, one between each two nodes that talk.

    Args:
        loop: of the node's process.
        node: its place.
        receive: called with every message.
        congestion: congestion control of every socket.
    """

    def __init__(self, loop: EventLoop, node: int, receive: Receiver, congestion: str) -> None:
        super().__init__(loop, node, receive)
        self.congestion = congestion
        self.lines: dict[int, Line] = {}

    def listen(self) -> None:
        """Accept connections."""
        self.door = self._socket()
        self.door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.door.bind((address_of(self.node), PORT))
        self.door.listen(1024)
        self.loop.watch(self.door.fileno(), self._accept)

    def open(self, peer: int) -> None:
        """Open a connection that later messages to that node and from it keep using."""
        self._connect(peer, is_single=False)
        self.lines[peer].is_kept = True

    def keeps(self, peer: int) -> bool:
        """Whether this node has opened a connection that is kept, and it is still there."""
        return peer in self.lines and self.lines[peer].is_kept

    def is_open(self, peer: int) -> bool:
        """Whether the connection is there."""
        return peer in self.lines and self.lines[peer].is_open

    def send(self, peer: int, message: Message, *, connects: bool) -> None:
        """Send a message over the connection that there is, or a new one."""
        if connects or peer not in self.lines:
            self._connect(peer, is_single=True)
        self.lines[peer].put(self.framed(message))

    def settle(self) -> None:
        """Reset the connections that this node opened for messages of their own."""
        for peer, line in list(self.lines.items()):
            if line.is_single:
                self.lines.pop(peer).close()

    def _connect(self, peer: int, *, is_single: bool) -> None:
        door = self._socket()
        door.connect_ex((address_of(peer), PORT))
        self._replace(peer, Line(self, door, is_open=False, is_single=is_single))

    def _socket(self) -> socket.socket:
        door = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        door.setblocking(False)
        door.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, self.congestion.encode())
        door.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return door

    def _accept(self) -> None:
        while True:
            try:
                door, place = self.door.accept()
            except BlockingIOError:
                return
            door.setblocking(False)
            self._replace(node_of(socket.inet_aton(place[0])), Line(self, door, is_open=True, is_single=False))

    def _replace(self, peer: int, line: "Line") -> None:
        old = self.lines.pop(peer, None)
        if old is not None:
            old.close()
        self.lines[peer] = line


class Line:
    """A connection: what waits to be sent, and the part of a message that has come.

    Attributes:
        is_open: whether the handshake is over.
        is_single: whether this node opened it for one message and what answers it.
        is_kept: whether this node opened it for all messages to come.
    """

    def __init__(self, transport: Tcp, door: socket.socket, *, is_open: bool, is_single: bool) -> None:
        self.transport, self.door, self.is_open, self.is_single = transport, door, is_open, is_single
        self._waiting: deque[memoryview] = deque()
        self.is_kept = False
        self._come = bytearray()
        self._closed = False
        transport.loop.watch(door.fileno(), self._read)
        if not is_open:
            transport.loop.watch(door.fileno(), self._write, kind=WRITE)

    def put(self, frame: bytes) -> None:
        """Send, at once as far as the socket takes it."""
        self._waiting.append(memoryview(frame))
        if self.is_open:
            self._write()

    def close(self) -> None:
        """Reset the connection: one packet, nothing that lingers."""
        if not self._closed:
            self._closed = True
            self.is_open = self.is_kept = False
            self.transport.loop.forget(self.door.fileno())
            self.door.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.door.close()

    def _write(self) -> None:
        if not self.is_open:
            if self.door.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                self._fail()
                return
            self.is_open = True
        while self._waiting:
            try:
                sent = self.door.send(self._waiting[0])
            except BlockingIOError:
                self.transport.loop.watch(self.door.fileno(), self._write, kind=WRITE)
                return
            except OSError:
                self._fail()
                return
            rest = self._waiting.popleft()[sent:]
            if rest:
                self._waiting.appendleft(rest)
        self.transport.loop.forget(self.door.fileno(), kind=WRITE)

    def _read(self) -> None:
        try:
            part = self.door.recv(AT_ONCE)
        except BlockingIOError:
            return
        except OSError:
            part = b""
        if not part:
            # The other end has reset a connection that served its message.
            self.close()
            return
        self._come += part
        while len(self._come) >= FRAME.size:
            length, item, repetition = FRAME.unpack_from(self._come)
            if len(self._come) < FRAME.size + length:
                return
            body = bytes(self._come[FRAME.size : FRAME.size + length])
            del self._come[: FRAME.size + length]
            self.transport.receive(Message(item, repetition, body))

    def _fail(self) -> None:
        """The kernel gave the connection up: what waits is lost, and counted."""
        self.transport.failures += len(self._waiting)
        self.close()
