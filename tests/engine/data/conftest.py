"""What tests of data share."""

from pathlib import Path

import pytest


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A platform's folder, named by the environment."""
    monkeypatch.setenv("EDGELOOM_HOME", str(tmp_path / "home"))
    return tmp_path / "home"
