"""The peers' own Python environment: made on demand, from a list and a lock of its own, so that Edgeloom needs none."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent

WANTED, LOCK = HERE / "requirements.in", HERE / "requirements.lock"
"""What is asked for with the reasons, and the pins that follow."""

VARIABLE = "EDGELOOM_PEERS"
"""Environment variable that names another folder for the environment."""


def folder() -> Path:
    """Where the environment is: ``.peers`` beside the sources, or where ``EDGELOOM_PEERS`` says."""
    return Path(os.environ.get(VARIABLE) or ROOT / ".peers").absolute()


def python() -> Path:
    """The environment's interpreter."""
    return folder() / "bin" / "python"


def is_installed() -> bool:
    """Whether the environment holds what the lock says."""
    stamp = _stamp()
    return python().exists() and stamp.exists() and stamp.read_text() == _digest()


def has(module: str) -> bool:
    """Whether the environment can import a module."""
    if not python().exists():
        return False
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is None)"
    return subprocess.run([str(python()), "-c", code], check=False).returncode == 0


def install() -> None:
    """Make the environment and install the lock; nothing to do if that was done before.

    Raises:
        subprocess.CalledProcessError: a package cannot be had; its message was printed.
    """
    if is_installed():
        return
    environment = _with_wheels()
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "-q", "--clear", "--python", sys.executable, str(folder())], check=True)
    install_lock = [*uv, "pip", "install", "-q", "--python", str(python()), "-r", str(LOCK)]
    subprocess.run(install_lock, check=True, env=environment)
    _stamp().write_text(_digest())


def lock() -> None:
    """Pin the list anew.

    Raises:
        subprocess.CalledProcessError: the list has no solution; its message was printed.
    """
    command = [sys.executable, "-m", "uv", "pip", "compile", "-q", "--universal", "--python-version", "3.11"]
    command += ["--no-header", "--annotation-style", "line", "--upgrade", WANTED.name]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=HERE)
    LOCK.write_text(_readable(done.stdout))


def _readable(resolved: str) -> str:
    """One pin a line with its reason: that of the list, or the packages that want it; no local builds of torch."""
    reasons = dict(_reason(line) for line in WANTED.read_text().splitlines() if "==" in line.partition("#")[0])
    lines = [f"# Made by `python -m benchmarks.peers lock` from {WANTED.name}; names and versions only."]
    for line in resolved.splitlines():
        requirement, _, via = line.partition("#")
        if requirement.strip() and not requirement.startswith(("nvidia-", "cuda-", "triton")):
            reason = reasons.get(_name(requirement)) or via.strip()
            lines.append(f"{requirement.rstrip():<30}  # {reason}")
    return "\n".join(lines) + "\n"


def _reason(line: str) -> tuple[str, str]:
    requirement, _, reason = line.partition("#")
    return _name(requirement), reason.strip()


def _name(requirement: str) -> str:
    return requirement.partition("==")[0].partition("[")[0].strip().lower().replace("_", "-")


def _stamp() -> Path:
    return folder() / ".installed"


def _digest() -> str:
    return hashlib.sha256(LOCK.read_bytes()).hexdigest()


def _with_wheels() -> dict[str, str]:
    """The surroundings, with pip's folder of wheels told to uv; uv stops at a folder that does not exist."""
    wheels = os.environ.get("PIP_FIND_LINKS", "")
    known = "UV_FIND_LINKS" in os.environ or not Path(wheels).is_dir() or not wheels
    return dict(os.environ) if known else os.environ | {"UV_FIND_LINKS": wheels}
