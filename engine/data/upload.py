"""Data sets that a user uploads: what is known about a file, and the contract of the sets that are read from one.

An upload lies as one file in the folder of artifacts, named by its SHA-256. What it holds (shape, numbers of samples,
classes, constants) is a pure function of its bytes, so a spec names the hash and nothing else. The facts are found
once, by :meth:`Upload.examine`, and kept beside the file as ``<sha256>.<kind>.json``; that file is a cache that is made
anew where it is missing.
"""

import hashlib
import os
import tempfile
from abc import abstractmethod
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from typing_extensions import override

from engine.core.errors import DataUnavailable, Problem, SpecError
from engine.core.registry import kind_of
from engine.core.sample import SampleSpec
from engine.data.archive import Limits
from engine.data.dataset import Dataset, SplitName
from engine.data.remote import CHUNK_BYTES
from engine.data.store import DataStore

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 as 64 lower-case hex digits."""


class UploadInfo(BaseModel):
    """What an uploaded file holds, as found when it was examined.

    Attributes:
        kind: kind of data set that it was examined as.
        version: version of the examination.
        sample: shape and meaning of a sample.
        num_train: training samples.
        num_test: samples held out.
        classes: names of the classes in the order of labels.
        size_bytes: size of the file.
        mean: of the training samples, per channel or feature, of values scaled to 0..1 where they are pixels.
        std: standard deviation, likewise, never 0.
        num_users: clients of its own that the set has; None if it tells none.
        remarks: what the user should know although nothing is wrong.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    version: int
    sample: SampleSpec
    num_train: int
    num_test: int
    classes: tuple[str, ...]
    size_bytes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    num_users: int | None = None
    remarks: tuple[str, ...] = ()

    def num_samples(self, split: SplitName) -> int:
        """Samples of a split."""
        return self.num_train if split == "train" else self.num_test


class Upload(Dataset):
    """A data set read from one uploaded file; only the hash of the file is set."""

    sha256: Sha256
    """SHA-256 of the uploaded file, 64 hex digits, as the upload tells."""

    @classmethod
    @abstractmethod
    def examine(cls, path: Path, limits: Limits) -> UploadInfo:
        """Look through a whole file, trusting nothing in it.

        Raises:
            SpecError: what is wrong with it, all at once; paths name places in the file.
        """

    @override
    def uploads(self) -> tuple[str, ...]:
        return (self.sha256,)

    @override
    def check(self) -> list[Problem]:
        try:
            self.info()
        except DataUnavailable as error:
            return [Problem("sha256", "unknown_upload", f"{error} {error.remedy}")]
        except SpecError as error:
            return [Problem("sha256", found.code, found.message) for found in error.problems]
        return []

    def info(self, store: DataStore | None = None) -> UploadInfo:
        """What the upload holds; examined now if that was never done on this machine.

        Args:
            store: where uploads lie; by default what the environment names. What is found follows from the hash alone.

        Raises:
            DataUnavailable: the upload is not on this machine, or the file under its name is another one.
            SpecError: the file cannot be such a data set.
        """
        return info_of(type(self), store or DataStore.from_environment(), self.sha256)

    @override
    def sample(self) -> SampleSpec:
        return self.info().sample

    @override
    def num_samples(self, split: SplitName) -> int:
        return self.info().num_samples(split)

    @override
    def class_names(self) -> tuple[str, ...]:
        return self.info().classes

    @property
    @override
    def num_natural_clients(self) -> int | None:
        return self.info().num_users

    @override
    def checksum(self) -> str:
        return hashlib.sha256(f"{kind_of(type(self))} {self.model_dump_json()}".encode()).hexdigest()


def info_of(cls: type[Upload], store: DataStore, sha256: str) -> UploadInfo:
    """What an upload holds, from the file beside it if there is one of this version.

    Raises:
        DataUnavailable: the upload is not on this machine, or the file under its name is another one.
        SpecError: the file cannot be such a data set.
    """
    path = store.artifact(sha256)
    known = _sidecar(path, kind_of(cls))
    try:
        found = UploadInfo.model_validate_json(known.read_bytes())
        if found.version == cls.decoding:
            return found
    except (FileNotFoundError, ValidationError):
        pass  # never examined on this machine, or by a version that wrote other facts: it is examined now
    verify(path, sha256)
    info = cls.examine(path, Limits())
    keep(path, info)
    return info


def verify(path: Path, sha256: str) -> None:
    """Check that a file is what its name says.

    Raises:
        DataUnavailable: it is not.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    if digest.hexdigest() != sha256:
        raise DataUnavailable(
            f"The file of the upload {sha256} has been changed.", remedy="Remove it and upload it again."
        )


def keep(path: Path, info: UploadInfo) -> None:
    """Write the facts beside the upload at ``path``, at once or not at all."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".tmp-")
    with os.fdopen(handle, "w") as file:
        file.write(info.model_dump_json())
    Path(temporary).replace(_sidecar(path, info.kind))


def forget(path: Path) -> None:
    """Remove the facts about the upload at ``path``, of every kind."""
    for known in path.parent.glob(f"{path.name}.*.json"):
        known.unlink(missing_ok=True)


def _sidecar(path: Path, kind: str) -> Path:
    return path.with_name(f"{path.name}.{kind}.json")
