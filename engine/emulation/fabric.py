"""What carries packets between nodes: the contract of the tiers, and where each of them works."""

import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Literal

from engine.emulation.control import Channel
from engine.emulation.ports import Port

FabricName = Literal["tun", "userns", "loopback"]
"""``tun``: as root, a network namespace and a TUN device per node. ``userns``: the same without root, in a user
namespace with virtual Ethernet. ``loopback``: no namespaces, messages are shaped in a process; no TCP."""

Choice = Literal["auto", "tun", "userns", "loopback"]
"""A tier, or the best with TCP that works on a host."""

FABRICS: tuple[FabricName, ...] = ("tun", "userns", "loopback")
"""All tiers, the best first."""


class Fabric(ABC):
    """A tier: how the nodes of a laboratory get their ends of the emulated network."""

    name: ClassVar[FabricName]
    has_namespaces: ClassVar[bool] = True
    """Whether nodes live in network namespaces of their own and use this host's TCP."""

    def prepare(self) -> None:  # noqa: B027  # only one tier has something to do here
        """Make, in the process that forks the nodes and before it starts any thread, what they need."""

    @abstractmethod
    def enter(self, place: int, size: int, door: socket.socket) -> None:
        """Move a node's fresh process into the emulated network.

        Args:
            place: of the node.
            size: most bytes of a packet.
            door: leads to :meth:`connect` in the parent.

        Raises:
            OSError: the kernel does not allow it.
        """

    @abstractmethod
    def connect(self, place: int, process: int, size: int, door: socket.socket) -> Port:
        """The other end of a node that is entering, in the parent."""

    @abstractmethod
    def carry(self, ports: Sequence[Port], control: Channel) -> None:
        """Be the process that carries between the ports, until the control hangs up."""


def fabric_of(name: FabricName) -> Fabric:
    """The tier of that name."""
    from engine.emulation.fabrics.loopback import Loopback
    from engine.emulation.fabrics.tun import Tun
    from engine.emulation.fabrics.userns import UserNamespace

    makers: Mapping[FabricName, Callable[[], Fabric]] = {"tun": Tun, "userns": UserNamespace, "loopback": Loopback}
    return makers[name]()
