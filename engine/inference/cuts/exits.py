"""When a network with several exits is sure enough to answer, and what comes of it; NumPy only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.core.json import JsonValue

Policy = Literal["entropy", "max_probability"]

RULES: Mapping[Policy, str] = {
    "entropy": "An exit answers if the entropy of its probabilities, as a share of the largest possible, is at most",
    "max_probability": "An exit answers if its largest probability is at least",
}
"""What a threshold means by each policy; the threshold follows."""

THRESHOLDS = tuple(step / 20 for step in range(21))
"""Thresholds of the curve: from one that hardly any sample meets to one that all do, or the other way round."""

LEAST_SHARE = 1e-9
"""Stands for a share of 0: what no sample needed is still a part of the plan."""


def confidence(logits: np.ndarray, policy: Policy) -> NDArray[np.float64]:
    """(N,) how sure an exit is, in [0, 1]: one minus the entropy as a share of the largest there can be, or the largest
    probability.

    Args:
        logits: (N, K) of the exit.
        policy: which of the two.

    Source: Teerapittayanon et al., DDNN, ICDCS 2017, section III-D (normalized entropy), see the splitter.
    """
    shifted = np.asarray(logits, dtype=np.float64)
    shifted = shifted - shifted.max(axis=1, keepdims=True)
    log = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    if policy == "max_probability":
        found: NDArray[np.float64] = np.exp(log.max(axis=1))
        return found
    entropy = -(np.exp(log) * log).sum(axis=1) / np.log(log.shape[1])
    sureness: NDArray[np.float64] = 1.0 - np.clip(entropy, 0.0, 1.0)
    return sureness


def is_sure(sureness: NDArray[np.float64], policy: Policy, threshold: float) -> NDArray[np.bool_]:
    """Where an exit answers: entropy not above the threshold, or probability not below it."""
    least = threshold if policy == "max_probability" else 1.0 - threshold
    return sureness >= least - 1e-12


@dataclass(frozen=True)
class Outcomes:
    """What E exits say to N samples.

    Attributes:
        right: (N, E) whether each exit is right; the last one is the whole network.
        sureness: (N, E - 1) how sure the early ones are, see :func:`confidence`.
        policy: by what an exit decides.
    """

    right: NDArray[np.bool_]
    sureness: NDArray[np.float64]
    policy: Policy

    def leaving(self, threshold: float, last: int | None = None) -> NDArray[np.int64]:
        """(N,) number of the exit that answers each sample.

        Args:
            threshold: of the policy.
            last: number of the last exit that can be reached; of the whole network if left out.
        """
        count = self.right.shape[1] if last is None else last + 1
        sure = is_sure(self.sureness[:, : count - 1], self.policy, threshold)
        answers = np.concatenate([sure, np.ones((len(sure), 1), dtype=bool)], axis=1)
        found: NDArray[np.int64] = answers.argmax(axis=1)
        return found

    def accuracy(self, threshold: float, last: int | None = None) -> float:
        """Share of right answers."""
        leaving = self.leaving(threshold, last)
        return float(self.right[np.arange(len(leaving)), leaving].mean())

    def rates(self, threshold: float) -> tuple[float, ...]:
        """Share of the samples that each exit answers; hardly more than 0 where there are none."""
        counts = np.bincount(self.leaving(threshold), minlength=self.right.shape[1])
        shares = np.maximum(counts / len(self.right), LEAST_SHARE)
        return tuple((shares / shares.sum()).tolist())

    def curve(self, thresholds: Sequence[float] = THRESHOLDS) -> list[dict[str, JsonValue]]:
        """Accuracy and shares of the exits by threshold."""
        return [
            {"threshold": each, "accuracy": self.accuracy(each), "rates": [round(one, 6) for one in self.rates(each)]}
            for each in thresholds
        ]
