"""What the engine computes for pages: little in the web process, more in a process of its own, so that pages go on."""

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Any

import orjson
from django.conf import settings

from engine.core.allowance import Allowance
from engine.core.errors import EngineError

_SLOTS = threading.BoundedSemaphore(2)
"""Such processes at once, of one web process: its host has runs to carry out too."""

MOST_CHARACTERS = 500
"""Of a command's message, as much as a page shows."""


class TakesTooLong(Exception):
    """The command did not answer within its time; it was ended."""


def at_once() -> Allowance:
    """What the web process plans itself for one answer."""
    return Allowance(settings.PLAN_STEPS_AT_ONCE)


def answer_of(arguments: Sequence[str], *, limit_s: float, given: bytes = b"") -> Any:
    """What ``python -m engine`` says with these arguments, which must ask it for JSON.

    Args:
        arguments: the command and its options.
        limit_s: how long it may take, in seconds of this host; waiting for another command to end does not count.
        given: its standard input.

    Raises:
        TakesTooLong: it took longer.
        EngineError: it failed; the message is its own.
    """
    environment = {**os.environ, "EDGELOOM_HOME": str(settings.EDGELOOM_HOME), "OMP_NUM_THREADS": "1"}
    with _SLOTS:
        try:
            done = subprocess.run(
                [sys.executable, "-m", "engine", *arguments],
                input=given,
                capture_output=True,
                timeout=limit_s,
                cwd=settings.BASE_DIR,
                env=environment,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise TakesTooLong from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().removeprefix("edgeloom: ")
        raise EngineError(said[:MOST_CHARACTERS])
    return orjson.loads(done.stdout)
