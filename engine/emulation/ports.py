"""Where packets enter and leave a node: a TUN device, or a pair of virtual Ethernet with a socket for frames."""

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Protocol

from engine.emulation.interfaces import node_of

ETHERNET_BYTES, OUTGOING = 14, 4
"""Header of a frame; how the kernel marks the copy of what we sent ourselves."""

AT_ONCE = 64
"""Packets that are read from one node before others have their turn."""


class Port(Protocol):
    """A node's end of the emulated network, as the pump sees it."""

    descriptor: int

    def packets(self) -> Iterator[bytes]:
        """What the node has sent: IP packets."""

    def put(self, packet: bytes) -> None:
        """Hand a packet to the node; its queue may be full, then the packet is lost as it would be there."""

    def close(self) -> None:
        """Give up this end, in a process that does not carry."""


class TunPort:
    """A TUN device.

    Args:
        descriptor: of the device.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def packets(self) -> Iterator[bytes]:
        """What the node has sent: IP packets."""
        for _ in range(AT_ONCE):
            try:
                yield os.read(self.descriptor, 65_536)
            except BlockingIOError:
                return

    def put(self, packet: bytes) -> None:
        """Hand a packet to the node."""
        # A full queue drops it, and so does a node whose process has ended.
        with suppress(OSError):
            os.write(self.descriptor, packet)

    def close(self) -> None:
        """Give up this end."""
        os.close(self.descriptor)


class PacketPort:
    """The near end of a pair of virtual Ethernet.

    Args:
        door: a socket for its frames.
        hardware: Ethernet address of the far end.
    """

    def __init__(self, door: socket.socket, hardware: bytes) -> None:
        self.door, self.descriptor = door, door.fileno()
        self._header = hardware + hardware + b"\x08\x00"

    def packets(self) -> Iterator[bytes]:
        """What the node has sent: IP packets."""
        for _ in range(AT_ONCE):
            try:
                frame, place = self.door.recvfrom(65_536)
            except BlockingIOError:
                return
            if place[2] != OUTGOING:
                yield frame[ETHERNET_BYTES:]

    def put(self, packet: bytes) -> None:
        """Hand a packet to the node."""
        with suppress(OSError):  # as above
            self.door.send(self._header + packet)

    def close(self) -> None:
        """Give up this end."""
        self.door.close()


def target_of(packet: bytes) -> int:
    """The node that an IP packet is for; negative if it is none of ours, or no IPv4."""
    return node_of(packet[16:20]) if len(packet) >= 20 and packet[0] >> 4 == 4 else -1
