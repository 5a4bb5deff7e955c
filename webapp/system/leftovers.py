"""What a platform that was killed may have left running on the same folder."""

import os

import psutil

INSTANCE = "EDGELOOM_INSTANCE"
"""Environment variable by which every process of one start of the platform is known."""


def of_instance(instance: str) -> list[psutil.Process]:
    """The running processes, but this one, that belong to one start of the platform."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(INSTANCE) == instance:
                found.append(process)
        except psutil.Error:  # gone meanwhile, or another user's
            continue
    return found


def end(instance: str, grace_s: float = 5.0) -> int:
    """End all processes of an earlier start; the caller holds the folder, so its supervisor is gone.

    Returns:
        How many there were.
    """
    processes = of_instance(instance)
    for process in processes:
        _send(process, "terminate")
    _, alive = psutil.wait_procs(processes, timeout=grace_s)
    for process in alive:
        _send(process, "kill")
    psutil.wait_procs(alive, timeout=grace_s)
    return len(processes)


def _send(process: psutil.Process, action: str) -> None:
    try:
        getattr(process, action)()
    except psutil.NoSuchProcess:
        return
