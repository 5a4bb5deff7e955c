"""Runs a peer on a workload, in its own environment, and reads what it measured."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers import environment

PEERS = {"flower": "flwr", "pfl": "pfl"}
"""Module of this folder by the package that it needs."""

LONGEST_S = 900


@dataclass(frozen=True)
class PeerRun:
    """What a peer measured.

    Attributes:
        wall_s: seconds of each round.
        cpu_s: seconds of processor of each round, over the whole tree of processes.
        sum: sum of the final weights.
        norm: their L2 norm.
    """

    wall_s: list[float]
    cpu_s: list[float]
    sum: float
    norm: float


def installed() -> list[str]:
    """The peers that can be run here."""
    return [name for name, package in PEERS.items() if environment.has(package)]


def run(name: str, work: Path, num_clients: int) -> PeerRun:
    """Run one peer on the work in a folder.

    Raises:
        RuntimeError: it failed; the message has its last words.
    """
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    told = {"EDGELOOM_PEER_WORK": str(work), "EDGELOOM_PEER_CLIENTS": str(num_clients), "PYTHONUNBUFFERED": "1"}
    command = [str(environment.python()), "-m", f"benchmarks.peers.{name}"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=environment.ROOT, timeout=LONGEST_S,
        env=os.environ | threads | told | {"PYTHONPATH": str(environment.ROOT)},
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if line.startswith('{"wall_s"')]
    if done.returncode or not lines:
        words = "\n".join((done.stderr + done.stdout).strip().splitlines()[-12:])
        raise RuntimeError(f"{name} failed:\n{words}")
    return PeerRun(**json.loads(lines[-1]))
