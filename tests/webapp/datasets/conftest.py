"""A team, a client signed in as each of its members, and an uploaded set of each kind."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.engine.data.files import flat, npz_of, zip_of
from tests.webapp.people import People
from webapp.datasets import services
from webapp.datasets.models import Upload


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A platform folder of its own for each test, since rows are rolled back and files are not."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("EDGELOOM_HOME", str(folder))
    settings.EDGELOOM_HOME = folder
    settings.ARTIFACTS_FOLDER, settings.UPLOADS_FOLDER = folder / "artifacts", folder / "uploads"
    return folder


def images(folder: Path, shade: int = 10) -> bytes:
    """A good archive: two classes of ten gray images."""
    files = {f"{name}/{i}.png": flat(shade + 5 * i) for name in ("cat", "dog") for i in range(10)}
    return zip_of(folder / "images.zip", files).read_bytes()


def arrays(folder: Path) -> bytes:
    """A good NumPy archive: thirty samples of three classes."""
    x = np.arange(120, dtype=np.float32).reshape(30, 4)
    return npz_of(folder / "arrays.npz", x=x, y=np.arange(30) % 3).read_bytes()


@pytest.fixture
def send(people: People) -> Callable[..., Upload]:
    """Sends a file in parts, as its announcement says, and completes it."""

    def _send(data: bytes, kind: str, *, team: Any = None, user: Any = None, **announced: Any) -> Upload:
        team, user = team or people.team, user or people["editor"]
        facts = {"sha256": hashlib.sha256(data).hexdigest(), "size_bytes": len(data), "name": "Mine", **announced}
        upload = services.announce(team, user, services.Announcement(kind=kind, **facts))
        services.put_part(upload, user, 0, data)
        return services.complete(upload, user)

    return _send
