"""A platform folder of its own for files."""

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of these tests do not meet those of others."""
    monkeypatch.setenv("EDGELOOM_HOME", str(tmp_path))
    settings.ARTIFACTS_FOLDER = tmp_path / "artifacts"
    settings.UPLOADS_FOLDER = tmp_path / "uploads"
