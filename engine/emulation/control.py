"""How the processes of a laboratory talk to each other beside the emulated network: JSON over inherited sockets."""

import json
import socket
import struct
import time
from typing import Any

from engine.core.errors import EngineError

_LENGTH = struct.Struct("<I")
MOST_BYTES = 1 << 30
"""No message is longer: a length beyond it is no length."""


class LaboratoryError(EngineError):
    """The laboratory cannot do what it was asked."""

    code = "emulation_failed"


class Gone(LaboratoryError):
    """The other process has ended."""

    code = "emulation_process_gone"


class Late(LaboratoryError):
    """The other process did not answer in time."""

    code = "emulation_deadline"


class Channel:
    """One end of a connection to another process.

    Args:
        door: a connected stream socket; blocking.
        name: of the process at the other end, for messages.
    """

    def __init__(self, door: socket.socket, name: str) -> None:
        self.door, self.name = door, name

    def send(self, tree: Any) -> None:
        """Send a message.

        Raises:
            Gone: the other process has ended.
        """
        body = json.dumps(tree, separators=(",", ":")).encode()
        try:
            self.door.sendall(_LENGTH.pack(len(body)) + body)
        except (BrokenPipeError, ConnectionResetError):
            raise Gone(f"{self.name} has ended") from None

    def receive(self, patience_s: float | None = None) -> Any:
        """The next message.

        Args:
            patience_s: how long to wait for all of it; None for ever.

        Raises:
            Gone: the other process has ended.
            Late: it did not come in time.
        """
        deadline = None if patience_s is None else time.monotonic() + patience_s
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size, deadline))
        if length > MOST_BYTES:
            raise LaboratoryError(f"{self.name} sent no message")
        return json.loads(self._exactly(length, deadline))

    def answer(self, patience_s: float | None = None) -> Any:
        """The result of what was asked.

        Raises:
            LaboratoryError: what the other process says went wrong, or that it did not answer.
        """
        told = self.receive(patience_s)
        if "error" in told:
            raise LaboratoryError(f"{self.name}: {told['error']}", remedy=told.get("remedy", ""))
        return told["result"]

    def close(self) -> None:
        """Hang up."""
        self.door.close()

    def _exactly(self, count: int, deadline: float | None) -> bytes:
        parts = []
        while count:
            self.door.settimeout(None if deadline is None else max(1e-3, deadline - time.monotonic()))
            try:
                part = self.door.recv(min(count, 1 << 20))
            except TimeoutError:
                raise Late(f"{self.name} did not answer in time") from None
            except ConnectionResetError:
                part = b""
            finally:
                self.door.settimeout(None)
            if not part:
                raise Gone(f"{self.name} has ended")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)


def pair(first: str, second: str) -> tuple[Channel, Channel]:
    """A connection: the end that talks to the process called ``first``, and the one that talks to ``second``."""
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    return Channel(one, first), Channel(other, second)
