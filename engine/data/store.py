"""The place of data sets' files on this machine: look-up, download, a cache of decoded arrays that processes share."""

import glob
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from engine.core.errors import DataUnavailable
from engine.core.home import HOME_VARIABLE, home_folder
from engine.data.download import Progress, download
from engine.data.remote import RemoteFile, matches

DATA_VARIABLE = "EDGELOOM_DATA"
"""Environment variable: further folders with data sets, separated like PATH; they are only read."""

OFFLINE_VARIABLE = "EDGELOOM_OFFLINE"
"""Environment variable: if set and not empty, nothing is ever downloaded."""

Arrays = Mapping[str, np.ndarray]


class DataStore:
    """Finds, downloads and caches the files of data sets.

    Args:
        root: own folder, made on first write; downloads and the cache of decoded arrays lie there.
        folders: further folders to look in, never written to.
        artifacts: folder of uploads, each named by its SHA-256; by default ``artifacts`` beside the own folder.
        offline: never touch the network.
        progress: called with (file name, bytes so far, bytes in all) while a download goes on.
    """

    def __init__(
        self,
        root: Path,
        *,
        folders: Sequence[Path] = (),
        artifacts: Path | None = None,
        offline: bool = False,
        progress: Progress | None = None,
    ) -> None:
        self.root = Path(root)
        self.artifacts = self.root.parent / "artifacts" if artifacts is None else Path(artifacts)
        self.folders = tuple(Path(folder) for folder in folders)
        self.offline = offline
        self.progress = progress
        self._arrays: dict[str, Arrays] = {}

    @classmethod
    def from_environment(cls, progress: Progress | None = None) -> "DataStore":
        """The store that ``EDGELOOM_HOME`` (default ``~/.edgeloom``) and ``EDGELOOM_DATA`` name."""
        folders = [Path(part) for part in os.environ.get(DATA_VARIABLE, "").split(os.pathsep) if part]
        return cls(
            home_folder() / "data", folders=folders, offline=bool(os.environ.get(OFFLINE_VARIABLE)), progress=progress
        )

    def find(self, remote: RemoteFile) -> Path | None:
        """Where the file lies on this machine, by name only; None if nowhere."""
        return next((place for place in self.places(remote) if place.is_file()), None)

    def places(self, remote: RemoteFile) -> tuple[Path, ...]:
        """Every path at which the file is looked for, in order.

        Each folder with and without the set's own folder; only with it, if another set has a file of that name.
        """
        names = [remote.name] if remote.is_ambiguous else [remote.name, Path(remote.name).name]
        return tuple(folder / name for folder in (*self.folders, self.root) for name in names)

    def fetch(self, remote: RemoteFile) -> Path:
        """The path of the file, verified; downloads it if it is nowhere.

        Raises:
            DataUnavailable: it is nowhere and cannot be downloaded, or what lies there has another content.
        """
        found = self.find(remote)
        if found is not None:
            if matches(found, remote):
                return found
            raise DataUnavailable(
                f"{found} is not the {remote.name} that is expected: its checksum differs from {remote.digest}.",
                remedy=f"Remove it, then it is downloaded; or put the right one there ({' or '.join(remote.urls)}).",
            )
        if self.offline:
            raise self._missing(remote, "downloads are switched off")
        reasons = download(remote, self.root / remote.name, self.progress)
        if reasons:
            raise self._missing(remote, "; ".join(reasons))
        return self.root / remote.name

    def has_artifact(self, sha256: str) -> bool:
        """Whether the upload of that checksum lies on this machine."""
        return (self.artifacts / sha256).is_file()

    def artifact(self, sha256: str) -> Path:
        """The file of an upload.

        Raises:
            DataUnavailable: it is not on this machine.
        """
        if not self.has_artifact(sha256):
            raise DataUnavailable(
                f"There is no upload {sha256} on this machine.",
                remedy=f"Upload the file, or put it at {self.artifacts / sha256}.",
            )
        return self.artifacts / sha256

    def has_arrays(self, key: str) -> bool:
        """Whether decoded arrays lie in the cache under that key."""
        return key in self._arrays or self._folder(key).is_dir()

    def arrays(self, key: str, make: Callable[[], Arrays]) -> Arrays:
        """Decoded arrays by name: made and written once, then mapped read-only, so that processes share their pages.

        Args:
            key: name of the entry; it must contain a digest of all that the arrays depend on.
            make: decodes the arrays.

        Raises:
            DataUnavailable: the cache cannot be written.
        """
        if key not in self._arrays:
            folder = self._folder(key)
            if not folder.is_dir() or not _is_whole(folder):
                self._write(folder, make())
            self._arrays[key] = _mapped(folder)
        return self._arrays[key]

    def forget_arrays(self, part: str) -> None:
        """Remove every entry of the cache whose key contains the part."""
        for folder in self._folder("").glob(f"*{glob.escape(part)}*"):
            self._arrays.pop(folder.name, None)
            shutil.rmtree(folder)

    def _folder(self, key: str) -> Path:
        return self.root / "cache" / key

    def _write(self, folder: Path, arrays: Arrays) -> None:
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".tmp-") as temporary:
                made = Path(temporary) / "entry"
                made.mkdir()
                for name, array in arrays.items():
                    np.save(made / f"{name}.npy", array, allow_pickle=False)
                self._publish(made, folder)
        except OSError as error:
            raise DataUnavailable(
                f"The cache of decoded data sets at {folder.parent} cannot be written: {error.strerror or error}.",
                remedy=f"Free disk space, or let {HOME_VARIABLE} name a folder that can be written.",
            ) from error

    @staticmethod
    def _publish(made: Path, folder: Path) -> None:
        """Move the complete entry into place; another process that was faster has written the same bytes."""
        if folder.is_dir() and not _is_whole(folder):
            folder.rename(made.with_name("damaged"))
        try:
            made.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise

    def _missing(self, remote: RemoteFile, reason: str) -> DataUnavailable:
        size = f"{remote.size_bytes / 1e6:.1f} MB"
        return DataUnavailable(
            f"{remote.name} ({size}) is not on this machine and could not be downloaded: {reason}.",
            remedy=(
                f"Download {' or '.join(remote.urls)} and put it at {self.root / remote.name}, or under the same name "
                f"in a folder that {DATA_VARIABLE} names."
            ),
        )


def _mapped(folder: Path) -> Arrays:
    return {file.stem: np.load(file, mmap_mode="r") for file in sorted(folder.glob("*.npy"))}


def _is_whole(folder: Path) -> bool:
    """Whether all arrays of an entry can be mapped; a power cut may leave files shorter than they were written."""
    try:
        return bool(_mapped(folder))
    except (ValueError, EOFError):
        return False
