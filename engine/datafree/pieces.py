"""What stands where in the state of a data-free deployment, besides what every task of jobs has.

What is finished stands in numbered pieces that a checkpoint writes once: models, metadata, and batches of images.
"""

from collections.abc import Mapping

KEPT = "kept"
"""Prefix of the tensors that a batch of images leaves to the next."""

TEACHER_SAYS = "teacher_says"
"""(N,) the teacher's class of each test sample."""

PIECES: Mapping[str, int] = {
    "teacher": 0,
    "student": 1,
    "pruned": 2,
    "quantized": 3,
    "baseline": 4,
    "metadata": 5,
    "oracle": 6,
    "files": 7,
}
"""Numbers of pieces by name. Baselines are measured one after another and share one."""

BANK = 100
"""Number of the piece with the first batch of images."""


def piece_of(contender: str) -> int:
    """Number of the piece with a contender's weights."""
    return PIECES.get(contender, PIECES["baseline"])
