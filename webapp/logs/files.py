"""The log file that all processes of the platform write to."""

import fcntl
import logging
import os
from pathlib import Path

LIMIT_BYTES = 20_000_000
"""From this size on a new file is begun; the one before it is kept under ``.1``."""


class SharedFile(logging.Handler):
    """Adds one line per record to a file that other processes write to as well.

    A line is one ``write`` to a file opened for appending, so lines of several processes never mix. Whoever finds the
    file too large renames it; the others notice by its inode.

    Args:
        path: the file; made with the first line, readable by its owner only.
    """

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = Path(path)
        self._descriptor = -1

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line; a full disk must not stop what is logged."""
        try:
            line = self.format(record)
            self._open()
            os.write(self._descriptor, f"{line}\n".encode(errors="replace"))
        except (OSError, ValueError, TypeError):
            self.handleError(record)

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        super().close()

    def _open(self) -> None:
        if self._descriptor >= 0 and self._is_current():
            if os.fstat(self._descriptor).st_size < LIMIT_BYTES:
                return
            self._turn_over()
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def _is_current(self) -> bool:
        try:
            return self._path.stat().st_ino == os.fstat(self._descriptor).st_ino
        except FileNotFoundError:
            return False

    def _turn_over(self) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)  # given up with the descriptor
        if self._is_current():  # nobody else did it meanwhile
            self._path.replace(self._path.with_name(f"{self._path.name}.1"))
