"""Devices of one's own that the catalogue shows beside the built-in ones: files in the platform's folder."""

import logging
import os
import re
import socket
import tempfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

from engine.core.errors import EngineError
from engine.core.home import home_folder
from engine.fleet.device import Device

log = logging.getLogger(__name__)

FOLDER = Path("catalogue") / "devices"
"""Where they lie below the platform's folder: one JSON file per device, named by its id."""

NAME = re.compile("[a-z][a-z0-9_]{0,59}")
"""What an id looks like, as those of the built-in catalogue do."""

Stamp = tuple[tuple[str, int, int], ...]
"""Name, time of change and size of each file: equal stamps, equal content."""


def own_devices() -> Mapping[str, Device]:
    """The devices of the platform's folder by id, in the order of their ids; read anew when a file has changed."""
    folder = home_folder() / FOLDER
    return _read(folder, _stamp(folder))


def this_host() -> Device | None:
    """What ``calibrate`` found out about the machine that we are on; None if it has not been measured."""
    return own_devices().get(host_id())


def host_id() -> str:
    """The id under which the machine that we are on is calibrated: ``host_`` and its name."""
    name = re.sub("[^a-z0-9]+", "_", socket.gethostname().lower()).strip("_")
    return f"host_{name or 'unnamed'}"[:60]


def save_own_device(key: str, device: Device) -> Path:
    """Put a device into the platform's folder, in place of an earlier one with the same id.

    Args:
        key: its id.
        device: its figures.

    Returns:
        The file.

    Raises:
        EngineError: the id is not of the form of catalogue ids.
    """
    if not NAME.fullmatch(key):
        raise EngineError(f"{key!r} is no id of a device; allowed are up to 60 lower-case letters, digits and _")
    folder = home_folder() / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=f".{key}-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(device.model_dump_json(indent=2, exclude_none=True) + "\n")
    return Path(temporary).replace(folder / f"{key}.json")


def _stamp(folder: Path) -> Stamp:
    if not folder.is_dir():
        return ()
    files = sorted(path for path in folder.glob("*.json") if NAME.fullmatch(path.stem))
    return tuple((path.stem, status.st_mtime_ns, status.st_size) for path in files for status in [path.stat()])


@lru_cache(maxsize=8)
def _read(folder: Path, stamp: Stamp) -> Mapping[str, Device]:
    """The devices of a folder; a file that holds none is told to the log and left out, so that the rest can be used."""
    found = {}
    for name, _, _ in stamp:
        path = folder / f"{name}.json"
        try:
            found[name] = Device.model_validate_json(path.read_bytes())
        except (ValidationError, OSError) as error:
            log.warning("%s holds no device and is left out; delete it or calibrate anew: %s", path, error)
    return found
