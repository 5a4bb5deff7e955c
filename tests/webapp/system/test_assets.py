"""Browser libraries and collected static files."""

import os
from pathlib import Path

import pytest
from django.contrib.staticfiles.finders import get_finder
from pytest_django.fixtures import Settings

from tests.environment import ROOT
from webapp.system import assets, preparation, statics


@pytest.fixture
def sources(tmp_path: Path, settings: Settings) -> Path:
    """A repository with the lock only."""
    for name in ("package.json", "package-lock.json", ".npmrc"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    settings.BASE_DIR = tmp_path
    return tmp_path


def fake_npm(place: Path) -> str:
    """Puts files where npm would."""
    for origin in assets.FILES.values():
        path = place / "node_modules" / origin
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(origin)
    return ""


def test_libraries_are_copied_once_and_again_when_the_lock_changes(
    sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "_npm_ci", fake_npm)
    assert not assets.are_current()
    assert assets.install() == ""
    assert assets.are_current()
    assert (sources / "webapp/static/vendor/uplot/uPlot.esm.js").read_text() == "uplot/dist/uPlot.esm.js"
    (sources / "package-lock.json").write_text("{}")
    assert not assets.are_current()


def test_without_a_way_to_the_registry_there_is_a_warning_and_no_error(
    sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(assets, "_npm_ci", lambda place: "network is down")
    preparation.prepare_assets(said.append)
    assert len(said) == 1
    assert "tables instead of charts. network is down" in said[0]


def test_static_files_are_collected_when_a_source_changes(
    sources: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "static-sources"
    folder.mkdir()
    (folder / "a.css").write_text("a {}")
    settings.STATICFILES_DIRS = [folder]
    settings.STATIC_ROOT = tmp_path / "static"
    settings.STATIC_ROOT.mkdir()
    calls = []
    monkeypatch.setattr(statics.subprocess, "run", lambda *_, **__: calls.append(1) or Done())
    for text, num_calls in (("a {}", 1), ("a {}", 1), ("a { color: red }", 2)):
        if (folder / "a.css").read_text() != text:
            (folder / "a.css").write_text(text)
        get_finder.cache_clear()
        preparation.prepare_statics(os.environ)
        assert len(calls) == num_calls


class Done:
    """A program that ended well."""

    returncode = 0
