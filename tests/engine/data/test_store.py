"""Finding, downloading and caching the files of data sets."""

import gzip
import hashlib
import subprocess
import sys
import threading
from http import HTTPStatus
from pathlib import Path

import numpy as np
import pytest

from engine.core.errors import DataUnavailable
from engine.data.remote import RemoteFile, matches
from engine.data.store import DataStore
from tests.engine.data.server import Behavior, serving

PLAIN = bytes(range(256)) * 4096
PACKED = gzip.compress(PLAIN, compresslevel=1, mtime=0) + b""
BODY = hashlib.sha256(b"").digest() * 100_000  # 3.2 MB, more than one chunk


def remote(content: bytes, *urls: str, name: str = "set/file.gz", inner: bytes = b"") -> RemoteFile:
    """The declaration of that content."""
    return RemoteFile(
        name=name,
        urls=urls,
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        content_sha256=hashlib.sha256(inner).hexdigest() if inner else "",
        content_bytes=len(inner),
    )


def test_a_download_is_verified_reported_and_kept(tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    behavior = Behavior(BODY)
    with serving(behavior) as url:
        store = DataStore(tmp_path, progress=lambda *state: seen.append(state))
        path = store.fetch(remote(BODY, url))
        assert path == tmp_path / "set" / "file.gz"
        assert path.read_bytes() == BODY
        store.fetch(remote(BODY, url))
    assert behavior.starts == [0]
    assert seen[-1] == ("set/file.gz", len(BODY), len(BODY))
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)
    assert not path.with_name("file.gz.part").exists()


def test_a_broken_transfer_goes_on_where_it_stopped(tmp_path: Path) -> None:
    behavior = Behavior(BODY, break_after=1_500_000, breaks=2)
    with serving(behavior) as url:
        path = DataStore(tmp_path).fetch(remote(BODY, url))
    assert path.read_bytes() == BODY
    assert behavior.starts == [0, 1_500_000, 3_000_000]


def test_a_part_left_by_a_killed_process_is_continued(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "file.gz.part").write_bytes(BODY[:1000])
    behavior = Behavior(BODY)
    with serving(behavior) as url:
        assert DataStore(tmp_path).fetch(remote(BODY, url)).read_bytes() == BODY
    assert behavior.starts == [1000]


def test_a_whole_part_is_not_downloaded_again(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "file.gz.part").write_bytes(BODY)
    behavior = Behavior(BODY)
    with serving(behavior) as url:
        assert DataStore(tmp_path).fetch(remote(BODY, url)).read_bytes() == BODY
    assert behavior.starts == []


def test_a_server_without_ranges_sends_all_again(tmp_path: Path) -> None:
    behavior = Behavior(BODY, break_after=1000, breaks=1, ignores_range=True)
    with serving(behavior) as url:
        assert DataStore(tmp_path).fetch(remote(BODY, url)).read_bytes() == BODY
    assert behavior.starts == [0, 1000]


def test_a_wrong_part_is_thrown_away_and_loaded_anew(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "file.gz.part").write_bytes(b"x" * 1000)
    behavior = Behavior(BODY)
    with serving(behavior) as url:
        assert DataStore(tmp_path).fetch(remote(BODY, url)).read_bytes() == BODY
    assert behavior.starts == [1000, 0]


def test_the_next_mirror_is_tried(tmp_path: Path) -> None:
    gone, corrupt, good = Behavior(BODY, status=HTTPStatus.NOT_FOUND), Behavior(b"y" * len(BODY)), Behavior(BODY)
    with serving(gone) as first, serving(corrupt) as second, serving(good) as third:
        assert DataStore(tmp_path).fetch(remote(BODY, first, second, third)).read_bytes() == BODY
    assert gone.starts == [0]
    assert corrupt.starts == [0, 0, 0]


def test_when_all_mirrors_fail_the_message_says_why_and_what_to_do(tmp_path: Path) -> None:
    gone, corrupt = Behavior(BODY, status=HTTPStatus.NOT_FOUND), Behavior(b"y" * len(BODY))
    with serving(gone) as first, serving(corrupt) as second, pytest.raises(DataUnavailable) as caught:
        DataStore(tmp_path).fetch(remote(BODY, first, second))
    for words in ("set/file.gz", "3.2 MB", f"{first}: HTTP 404", f"{second}: the checksum differs"):
        assert words in str(caught.value)
    for words in (first, second, str(tmp_path / "set" / "file.gz"), "EDGELOOM_DATA"):
        assert words in caught.value.remedy
    assert list((tmp_path / "set").glob("*.gz")) == []


def test_offline_nothing_is_requested(tmp_path: Path) -> None:
    behavior = Behavior(BODY)
    with serving(behavior) as url, pytest.raises(DataUnavailable, match="switched off") as caught:
        DataStore(tmp_path, offline=True).fetch(remote(BODY, url))
    assert behavior.starts == []
    assert str(tmp_path / "set" / "file.gz") in caught.value.remedy


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    with serving(Behavior(b"")) as url:
        pass
    with pytest.raises(DataUnavailable, match="refused"):
        DataStore(tmp_path).fetch(remote(BODY, url))


def test_two_processes_download_once(tmp_path: Path) -> None:
    behavior = Behavior(BODY)
    found: list[Path] = []
    with serving(behavior) as url:
        threads = [
            threading.Thread(target=lambda: found.append(DataStore(tmp_path).fetch(remote(BODY, url))))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(found) == 4
    assert behavior.starts == [0]


@pytest.mark.parametrize("place", ["set/file.gz", "file.gz"])
def test_a_file_in_a_further_folder_is_used_where_it_lies(tmp_path: Path, place: str) -> None:
    folder = tmp_path / "shared"
    (folder / place).parent.mkdir(parents=True, exist_ok=True)
    (folder / place).write_bytes(BODY)
    store = DataStore(tmp_path / "own", folders=[folder], offline=True)
    assert store.fetch(remote(BODY)) == folder / place
    assert not (tmp_path / "own").exists()


def test_a_file_with_another_content_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "file.gz").write_bytes(b"not it")
    with pytest.raises(DataUnavailable, match=r"file\.gz is not the set/file\.gz that is expected") as caught:
        DataStore(tmp_path).fetch(remote(BODY, "https://example.org/file.gz"))
    assert "https://example.org/file.gz" in caught.value.remedy


@pytest.mark.slow
def test_a_file_compressed_anew_is_recognized_by_its_content(tmp_path: Path) -> None:
    declared = remote(PACKED, inner=PLAIN)
    again = tmp_path / "file.gz"
    again.write_bytes(gzip.compress(PLAIN, compresslevel=9, mtime=7))
    assert again.read_bytes() != PACKED
    assert matches(again, declared)
    again.write_bytes(gzip.compress(PLAIN[:-1] + b"!", mtime=0))
    assert not matches(again, declared)
    again.write_bytes(gzip.compress(PLAIN, mtime=0)[:-100])
    assert not matches(again, declared)
    again.write_bytes(gzip.compress(b"\0" * 100_000_000, mtime=0))
    assert not matches(again, declared)


def test_the_environment_names_the_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGELOOM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("EDGELOOM_DATA", f"{tmp_path / 'a'}:{tmp_path / 'b'}")
    monkeypatch.setenv("EDGELOOM_OFFLINE", "1")
    store = DataStore.from_environment()
    assert (store.root, store.folders, store.offline) == (
        tmp_path / "home" / "data",
        (tmp_path / "a", tmp_path / "b"),
        True,
    )


def test_arrays_are_made_once_and_mapped_afterwards(tmp_path: Path) -> None:
    calls: list[int] = []

    def make() -> dict[str, np.ndarray]:
        calls.append(1)
        return {"x": np.arange(6.0).reshape(2, 3), "y": np.array([1, 2])}

    assert not DataStore(tmp_path).has_arrays("key")
    for _ in range(2):
        arrays = DataStore(tmp_path).arrays("key", make)
        assert isinstance(arrays["x"], np.memmap)
        assert not arrays["x"].flags.writeable
        assert arrays["x"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert len(calls) == 1
    assert DataStore(tmp_path).has_arrays("key")
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["key"]


def test_an_entry_that_another_process_wrote_meanwhile_is_taken(tmp_path: Path) -> None:
    def make() -> dict[str, np.ndarray]:
        DataStore(tmp_path).arrays("key", lambda: {"x": np.array([7])})
        return {"x": np.array([7])}

    assert DataStore(tmp_path).arrays("key", make)["x"].tolist() == [7]


@pytest.mark.parametrize("kept", [0, 60, 140])
def test_a_damaged_entry_is_made_anew(tmp_path: Path, kept: int) -> None:
    def make() -> dict[str, np.ndarray]:
        return {"x": np.arange(5)}

    DataStore(tmp_path).arrays("key", make)
    file = tmp_path / "cache" / "key" / "x.npy"
    file.write_bytes(file.read_bytes()[:kept])
    assert DataStore(tmp_path).arrays("key", make)["x"].tolist() == [0, 1, 2, 3, 4]
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["key"]


def test_a_failure_to_make_leaves_no_entry(tmp_path: Path) -> None:
    def fail() -> dict[str, np.ndarray]:
        raise DataUnavailable("gone")

    with pytest.raises(DataUnavailable):
        DataStore(tmp_path).arrays("key", fail)
    assert not DataStore(tmp_path).has_arrays("key")


def test_a_cache_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file, not a folder")
    with pytest.raises(DataUnavailable, match="cannot be written") as caught:
        DataStore(tmp_path).arrays("key", lambda: {"x": np.zeros(1)})
    assert "EDGELOOM_HOME" in caught.value.remedy


@pytest.mark.slow
def test_the_store_needs_no_heavy_library() -> None:
    code = "import sys, engine.data.dataset; sys.exit('torch' in sys.modules or 'sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
