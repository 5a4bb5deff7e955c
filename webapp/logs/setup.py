"""Django's ``LOGGING``: plain text on the terminal, JSON in the platform's folder."""

import os
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import orjson
import structlog
from django.core.exceptions import ImproperlyConfigured

from webapp.logs.masking import mask_all

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def level() -> str:
    """The least level that is logged: ``EDGELOOM_LOG_LEVEL``.

    Raises:
        ImproperlyConfigured: it is none.
    """
    name = os.environ.get("EDGELOOM_LOG_LEVEL", "").strip().upper() or "INFO"
    if name not in LEVELS:
        raise ImproperlyConfigured(f"EDGELOOM_LOG_LEVEL must be one of {', '.join(LEVELS)}; it is {name!r}")
    return name


def logging_settings(home: Path) -> dict[str, Any]:
    """How everything is logged, for ``logging.config.dictConfig``."""
    shared = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.ExtraAdder(),
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ]
    strip = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    as_json = structlog.processors.JSONRenderer(serializer=_dump)
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "human": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared,
                "processors": [strip, mask_all, _human()],
            },
            "json": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared,
                "processors": [strip, _add_process, structlog.processors.format_exc_info, mask_all, as_json],
            },
        },
        "handlers": {
            "console": {"class": "logging.StreamHandler", "formatter": "human"},
            "file": {
                "class": "webapp.logs.files.SharedFile",
                "formatter": "json",
                "path": str(home / "logs" / "edgeloom.jsonl"),
            },
        },
        "root": {"handlers": ["console", "file"], "level": level()},
        "loggers": {
            # The server and Django bring handlers of their own, which know no masks.
            "uvicorn": {"handlers": [], "propagate": True},
            "uvicorn.error": {"handlers": [], "propagate": True},
            "django": {"handlers": [], "propagate": True},
            "django.server": {"handlers": [], "propagate": True},
            # Its warnings of 4xx answers say nothing that the line of the request does not.
            "django.request": {"level": "ERROR"},
        },
    }


def _human() -> structlog.dev.ConsoleRenderer:
    return structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(),
        timestamp_key="at",
        sort_keys=False,
        # The default one prints the local variables: secrets among them, and of a page's context half a minute of text.
        exception_formatter=structlog.dev.plain_traceback,
    )


def _add_process(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event["pid"] = os.getpid()
    return event


def _dump(event: Any, default: Any = None, **_: Any) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
