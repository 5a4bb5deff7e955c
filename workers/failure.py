"""What is kept of a failure: cause, remedy, a trace and the last log lines, all without this machine's paths."""

import logging
import sys
import sysconfig
import traceback
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from django.conf import settings

from engine.core.errors import EngineError

NUM_LINES = 50
"""Log lines that are kept of a run that failed."""
MAX_TEXT = 4000


class LogTail(logging.Handler):
    """Remembers the last lines that this process logged within a ``with``."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        self.lines: deque[str] = deque(maxlen=NUM_LINES)

    def emit(self, record: logging.LogRecord) -> None:
        """Remember a line; of a record with a trace only its message, because the failure has the trace."""
        plain = logging.makeLogRecord({**record.__dict__, "exc_info": None, "exc_text": None, "stack_info": None})
        self.lines.append(without_paths(self.format(plain)))

    def __enter__(self) -> "LogTail":
        logging.getLogger().addHandler(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        logging.getLogger().removeHandler(self)


def failure_of(error: BaseException, lines: Sequence[str]) -> dict[str, Any]:
    """The record of a failure: ``code``, ``message``, ``remedy``, ``trace`` and ``log_tail``."""
    remedy = "This is a fault of the platform, not of your input. The trace below says where; resume tries once more."
    if isinstance(error, MemoryError):
        remedy = "The worker ran out of memory. Use a smaller model, batch or cohort, or a machine with more memory."
    return {
        "code": error.code if isinstance(error, EngineError) else "unexpected_error",
        "message": without_paths(str(error) or type(error).__name__)[:MAX_TEXT],
        "remedy": without_paths(error.remedy) if isinstance(error, EngineError) else remedy,
        "trace": "" if isinstance(error, EngineError) else trace_of(error),
        "log_tail": list(lines),
    }


def trace_of(error: BaseException) -> str:
    """The trace with places such as ``engine/runs/loop.py`` instead of full paths."""
    return without_paths("".join(traceback.format_exception(error)))[-MAX_TEXT:]


def without_paths(text: str) -> str:
    """The text with the folders of this installation cut off from its paths, and the home folder named ``~``."""
    libraries = {sysconfig.get_paths()[name] for name in ("purelib", "platlib", "stdlib")}
    folders = {str(settings.BASE_DIR), *libraries, sys.prefix, sys.base_prefix}
    for folder in sorted(folders - {"/", "/usr"}, key=len, reverse=True):
        text = text.replace(f"{folder}/", "")
    text = text.replace(str(settings.EDGELOOM_HOME), "EDGELOOM_HOME")
    return text.replace(str(Path.home()), "~") if Path.home() != Path("/") else text
