"""What the commands print: results on standard output, everything else on standard error."""

import json
import sys
from pathlib import Path
from typing import Any

from engine.core.errors import EngineError, SpecError

DONE, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
"""Exit codes of all commands."""


def say(text: str) -> None:
    """Print a result."""
    sys.stdout.write(f"{text}\n")


def note(text: str) -> None:
    """Print what is not a result."""
    sys.stderr.write(f"{text}\n")


def write_json(tree: Any, place: str) -> None:
    """Write a JSON result to a file, or to standard output for ``-``."""
    text = json.dumps(tree, indent=2, ensure_ascii=False, allow_nan=False)
    if place == "-":
        say(text)
    else:
        Path(place).write_text(f"{text}\n", encoding="utf-8")


def complain(error: EngineError) -> None:
    """Print an error with its remedy; of a wrong spec every problem."""
    if isinstance(error, SpecError):
        count = len(error.problems)
        note(f"edgeloom: {count} problem{'s' if count > 1 else ''} found")
        for problem in error.problems:
            note(f"  {problem}")
    else:
        note(f"edgeloom: {error}")
    if error.remedy:
        note(f"  {error.remedy}")


def si(value: float, unit: str) -> str:
    """A quantity to three digits with an SI prefix: ``1.23 MB``, ``45.6 ms``."""
    if value == 0:
        return f"0 {unit}"
    for prefix, scale in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3), ("", 1.0), ("m", 1e-3), ("µ", 1e-6)):
        if abs(value) >= 0.9995 * scale:
            return f"{value / scale:.3g} {prefix}{unit}"
    return f"{value:.3g} {unit}"


def amount(value: float, unit: str) -> str:
    """A quantity as people read it: times as time spans, all else with an SI prefix."""
    return duration(value) if unit == "s" else si(value, unit)


def duration(seconds: float) -> str:
    """A time span as people write it: ``42 s``, ``3:05 min``, ``2:07 h``, ``3.2 d``."""
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}:{rest:02d} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d} h" if hours < 48 else f"{hours / 24:.1f} d"
