"""One platform at a time works on a folder."""

from pathlib import Path

import pytest

from webapp.system.errors import StartError
from webapp.system.folder import Folder, Hold


def test_a_second_hold_is_refused_and_names_the_first(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write_state({"pid": 4711, "url": "http://127.0.0.1:8000"})
    with Hold(folder), pytest.raises(StartError, match=r"process 4711, http://127\.0\.0\.1:8000"):
        Hold(folder)


def test_a_hold_can_be_taken_again_after_it_ended(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    with Hold(folder):
        pass
    with Hold(folder):
        pass


def test_a_broken_state_file_counts_as_none(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    assert folder.read_state() == {}
    folder.state.write_text('{"instance": ')
    assert folder.read_state() == {}


def test_folders_are_private(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "home")
    assert {path.stat().st_mode & 0o777 for path in (folder.logs, folder.broker, folder.lock.parent)} == {0o700}
