"""One probe in a process of its own, ``python -m engine.emulation.probe NAME``: does it once and says how it went.

It prints ``{"ok": true}``, or the number and text of the error; what it made vanishes with it.
"""

import json
import os
import socket
import sys
from collections.abc import Callable, Mapping

from engine.emulation import interfaces, kernel


def network_namespace() -> None:
    """Leave this host's network."""
    before = kernel.network_namespace()
    kernel.unshare(kernel.NEW_NETWORK)
    if kernel.network_namespace() == before:
        raise OSError(0, "unshare said yes, but the network is still this host's")
    interfaces.set_up("lo")


def tun() -> None:
    """Make a TUN device in a namespace."""
    network_namespace()
    os.close(interfaces.open_tun("tun0"))


def user_namespace() -> None:
    """Become root of a user namespace with a network."""
    user, group = os.getuid(), os.getgid()
    kernel.unshare(kernel.NEW_USER | kernel.NEW_NETWORK)
    kernel.map_to_root(user, group)
    interfaces.set_up("lo")


def virtual_ethernet() -> None:
    """Make a pair of interfaces in a user namespace, and capture at one."""
    user_namespace()
    interfaces.make_pair("near", "far", os.getpid())
    interfaces.no_offloads("near")
    interfaces.set_up("near", arp=False)
    interfaces.capture("near").close()


def congestion_control() -> None:
    """Pin the congestion control of a socket."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as door:
        for name in (b"reno", b"cubic"):
            door.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, name)


def real_time() -> None:
    """Be scheduled first."""
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))


def sockets() -> None:
    """Join two processes by a socket."""
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    process = os.fork()
    if not process:
        other.sendall(b"x")
        os._exit(0)
    one.recv(1)
    os.waitpid(process, 0)
    one.close()
    other.close()


PROBES: Mapping[str, Callable[[], None]] = {
    "network_namespace": network_namespace,
    "tun": tun,
    "user_namespace": user_namespace,
    "virtual_ethernet": virtual_ethernet,
    "congestion_control": congestion_control,
    "real_time": real_time,
    "sockets": sockets,
}
"""All probes, in the order in which they are told."""


def main(name: str) -> None:
    """Carry out a probe."""
    try:
        PROBES[name]()
    except (OSError, AttributeError) as error:
        # Other systems lack the function altogether.
        number = error.errno if isinstance(error, OSError) else 0
        sys.stdout.write(json.dumps({"ok": False, "errno": number or 0, "message": str(error)}))
    else:
        sys.stdout.write(json.dumps({"ok": True, "errno": 0, "message": ""}))


if __name__ == "__main__":
    main(sys.argv[1])
