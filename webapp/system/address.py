"""Where the web server listens, and whether it is safe to listen there."""

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings

from webapp.environment import origin_host
from webapp.system.errors import StartError

SHORTEST_KEY = 32


@dataclass(frozen=True)
class Address:
    """Host and port of the web server."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.host)

    @property
    def probe_host(self) -> str:
        """The host by which this machine reaches the server."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(self.host, self.host)  # noqa: S104

    @property
    def probe_url(self) -> str:
        """The address by which this machine reaches the server."""
        host = f"[{self.probe_host}]" if ":" in self.probe_host else self.probe_host
        return f"http://{host}:{self.port}"

    def public_url(self, origins: Sequence[str]) -> str:
        """The address to give to people: the first public origin, else the address itself."""
        return origins[0] if origins and not self.is_loopback else self.probe_url

    def check_free(self) -> None:
        """See whether the server can listen there.

        Raises:
            StartError: the port is taken or the host is not this machine's.
        """
        try:
            family, kind, _, _, place = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)[0]
            with socket.socket(family, kind) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(place)
        except socket.gaierror as error:
            raise StartError(
                f"{self.host!r} is not a host name or address of this machine ({error.strerror})."
            ) from error
        except OSError as error:
            raise StartError(
                f"Cannot listen on {self.host} port {self.port}: {error.strerror}. "
                "Choose another port: ./edgeloom up --port PORT"
            ) from error


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine to itself."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def refuse_unsafe(address: Address) -> None:
    """Refuse to listen beyond this machine with settings that are only good for one's own.

    Raises:
        StartError: with all reasons at once.
    """
    if address.is_loopback:
        return
    origins: Sequence[str] = settings.EDGELOOM_ORIGINS
    reasons = []
    if settings.DEBUG:
        reasons.append("EDGELOOM_DEBUG is on, which shows source code and settings to everybody; unset it")
    if not origins:
        reasons.append("EDGELOOM_ORIGINS is empty; set it to the address that users type: https://edge.example.org")
    # A loopback origin is fine: who comes by it, as to a container's published port, sends nothing over a network.
    plain = [origin for origin in origins if not origin.startswith("https://") and not is_loopback(origin_host(origin))]
    if plain:
        reasons.append(
            f"{', '.join(plain)} is not encrypted, so passwords and tokens could be read on the way; put a TLS proxy "
            "in front and name its https:// address in EDGELOOM_ORIGINS"
        )
    if "*" in settings.ALLOWED_HOSTS:
        reasons.append("EDGELOOM_ALLOWED_HOSTS contains *; name the hosts")
    if len(settings.SECRET_KEY) < SHORTEST_KEY:
        reasons.append(f"EDGELOOM_SECRET_KEY has under {SHORTEST_KEY} characters; unset it to have one made")
    if reasons:
        lines = "\n".join(f"  - {reason}" for reason in reasons)
        raise StartError(f"Not listening on {address.host}, which others can reach, because:\n{lines}")
