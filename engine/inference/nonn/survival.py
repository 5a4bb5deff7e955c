"""What is left of a network of students when some of them are lost; NumPy only."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from engine.inference.nonn.students import HEAD, Weights


@dataclass(frozen=True)
class Loss:
    """Accuracy without some students.

    Attributes:
        lost: their numbers, in order.
        accuracy: share of right answers of the last layer with zeros in their places.
    """

    lost: tuple[int, ...]
    accuracy: float


@dataclass(frozen=True)
class Shares:
    """What each of S students adds to the logits of N samples.

    Attributes:
        logits: (S, N, K) shares; the sum over students and the bias are the logits.
        bias: (K,) of the last layer.
    """

    logits: np.ndarray
    bias: np.ndarray

    def without(self, lost: Iterable[int]) -> np.ndarray:
        """(N, K) logits with zeros in place of what lost students send."""
        kept = np.setdiff1d(np.arange(len(self.logits)), list(lost))
        found: np.ndarray = self.logits[kept].sum(axis=0) + self.bias
        return found


def shares_of(features: np.ndarray, weights: Weights, slices: Sequence[slice]) -> Shares:
    """The shares of students in the logits.

    Args:
        features: (N, F) what all students send.
        weights: of the whole network.
        slices: columns of each student.
    """
    head = weights[f"{HEAD}.weight"]
    parts = [features[:, place] @ head[:, place].T for place in slices]
    return Shares(np.stack(parts), weights[f"{HEAD}.bias"])


def losses(shares: Shares, labels: np.ndarray, most: int) -> list[Loss]:
    """Accuracy under every loss of up to ``most`` students, that of none first; those of one number in order.

    Args:
        shares: of the students in the logits.
        labels: (N,) right classes.
        most: students lost at once at most.
    """
    numbers = range(len(shares.logits))
    return [
        Loss(lost, float((shares.without(lost).argmax(axis=1) == labels).mean()))
        for count in range(min(most, len(numbers)) + 1)
        for lost in combinations(numbers, count)
    ]


def expected_accuracy(found: Sequence[Loss], survival: Sequence[float]) -> float:
    """Mean accuracy where students are there independently of each other.

    Args:
        found: accuracy under every loss there can be, of all students at once too.
        survival: probability of each student to be there.
    """
    total = 0.0
    for loss in found:
        chances = [1 - there if number in loss.lost else there for number, there in enumerate(survival)]
        total += float(np.prod(chances)) * loss.accuracy
    return total
