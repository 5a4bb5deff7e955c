"""Which private samples metadata is collected from."""

import numpy as np

from engine.core.errors import EngineError, Problem
from engine.data.dataset import Split


class TooFewSamples(EngineError):
    """A class has too few private samples for a statistic that does not show single ones."""

    code = "too_few_samples"


def balanced_share(labels_N: np.ndarray, num_classes: int, share: float, draw: np.random.Generator) -> np.ndarray:
    """Ascending indices of equally many random samples of each class, a share of all samples together."""
    wanted = max(1, round(share * len(labels_N) / num_classes))
    chosen = [draw.permutation(np.flatnonzero(labels_N == label))[:wanted] for label in range(num_classes)]
    return np.sort(np.concatenate(chosen))


def coin_share(labels_N: np.ndarray, share: float, draw: np.random.Generator) -> np.ndarray:
    """Ascending indices of samples, each chosen by its own coin: whether one is there says nothing about others."""
    return np.flatnonzero(draw.random(len(labels_N)) < share)


def shared(samples: Split, indices: np.ndarray) -> Split:
    """The chosen samples, all of them without a copy if none was left out."""
    return samples if len(indices) == len(samples) else samples.take(indices)


def require(labels_N: np.ndarray, num_classes: int, smallest: int) -> None:
    """Make sure that each class has enough samples.

    Raises:
        TooFewSamples: some have not.
    """
    counts = np.bincount(labels_N, minlength=num_classes)
    if counts.min() < smallest:
        few = ", ".join(f"{label} ({counts[label]})" for label in np.flatnonzero(counts < smallest)[:5])
        raise TooFewSamples(
            f"Each class needs {smallest} samples in the share that is read; these have fewer: {few}.",
            remedy="Read a larger share of the training set.",
        )


def share_problems(share: float, num_samples: int, num_classes: int, smallest: int) -> list[Problem]:
    """Why a share is too small, were all classes of equal size."""
    each = int(share * num_samples / num_classes)
    if each >= smallest:
        return []
    message = (
        f"{share:g} of {num_samples:,} samples are {each} of each of {num_classes} classes; at least {smallest} are "
        "needed so that no statistic shows single samples; read a larger share"
    )
    return [Problem("share", "too_few_samples", message)]
