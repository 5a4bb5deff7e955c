"""Where the server may listen, and when it refuses to."""

import socket

import pytest
from pytest_django.fixtures import Settings

from webapp.system.address import Address, refuse_unsafe
from webapp.system.errors import StartError


def test_loopback_needs_nothing(settings: Settings) -> None:
    settings.DEBUG, settings.EDGELOOM_ORIGINS = True, []
    for host in ("127.0.0.1", "localhost", "::1", "127.9.9.9"):
        refuse_unsafe(Address(host, 8000))


def test_all_reasons_at_once(settings: Settings) -> None:
    settings.DEBUG = True
    settings.EDGELOOM_ORIGINS = ["http://edge.example.org"]
    settings.ALLOWED_HOSTS = ["*"]
    settings.SECRET_KEY = "short"
    with pytest.raises(StartError) as caught:
        refuse_unsafe(Address("0.0.0.0", 8000))
    for name in ("EDGELOOM_DEBUG", "http://edge.example.org", "EDGELOOM_ALLOWED_HOSTS", "EDGELOOM_SECRET_KEY"):
        assert name in str(caught.value)


def test_a_public_address_must_be_named(settings: Settings) -> None:
    settings.EDGELOOM_ORIGINS = []
    with pytest.raises(StartError, match="EDGELOOM_ORIGINS is empty"):
        refuse_unsafe(Address("192.0.2.7", 8000))


@pytest.mark.parametrize("origin", ["https://edge.example.org", "http://localhost:8000", "http://127.0.0.1:8000"])
def test_safe_origins_are_accepted(settings: Settings, origin: str) -> None:
    settings.EDGELOOM_ORIGINS = [origin]
    refuse_unsafe(Address("0.0.0.0", 8000))


def test_a_taken_port_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=rf"127\.0\.0\.1 port {port}: Address already in use.*--port"):
            Address("127.0.0.1", port).check_free()


def test_a_foreign_host_is_named() -> None:
    with pytest.raises(StartError, match=r"no-such-host\.invalid"):
        Address("no-such-host.invalid", 8000).check_free()


@pytest.mark.parametrize(
    ("host", "url"),
    [("127.0.0.1", "http://127.0.0.1:80"), ("0.0.0.0", "http://127.0.0.1:80"), ("::1", "http://[::1]:80")],
)
def test_the_probe_reaches_this_machine(host: str, url: str) -> None:
    assert Address(host, 80).probe_url == url


def test_people_get_the_public_origin() -> None:
    assert Address("0.0.0.0", 8000).public_url(["https://edge.example.org"]) == "https://edge.example.org"
