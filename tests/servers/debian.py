"""PostgreSQL and Redis as Debian packages them, as throw-away servers on loopback."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from webapp.system.broker import answers, free_port

REMEDY = "(Debian: apt-get install postgresql redis-server)"


def postgres_programs() -> Path | None:
    """The folder of the newest PostgreSQL server's programs; None if there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


def redis_program() -> str | None:
    """Debian's Redis server; None if there is none."""
    return shutil.which("redis-server", path="/usr/bin:/usr/local/bin")


def account() -> str | None:
    """The account to run PostgreSQL under: it refuses to run as root."""
    if os.geteuid() != 0:
        return None
    return next((name for name in ("postgres", "nobody") if _exists(name)), None)


def _exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


@contextmanager
def postgres() -> Iterator[str]:
    """A new PostgreSQL cluster with one database; gives its URL."""
    programs, user, port = postgres_programs(), account(), free_port()
    assert programs is not None
    folder = Path(tempfile.mkdtemp(prefix="edgeloom-postgres-"))  # not below pytest's, which only its owner may enter
    data, log = folder / "data", folder / "log"
    if user is not None:
        shutil.chown(folder, user)
    command = [programs / "initdb", "-D", data, "-U", "edgeloom", "--auth=trust", "--encoding=UTF8", "--no-sync"]
    subprocess.run(command, user=user, cwd=folder, check=True, capture_output=True)
    options = ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}", "-c", "fsync=off"]
    with log.open("wb") as said:
        server = subprocess.Popen(
            [programs / "postgres", "-D", data, "-p", str(port), *options],
            user=user,
            cwd=folder,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        create = [programs / "createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "edgeloom", "edgeloom"]
        _until(lambda: subprocess.run(create, capture_output=True, check=False, cwd="/").returncode == 0, log)
        yield f"postgres://edgeloom:unused@127.0.0.1:{port}/edgeloom"
    finally:
        server.send_signal(signal.SIGINT)  # a fast shutdown: sessions are ended, not waited for
        server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def redis_server() -> Iterator[str]:
    """A new Redis server with a password; gives its URL."""
    program, port = redis_program(), free_port()
    assert program is not None
    folder = Path(tempfile.mkdtemp(prefix="edgeloom-redis-"))
    log = folder / "log"
    options = ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder), "--save", "", "--appendonly", "no"]
    with log.open("wb") as said:
        server = subprocess.Popen([program, *options, "--requirepass", "opensesame"], stdout=said, stderr=said)
    url = f"redis://:opensesame@127.0.0.1:{port}/0"
    try:
        _until(lambda: answers(url), log)
        yield url
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def _until(condition: Callable[[], bool], log: Path, timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(log.read_text())
        time.sleep(0.2)
