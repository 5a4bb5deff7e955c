"""How the samples of an upload that tells no test split are divided, and the constants of its training part."""

from collections.abc import Sequence

import numpy as np

from engine.core.errors import Problem, SpecError
from engine.data.archive import named

EVERY = 5
"""Each fifth sample in the order of classes is held out."""

SMALLEST_STD = 1e-6
"""Below it a channel or feature counts as constant and is not scaled."""


def held_out(labels: np.ndarray) -> np.ndarray:
    """Which samples are for testing, (N,) bool: every fifth in the order of classes, so all are held out alike."""
    order = np.argsort(labels, kind="stable")
    chosen = np.zeros(len(labels), dtype=bool)
    chosen[order[EVERY - 1 :: EVERY]] = True
    return chosen


def check_classes(classes: Sequence[str], labels: np.ndarray, is_test: np.ndarray, most: int) -> None:
    """Check that there is something to learn and to measure.

    Args:
        classes: names of the classes.
        labels: (N,) place of each sample's class.
        is_test: (N,) which samples are held out.
        most: classes allowed.

    Raises:
        SpecError: too few or too many classes, one without a training sample, or nothing held out; all at once.
    """
    problems = []
    if not 2 <= len(classes) <= most:
        problems.append(Problem("", "classes", f"There are {len(classes)} classes; allowed are 2 to {most}."))
    if untrained := [classes[label] for label in np.setdiff1d(labels, labels[~is_test])]:
        problems.append(Problem("", "untrained_class", f"No training sample is of the classes {named(untrained)}."))
    if not is_test.any():
        problems.append(
            Problem("", "no_test", f"There are {len(labels)} samples, too few to hold any out for testing.")
        )
    if problems:
        raise SpecError(problems)


def constants(mean: np.ndarray, variance: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Means and standard deviations as they are kept: six digits, and 1 as the deviation of what is constant."""
    std = np.sqrt(np.maximum(0, variance))
    std = np.where(std < SMALLEST_STD * np.maximum(1, np.abs(mean)), 1.0, std)
    return tuple(float(f"{value:.6g}") for value in mean), tuple(float(f"{value:.6g}") for value in std)
