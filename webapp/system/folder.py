"""The platform's folder: where things lie in it, and that only one platform at a time works on it."""

import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from webapp.system.errors import StartError


@dataclass(frozen=True)
class Folder:
    """The places inside ``EDGELOOM_HOME`` that running the platform needs.

    Attributes:
        root: the folder itself.
    """

    root: Path

    @property
    def logs(self) -> Path:
        """One log file per process."""
        return self._made("logs")

    @property
    def broker(self) -> Path:
        """Data of the embedded broker."""
        return self._made("broker")

    @property
    def state(self) -> Path:
        """What runs at the moment, as JSON: the instance, its address and its processes."""
        return self._made("run") / "platform.json"

    @property
    def lock(self) -> Path:
        """The file that the running platform keeps locked."""
        return self._made("run") / "lock"

    def _made(self, name: str) -> Path:
        path = self.root / name
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    def read_state(self) -> dict[str, Any]:
        """What the last platform wrote about itself; empty if there was none."""
        try:
            state = json.loads(self.state.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return state if isinstance(state, dict) else {}

    def write_state(self, state: dict[str, Any]) -> None:
        """Replace what is said about the running platform, at once or not at all."""
        draft = self.state.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(state, indent=1))
        draft.replace(self.state)


class Hold:
    """The right to run a platform on a folder; given up when the process ends, however it ends.

    Raises:
        StartError: another process has it.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._file = folder.lock.open("a")  # not inherited by children, so it goes with this process
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise StartError(self._taken()) from None

    def _taken(self) -> str:
        state = self._folder.read_state()
        where = f" (process {state['pid']}, {state['url']})" if {"pid", "url"} <= state.keys() else ""
        return (
            f"Edgeloom is running on {self._folder.root} already{where}. "
            "Stop that one first, or give this one a folder of its own: ./edgeloom up --home FOLDER --port PORT"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
