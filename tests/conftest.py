"""What all tests share: where the data lies, which browser there is, and words for what could not run."""

import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests import environment

# Processes that tests start are the real ones: with the real settings, on the folder that the environment names.
os.environ["DJANGO_SETTINGS_MODULE"] = "webapp.settings"

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_browser() -> str | None:
    """The system's Chromium; ``EDGELOOM_CHROMIUM`` names another one."""
    named = os.environ.get("EDGELOOM_CHROMIUM")
    return named or next(filter(None, map(shutil.which, BROWSERS)), None)


def pytest_configure(config: pytest.Config) -> None:
    """Hypothesis looks at no clock; it tries the same examples each time, and new ones with --full or single tests."""
    is_same, slow = "not full" in config.option.markexpr, [hypothesis.HealthCheck.too_slow]
    hypothesis.settings.register_profile("edgeloom", deadline=None, derandomize=is_same, suppress_health_check=slow)
    hypothesis.settings.load_profile("edgeloom")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Look for garbage seldom, and never among what stays until the end: a third of the time went into that."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip loudly what this machine cannot run."""
    without_browser = pytest.mark.skip(reason="NO BROWSER: install Chromium (Debian: apt-get install chromium)")
    without_data = pytest.mark.skip(reason="NO DATA: EDGELOOM_DATA names no folder with the data sets")
    browser, data = find_browser(), Path(os.environ.get("EDGELOOM_DATA", "/nonexistent")).is_dir()
    for item in items:
        if item.get_closest_marker("browser") and not browser:
            item.add_marker(without_browser)
        if item.get_closest_marker("data") and not data:
            item.add_marker(without_data)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the system's Chromium, for Playwright's ``executable_path``."""
    path = find_browser()
    assert path, "tests that ask for it carry the mark browser"
    return path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty platform folder for one test, also for the processes that it starts."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("EDGELOOM_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's folder."""
    return environment.ROOT
