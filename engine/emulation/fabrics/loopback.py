"""Where nothing else is allowed: nodes hand their messages to a process that shapes them."""

import socket
from collections.abc import Sequence
from typing import ClassVar

from engine.emulation.control import Channel
from engine.emulation.fabric import Fabric, FabricName
from engine.emulation.ports import Port
from engine.emulation.shaper import ShapedPort, shape


class Loopback(Fabric):
    """Sockets within this host, and no rights needed."""

    name: ClassVar[FabricName] = "loopback"
    has_namespaces: ClassVar[bool] = False

    def enter(self, place: int, size: int, door: socket.socket) -> None:
        """Nothing to do: the node keeps the door and sends through it."""

    def connect(self, place: int, process: int, size: int, door: socket.socket) -> Port:
        """The other end of the node's door."""
        return ShapedPort(door)

    def carry(self, ports: Sequence[Port], control: Channel) -> None:
        """Shape messages."""
        shape(ports, control)
