"""Where results of validations are kept: the committed one, and the one of this host."""

import json
from pathlib import Path
from typing import Any

from engine.core.errors import EngineError

COMMITTED = Path(__file__).resolve().parents[2] / "docs" / "results"
"""Folder of the committed pages; data are below it."""

NAME = "emulation"

FORMAT = "edgeloom-emulation-1"
"""Names the form of a result."""


def local_file(home: Path) -> Path:
    """Where a platform with that folder keeps its own validation."""
    return home / "validation.json"


def committed_file() -> Path:
    """The committed validation."""
    return COMMITTED / "data" / f"{NAME}.json"


def read(path: Path) -> dict[str, Any]:
    """A validation's result.

    Raises:
        EngineError: the file is none.
    """
    try:
        tree = json.loads(path.read_bytes())
    except ValueError as error:
        raise EngineError(f"{path.name} is no result of a validation: {error}") from None
    if not isinstance(tree, dict) or tree.get("format") != FORMAT:
        raise EngineError(f"{path.name} is no result of a validation in the format {FORMAT}")
    return tree


def find(path: Path) -> dict[str, Any] | None:
    """A validation's result, or None if there is no such file."""
    return read(path) if path.is_file() else None


def write(result: dict[str, Any], path: Path) -> None:
    """Keep a result."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1, allow_nan=False) + "\n", encoding="utf-8")
