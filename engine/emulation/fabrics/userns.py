"""Without root: a user namespace, in which each node has a network namespace and a pair of virtual Ethernet."""

import os
import socket
from collections.abc import Sequence
from typing import ClassVar

from engine.emulation import kernel
from engine.emulation.control import Channel, Gone
from engine.emulation.fabric import Fabric, FabricName
from engine.emulation.interfaces import (
    address_of,
    capture,
    hardware_address,
    make_pair,
    no_offloads,
    pin_settings,
    set_up,
)
from engine.emulation.ports import PacketPort, Port
from engine.emulation.pump import pump

NAME = "eth0"
"""Of the node's end."""


class UserNamespace(Fabric):
    """Namespaces and virtual Ethernet, as an ordinary user."""

    name: ClassVar[FabricName] = "userns"

    def prepare(self) -> None:
        """Become root of a new user namespace, with a network that nobody else sees."""
        kernel.go_first(kernel.NODE_PRIORITY)  # whoever may now may not later; children inherit it
        user, group = os.getuid(), os.getgid()
        kernel.unshare(kernel.NEW_USER | kernel.NEW_NETWORK)
        kernel.map_to_root(user, group)
        pin_settings()

    def enter(self, place: int, size: int, door: socket.socket) -> None:
        """Leave for a new namespace, wait for the interface, and switch it on."""
        kernel.unshare(kernel.NEW_NETWORK)
        door.sendall(b"n")
        if not door.recv(1):
            raise Gone("the laboratory has ended")
        set_up("lo")
        pin_settings()
        no_offloads(NAME)
        set_up(NAME, address=address_of(place), size=size, arp=False)
        door.sendall(hardware_address(NAME))

    def connect(self, place: int, process: int, size: int, door: socket.socket) -> Port:
        """Make the pair, and capture at its near end."""
        if not door.recv(1):
            raise Gone(f"node {place} could not enter the network")
        near = f"n{process}"  # of an earlier laboratory the kernel may not have cleared away everything yet
        make_pair(near, NAME, process)
        no_offloads(near)
        set_up(near, size=size, arp=False)
        frames = capture(near)
        door.sendall(b"p")
        hardware = door.recv(6)
        if len(hardware) != 6:
            raise Gone(f"node {place} could not enter the network")
        return PacketPort(frames, hardware)

    def carry(self, ports: Sequence[Port], control: Channel) -> None:
        """Carry packets."""
        pump(ports, control)
