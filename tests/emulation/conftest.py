"""What real execution needs of this host: skipped with the doctor's reason, unless REQUIRE_EMULATE=1."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import pytest

from engine.emulation.doctor import FabricUnavailable, choose
from engine.emulation.fabric import FabricName
from engine.emulation.laboratory import Host


def require(wanted: FabricName) -> FabricName:
    """The tier, or a skip that says why not."""
    try:
        return choose(wanted)
    except FabricUnavailable as error:
        reason = f"{error}; {error.remedy}"
    if os.environ.get("REQUIRE_EMULATE") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(params=["tun", "userns", "loopback"])
def fabric(request: pytest.FixtureRequest) -> FabricName:
    """Each tier that works here."""
    return require(request.param)


@pytest.fixture(params=["tun", "userns"])
def real_fabric(request: pytest.FixtureRequest) -> FabricName:
    """Each tier with namespaces and TCP that works here."""
    return require(request.param)


@pytest.fixture(scope="module")
def hosts() -> Iterator[Callable[[str], Host]]:
    """A warm parent for each tier, started when first asked for."""
    with ExitStack() as running:
        yield cache(lambda name: running.enter_context(Host()))


@pytest.fixture
def host(hosts: Callable[[str], Host], request: pytest.FixtureRequest) -> Host:
    """The warm parent of the test's tier."""
    names = [name for name in ("fabric", "real_fabric") if name in request.fixturenames]
    return hosts(request.getfixturevalue(names[0]) if names else "loopback")


@pytest.fixture
def fresh_host() -> Iterator[Host]:
    """A warm parent of one's own, for tests that kill it."""
    with Host() as host:
        yield host
