"""As root: each node has a network namespace with a TUN device, whose descriptor it hands to the pump."""

import os
import socket
from collections.abc import Sequence
from typing import ClassVar

from engine.emulation import kernel
from engine.emulation.control import Channel, Gone
from engine.emulation.fabric import Fabric, FabricName
from engine.emulation.interfaces import address_of, open_tun, pin_settings, set_up
from engine.emulation.ports import Port, TunPort
from engine.emulation.pump import pump

NAME = "tun0"


class Tun(Fabric):
    """Namespaces and TUN devices."""

    name: ClassVar[FabricName] = "tun"

    def enter(self, place: int, size: int, door: socket.socket) -> None:
        """Leave for a new namespace, and hand over its device."""
        kernel.unshare(kernel.NEW_NETWORK)
        set_up("lo")
        descriptor = open_tun(NAME)
        pin_settings()
        set_up(NAME, address=address_of(place), size=size)
        socket.send_fds(door, [b"t"], [descriptor])
        os.close(descriptor)

    def connect(self, place: int, process: int, size: int, door: socket.socket) -> Port:
        """The node's device."""
        _, descriptors, _, _ = socket.recv_fds(door, 1, 1)
        if not descriptors:
            raise Gone(f"node {place} could not enter the network")
        return TunPort(descriptors[0])

    def carry(self, ports: Sequence[Port], control: Channel) -> None:
        """Carry packets."""
        pump(ports, control)
