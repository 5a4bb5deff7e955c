"""Under what a run was made: the versions and the kind of processor that its bits depend on."""

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import engine
from engine.core.json import JsonValue
from engine.core.numerics import NUMERICS_VERSION

_PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "pydantic", "safetensors")


def provenance() -> dict[str, JsonValue]:
    """Versions of engine, numerics, Python and libraries, and the kind of processor; nothing that names the host."""
    return {
        "engine_version": engine.__version__,
        "numerics_version": NUMERICS_VERSION,
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "cpu": _cpu(),
        "packages": {name: _version(name) for name in _PACKAGES},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _cpu() -> str:
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()
