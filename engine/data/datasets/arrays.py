"""An upload of arrays: a NumPy archive or a table."""

from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from typing_extensions import override

from engine.data.archive import Limits
from engine.data.arranging import Arranged, arrange
from engine.data.dataset import Split, SplitName, datasets
from engine.data.npz import read_npz
from engine.data.pixels import Pixels
from engine.data.splitting import constants
from engine.data.store import DataStore
from engine.data.table import read_csv
from engine.data.upload import Upload, UploadInfo, verify

AT_ONCE = 1 << 22
"""Numbers whose moments are taken at once; bounds the memory of wide copies."""


@datasets.register
class Arrays(Upload):
    """Your own arrays: a ``.npz`` file of NumPy, or a table of comma-separated values (``.csv``).

    A ``.npz`` holds ``x`` and ``y``, or ``x_train``, ``y_train``, ``x_test`` and ``y_test``; ``x`` is (N, F) features,
    (N, T, F) sequences, or images of 8-bit pixels or of 1 or 3 channels. ``users`` tells whose sample each one is. It
    is read without pickle. A table names its columns in the first line: ``label`` (else the last column), ``user`` and
    ``split`` where it has them, and numbers. Without a split every fifth sample in the order of classes is for
    testing. Values are standardized by mean and standard deviation of the training samples per feature or channel.
    """

    source: ClassVar[str] = "NumPy, numpy.lib.format, versions 1.0 and 2.0; RFC 4180 for tables"
    kind: Literal["arrays"] = "arrays"

    @classmethod
    @override
    def examine(cls, path: Path, limits: Limits) -> UploadInfo:
        found = _arranged(path, limits)
        mean, std = _moments(found)
        return UploadInfo(
            kind="arrays",
            version=cls.decoding,
            sample=found.sample,
            num_train=int((~found.is_test).sum()),
            num_test=int(found.is_test.sum()),
            classes=found.classes,
            size_bytes=path.stat().st_size,
            mean=mean,
            std=std,
            num_users=None if found.owners is None else int(found.owners.max()) + 1,
            remarks=_remarks(found),
        )

    @override
    def read(self, store: DataStore, split: SplitName) -> Split:
        path, info = store.artifact(self.sha256), self.info(store)
        verify(path, self.sha256)
        found = _arranged(path, Limits())
        chosen = np.flatnonzero(found.is_test == (split == "test"))
        x = found.x[chosen].astype(np.float32)
        x /= np.float32(found.scale)
        x -= _along(info.mean, x)
        x /= _along(info.std, x)
        return Split(x, found.y[chosen], None if found.owners is None else found.owners[chosen])

    @override
    def pixels(self) -> Pixels | None:
        info = self.info()
        return Pixels(info.mean, info.std) if info.sample.kind == "image" else None


def _arranged(path: Path, limits: Limits) -> Arranged:
    with path.open("rb") as file:
        is_archive = file.read(2) == b"PK"
    return arrange(read_npz(path, limits) if is_archive else read_csv(path, limits), limits)


def _moments(found: Arranged) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of the scaled training samples, per channel of images, else per feature.

    Two passes in parts, so that neither memory nor the cancellation of large means is a matter.
    """
    chosen = np.flatnonzero(~found.is_test)
    size = max(1, AT_ONCE // max(1, found.x[0].size))
    parts = [chosen[first : first + size] for first in range(0, len(chosen), size)]
    count = len(chosen) * (found.x[0].size // _width(found))
    mean = sum(_columns(found, part).sum(axis=0) for part in parts) / count
    variance = sum(((_columns(found, part) - mean) ** 2).sum(axis=0) for part in parts) / count
    return constants(np.asarray(mean), np.asarray(variance))


def _width(found: Arranged) -> int:
    return found.sample.shape[0 if found.sample.kind == "image" else -1]


def _columns(found: Arranged, places: np.ndarray) -> np.ndarray:
    """Some samples as rows (n, channels or features) of float64."""
    part = found.x[places].astype(np.float64) / found.scale
    rows: np.ndarray = np.moveaxis(part, 1, -1) if found.sample.kind == "image" else part
    return rows.reshape(-1, _width(found))


def _along(values: tuple[float, ...], x: np.ndarray) -> np.ndarray:
    """Constants in the shape that goes with samples: along the channels of images, else along the last axis."""
    array = np.array(values, dtype=np.float32)
    return array[:, np.newaxis, np.newaxis] if x.ndim == 4 else array


def _remarks(found: Arranged) -> tuple[str, ...]:
    if found.owners is None:
        return ()
    untrained = np.setdiff1d(found.owners, found.owners[~found.is_test])
    return (f"{len(untrained)} users have no training sample.",) if len(untrained) else ()
