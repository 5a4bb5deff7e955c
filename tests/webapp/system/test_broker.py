"""The embedded broker: private, with a password, and keeping what it was given."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from webapp.system.broker import Broker, answers, server_binary


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A running broker in a folder whose name has a space."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    broker = Broker.prepare(folder)
    with run(broker) as process:
        yield broker
        process.kill()


def run(broker: Broker) -> subprocess.Popen[bytes]:
    """Start the server and wait until it answers."""
    process = subprocess.Popen(broker.role().command, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not answers(broker.url):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    return process


@pytest.mark.slow
def test_nobody_gets_in_without_the_password(broker: Broker) -> None:
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=broker.port).ping()


def test_the_password_is_readable_by_the_owner_only_and_not_in_the_command(broker: Broker) -> None:
    assert broker.configuration.stat().st_mode & 0o777 == 0o600
    assert not any(broker.password in word for word in broker.role().command)


def test_what_was_queued_survives_a_kill(tmp_path: Path) -> None:
    broker = Broker.prepare(tmp_path)
    with run(broker) as process:
        redis.Redis.from_url(broker.url).rpush("runs", *range(100))
        process.kill()
    again = Broker.prepare(tmp_path)
    with run(again) as process:
        assert redis.Redis.from_url(again.url).llen("runs") == 100
        process.kill()


def test_the_binary_is_the_package_s_own() -> None:
    assert server_binary().name == "valkey-server"
