"""The processes of the platform beside the broker: web server, workers, clock."""

import http.client
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from webapp.system.address import Address
from webapp.system.process import Role

_CELERY = ("-m", "celery", "-A", "workers.app:app")
# At SIGTERM running jobs store a checkpoint and give their run back after the block; SIGQUIT does not wait for that.
_WORKER_STOP = ((signal.SIGTERM, 6.0), (signal.SIGQUIT, 4.0))


def web_command(address: Address) -> list[str]:
    """The web server's command; it closes sockets with "service restart" when it stops, so that pages reconnect."""
    command = [sys.executable, "-m", "uvicorn", "webapp.asgi:application", "--ws", "websockets-sansio"]
    command += ["--host", address.host, "--port", str(address.port), "--timeout-graceful-shutdown", "3"]
    return [*command, "--lifespan", "off", "--no-access-log", "--no-server-header"]


def web(address: Address) -> Role:
    """The web server."""
    return Role(
        name="web",
        command=web_command(address),
        stop=((signal.SIGTERM, 6.0),),
        check=lambda: responds(address),
    )


def worker(queue: str, num_processes: int, folder: Path) -> Role:
    """A worker for one queue. Its pool is of processes, because a job in a thread cannot be ended.

    One for runs also helps with the runs of others when none waits.
    """
    queues = "runs,shards" if queue == "runs" else queue
    command = [sys.executable, *_CELERY, "worker", "-Q", queues, "-c", str(num_processes), "-n", f"{queue}@%h"]
    command += ["--pool", "prefork", "--loglevel", "INFO", "--without-gossip", "--without-mingle"]
    return Role(
        name=f"worker-{queue}",
        command=[*command, "--statedb", str(folder / f"worker-{queue}.state")],
        stop=_WORKER_STOP,
        last_will=signal.SIGKILL,  # with the broker gone as well, a polite worker would wait for its job to end
    )


def clock(folder: Path) -> Role:
    """The process that sends what is due at fixed times, such as the search for lost runs."""
    command = [sys.executable, *_CELERY, "beat", "--loglevel", "INFO", "--schedule", str(folder / "beat-schedule")]
    return Role(
        name="beat",
        command=[*command, "--pidfile="],  # the platform's own lock does what the file would
        stop=((signal.SIGTERM, 3.0),),
        last_will=signal.SIGKILL,
    )


def responds(address: Address, timeout_s: float = 3.0) -> bool:
    """Whether the web server there answers that it lives."""
    connection = http.client.HTTPConnection(address.probe_host, address.port, timeout=timeout_s)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def background(num_workers: int, folder: Path) -> Sequence[Role]:
    """What works behind the pages: the workers of both queues and the clock."""
    return (worker("runs", num_workers, folder), worker("interactive", 1, folder), clock(folder))
