"""Network interfaces of a namespace: addresses, sizes, TUN devices and pairs of virtual Ethernet, without any tool."""

import contextlib
import ctypes
import errno
import fcntl
import os
import socket
import struct
from pathlib import Path

from engine.emulation.kernel import IS_LINUX

NETWORK = "198.18"
"""First half of all addresses: from 198.18.0.0/15, which RFC 2544 sets aside for measurements of devices."""

MASK = "255.255.0.0"

MOST_NODES = 65_000
"""Nodes that have an address in the second half."""

TUN_FILE = "/dev/net/tun"

_ADDRESS, _MASK, _FLAGS, _SIZE, _QUEUE, _HARDWARE, _ETHTOOL = 0x8916, 0x891C, 0x8914, 0x8922, 0x8943, 0x8927, 0x8946
_NEW_TUN, _IS_TUN, _NO_INFORMATION = 0x400454CA, 0x0001, 0x1000
_IS_UP, _NO_ARP = 0x0001, 0x0080
_OFFLOADS = (0x17, 0x1F, 0x24, 0x2C)
"""Checksums of what is sent, TSO, GSO and GRO: with any of them a packet may be 64 KiB long or wrong."""

SETTINGS = {
    "ipv6/conf/all/disable_ipv6": "1",
    "ipv4/tcp_no_metrics_save": "1",
}
"""Of each namespace: no packets that nobody asked for, and no memory of earlier connections."""


def address_of(node: int) -> str:
    """The address of a node, by its place in the laboratory."""
    return f"{NETWORK}.{(node + 1) >> 8}.{(node + 1) & 255}"


def node_of(packed: bytes) -> int:
    """The node of a packed address; negative if it is none of ours."""
    return (packed[2] << 8 | packed[3]) - 1 if packed[0] == 198 and packed[1] == 18 else -1


def _request(name: str, value: bytes) -> bytes:
    return struct.pack("16s24s", name.encode(), value)


def set_up(name: str, *, address: str | None = None, size: int | None = None, arp: bool = True) -> None:
    """Switch an interface on.

    Args:
        name: of the interface.
        address: its IPv4 address.
        size: most bytes of a packet.
        arp: whether neighbours are asked for their hardware address.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        if size is not None:
            fcntl.ioctl(door, _SIZE, _request(name, struct.pack("i", size)))
        if address is not None:
            for command, text in ((_ADDRESS, address), (_MASK, MASK)):
                value = struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(text))
                fcntl.ioctl(door, command, _request(name, value))
            with contextlib.suppress(PermissionError):  # only root may; the default is long enough for TCP
                fcntl.ioctl(door, _QUEUE, _request(name, struct.pack("i", 10_000)))
        flags = _IS_UP | (0 if arp else _NO_ARP)
        fcntl.ioctl(door, _FLAGS, _request(name, struct.pack("H", flags)))


def pin_settings() -> list[str]:
    """Set this namespace's knobs; gives those that could not be set."""
    refused = []
    for name, value in SETTINGS.items():
        try:
            Path("/proc/sys/net", name).write_text(value)
        except OSError:
            refused.append(name)
    return refused


def open_tun(name: str) -> int:
    """A new TUN device of this namespace: its descriptor gives and takes whole IP packets.

    Raises:
        OSError: there is no such device file, or no right to use it.
    """
    descriptor = os.open(TUN_FILE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.ioctl(descriptor, _NEW_TUN, _request(name, struct.pack("H", _IS_TUN | _NO_INFORMATION)))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def no_offloads(name: str) -> None:
    """Make an interface send packets as they are on the wire, each with its checksum."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        for command in _OFFLOADS:
            value = (ctypes.c_uint32 * 2)(command, 0)
            try:
                fcntl.ioctl(door, _ETHTOOL, struct.pack("16sP16x", name.encode(), ctypes.addressof(value)))
            except OSError as error:
                if error.errno != errno.EOPNOTSUPP:
                    raise


def hardware_address(name: str) -> bytes:
    """The Ethernet address of an interface."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        return fcntl.ioctl(door, _HARDWARE, _request(name, b""))[18:24]


# Virtual Ethernet: one message to the kernel, see rtnetlink(7) -----------------------------------------------------

_NEW_LINK, _IS_ERROR = 16, 2
_CREATE = 0x1 | 0x4 | 0x400 | 0x200
"""A request that is acknowledged and makes something that is not there yet."""
_NAME, _INFORMATION, _PROCESS = 3, 18, 19
_KIND, _DATA, _PEER = 1, 2, 1


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("HH", len(value) + 4, kind) + value + b"\0" * (-len(value) % 4)


def make_pair(here: str, there: str, process: int) -> None:
    """Join this namespace to another one by a pair of virtual Ethernet interfaces.

    Args:
        here: name of the end in this namespace.
        there: name of the other end.
        process: a process that lives in the other namespace.

    Raises:
        OSError: the kernel refuses.
    """
    blank = struct.pack("BxHiII", socket.AF_UNSPEC, 0, 0, 0, 0)
    peer = blank + _attribute(_NAME, there.encode() + b"\0") + _attribute(_PROCESS, struct.pack("I", process))
    kind = _attribute(_KIND, b"veth") + _attribute(_DATA, _attribute(_PEER, peer))
    body = blank + _attribute(_NAME, here.encode() + b"\0") + _attribute(_INFORMATION, kind)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as door:
        door.send(struct.pack("IHHII", len(body) + 16, _NEW_LINK, _CREATE, 1, 0) + body)
        answer = door.recv(65_536)
    (kind_of_answer,) = struct.unpack_from("H", answer, 4)
    (number,) = struct.unpack_from("i", answer, 16)
    if kind_of_answer == _IS_ERROR and number:
        raise OSError(-number, f"veth: {os.strerror(-number)}")


def capture(name: str) -> socket.socket:
    """A socket that gives and takes the IPv4 frames of an interface."""
    protocol = 0x0800
    door = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
    door.bind((name, protocol))
    door.setblocking(False)
    return door


def has_packet_sockets() -> bool:
    """Whether this system knows sockets for frames."""
    return IS_LINUX and hasattr(socket, "AF_PACKET")
