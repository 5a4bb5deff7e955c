"""What nodes send messages with: the contract, and what all transports share."""

import socket
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from engine.emulation.interfaces import address_of
from engine.emulation.tensors import FRAME
from engine.emulation.waiting import EventLoop

PORT = 9000
"""Of every node."""


@dataclass(frozen=True)
class Message:
    """A message of a trace in one of its repetitions.

    Attributes:
        item: its number in the program.
        repetition: of the round.
        body: what it holds.
    """

    item: int
    repetition: int
    body: bytes


Receiver = Callable[[Message], None]


class Transport(ABC):
    """Sends messages to other nodes and hands over those that arrive, whole.

    Args:
        loop: of the node's process.
        node: its place.
        receive: called with every message.
    """

    def __init__(self, loop: EventLoop, node: int, receive: Receiver) -> None:
        self.loop, self.node, self.receive = loop, node, receive
        self.payload_bytes = 0
        self.failures = 0

    @abstractmethod
    def listen(self) -> None:
        """Be ready for messages."""

    @abstractmethod
    def send(self, peer: int, message: Message, *, connects: bool) -> None:
        """Send a message.

        Args:
            peer: place of the node that it is for.
            message: what to send.
            connects: whether a connection is opened first, where the transport knows connections.
        """

    def open(self, peer: int) -> None:  # noqa: B027  # most transports need no preparation
        """Open a connection that later messages to that node and from it keep using."""

    def keeps(self, peer: int) -> bool:
        """Whether this node has opened a connection that later messages to that node keep using."""
        return True

    def is_open(self, peer: int) -> bool:
        """Whether messages to that node can be sent at once."""
        return True

    def settle(self) -> None:  # noqa: B027
        """Close, before a repetition, what the one before opened for itself."""

    def framed(self, message: Message) -> bytes:
        """The message with its length and place before it, as it goes over the link; counted as payload."""
        frame = FRAME.pack(len(message.body), message.item, message.repetition) + message.body
        self.payload_bytes += len(frame)
        return frame


def datagram_socket(node: int, receive_bytes: int) -> socket.socket:
    """A UDP socket at a node's address that never blocks.

    Args:
        node: its place.
        receive_bytes: room for datagrams that nobody has read yet.
    """
    door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    door.setblocking(False)
    door.bind((address_of(node), PORT))
    return door
