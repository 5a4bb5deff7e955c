"""What a teacher makes of samples, kept on disk: a run whose teacher has looked at the same samples need not ask again.

Students of one teacher are tried in many runs, and looking at all samples costs more than training a small student. A
record is found by the teacher's weights and the samples themselves, so that it can never be another teacher's.
"""

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np

from engine.core.home import home_folder
from engine.core.numerics import NUMERICS_VERSION
from engine.task.contract import Tensors

WORTH_MACS = 5_000_000
"""A teacher with fewer multiplications for a sample is asked again: reading would save little."""

MOST_BYTES = 2_000_000_000
"""All records take so many bytes at most; the oldest make room."""

Outputs = dict[str, np.ndarray]
"""``filters`` and ``logits`` of some samples."""


def digest_of(weights: Tensors) -> str:
    """SHA-256 of weights, by name."""
    found = hashlib.sha256(f"numerics {NUMERICS_VERSION}".encode())
    for name in sorted(weights):
        found.update(f"{name} {weights[name].dtype} {weights[name].shape}".encode())
        found.update(np.ascontiguousarray(weights[name]).data)
    return found.hexdigest()


def remembered(teacher: str, x: np.ndarray, make: Callable[[], Outputs]) -> Outputs:
    """What a teacher makes of samples: from disk, or made now and kept.

    Args:
        teacher: digest of its weights.
        x: (N, *sample.shape), what it looks at.
        make: asks it.
    """
    samples = hashlib.sha256(np.ascontiguousarray(x).data).hexdigest()
    file = folder() / f"{teacher[:32]}-{samples[:32]}.npz"
    if file.is_file():
        with np.load(file) as arrays:
            return {name: arrays[name] for name in arrays.files}
    made = make()
    content = BytesIO()
    np.savez(content, filters=made["filters"], logits=made["logits"])
    # A full disk, or a folder of another user, costs the next run some time, but not this one its result.
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(f".{os.getpid()}.part")
        part.write_bytes(content.getvalue())
        part.replace(file)
    return made


def tidy(most_bytes: int = MOST_BYTES) -> None:
    """Remove the oldest records until the others take no more than so many bytes."""
    if not folder().is_dir():
        return
    with suppress(OSError):  # another run may remove the same ones
        files = sorted(folder().glob("*.npz"), key=lambda file: file.stat().st_mtime)
        total = sum(file.stat().st_size for file in files)
        for file in files:
            if total <= most_bytes:
                return
            total -= file.stat().st_size
            file.unlink()


def folder() -> Path:
    """Where records lie."""
    return home_folder() / "cache" / "teachers"
