"""Downloads that resume, report progress and are verified before they count."""

import fcntl
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.data.remote import CHUNK_BYTES, RemoteFile, matches

Progress = Callable[[str, int, int], None]
"""Called with the file's name, the bytes so far and the bytes in all."""

TIMEOUT_S = 30.0
ATTEMPTS = 3
"""Per mirror; a transfer that breaks off goes on where it stopped."""


def download(remote: RemoteFile, target: Path, progress: Progress | None = None) -> list[str]:
    """Download a file from the first mirror that serves it whole; several processes may ask at once, one downloads.

    Args:
        remote: what to download.
        target: where it goes; meanwhile it grows next to it as ``NAME.part``.
        progress: see :data:`Progress`.

    Returns:
        Nothing on success, else what went wrong, one reason per mirror.
    """
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _locked(target.with_name(target.name + ".lock")):
            if target.is_file() and matches(target, remote):
                return []
            return _from_mirrors(remote, target, part, progress)
    except OSError as error:
        return [f"{target.parent} cannot be written ({error.strerror or error})"]


def _from_mirrors(remote: RemoteFile, target: Path, part: Path, progress: Progress | None) -> list[str]:
    reasons = []
    for url in remote.urls:
        reason = _from_mirror(remote, url, part, progress)
        if not reason:
            part.replace(target)
            return []
        reasons.append(f"{url}: {reason}")
    return reasons or ["no mirror is declared"]


def _from_mirror(remote: RemoteFile, url: str, part: Path, progress: Progress | None) -> str:
    """Try one mirror; empty on success, else why it failed."""
    reason = ""
    for _ in range(ATTEMPTS):
        try:
            _transfer(remote, url, part, progress)
        except urllib.error.HTTPError as error:
            return f"HTTP {error.code} {error.reason}"
        except urllib.error.URLError as error:
            return str(error.reason)
        except (http.client.HTTPException, ConnectionError, TimeoutError) as error:
            reason = f"the transfer broke off ({error})"
            continue
        arrived = part.stat().st_size
        if arrived < remote.size_bytes and not remote.is_repacked:
            reason = f"only {arrived} of {remote.size_bytes} bytes arrived"
        elif matches(part, remote):
            return ""
        else:
            reason = f"the checksum differs from {remote.digest}"
            part.unlink()
    return reason


def _transfer(remote: RemoteFile, url: str, part: Path, progress: Progress | None) -> None:
    """Append to the part what it lacks; start over if the server sends the whole file.

    A file that is packed anew on every request cannot be continued: its second half may be that of another packing.
    """
    start = part.stat().st_size if part.is_file() and not remote.is_repacked else 0
    if start >= remote.size_bytes:
        return
    # The members of the family declare the URLs, so no user decides about their scheme.
    request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})  # noqa: S310
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310
        resumed = response.status == http.HTTPStatus.PARTIAL_CONTENT
        done = start if resumed else 0
        with part.open("ab" if resumed else "wb") as file:
            while chunk := response.read(min(CHUNK_BYTES, remote.most_bytes - done)):
                file.write(chunk)
                done += len(chunk)
                if progress is not None:
                    progress(remote.name, done, remote.size_bytes)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock between processes; it falls with the process, so a kill leaves nothing locked."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
