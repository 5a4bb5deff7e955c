"""Can one tell members from non-members by a score? Areas, rates at few false alarms, and their intervals."""

from dataclasses import dataclass

import numpy as np

FALSE_ALARMS = (0.001, 0.01)
"""False positive rates at which an attack is judged: those at which an attacker could accuse somebody."""


@dataclass(frozen=True)
class Rate:
    """True positives at a bounded rate of false alarms.

    Attributes:
        false_alarms: share of non-members that may be called members.
        found: share of members that are found.
        low: lower end of the exact two-sided interval of ``found``.
        high: upper end.
    """

    false_alarms: float
    found: float
    low: float
    high: float


@dataclass(frozen=True)
class Separation:
    """How well a score tells members from non-members; a higher score speaks for a member.

    Attributes:
        auc: chance that a random member has a higher score than a random non-member; 0.5 means nothing is told.
        low: lower end of its interval.
        high: upper end.
        p_value: of the one-sided Mann-Whitney test that members do not score higher.
        rates: true positives at few false alarms.
    """

    auc: float
    low: float
    high: float
    p_value: float
    rates: tuple[Rate, ...]


def separation(members: np.ndarray, non_members: np.ndarray, *, confidence: float = 0.95) -> Separation:
    """Compare the scores of members (N,) and non-members (M,).

    The interval of the area is that of DeLong et al., whose variance comes from each score's share of the other side
    that it beats. Rates follow N. Carlini et al., Membership Inference Attacks From First Principles, IEEE S&P 2022,
    section 3: what counts is how many members are found where false alarms are rare, not the mean over all.

    Source: E. DeLong, D. DeLong, D. Clarke-Pearson, Comparing the Areas under Two or More Correlated Receiver Operating
    Characteristic Curves, Biometrics 1988, equation 3; H. Mann, D. Whitney, Annals of Mathematical Statistics 1947.
    """
    from scipy.stats import mannwhitneyu, norm

    shares_member = _beaten(members, non_members)
    shares_other = 1.0 - _beaten(non_members, members)
    auc = float(shares_member.mean())
    variance = _variance(shares_member) / len(members) + _variance(shares_other) / len(non_members)
    half = float(norm.ppf(0.5 + confidence / 2)) * variance**0.5
    p_value = float(mannwhitneyu(members, non_members, alternative="greater", method="asymptotic").pvalue)
    rates = tuple(rate_at(members, non_members, share, confidence=confidence) for share in FALSE_ALARMS)
    return Separation(auc, max(0.0, auc - half), min(1.0, auc + half), p_value, rates)


def rate_at(members: np.ndarray, non_members: np.ndarray, false_alarms: float, *, confidence: float = 0.95) -> Rate:
    """Members above the lowest threshold that at most so many non-members pass, with the exact interval.

    With fewer than 1 / ``false_alarms`` non-members none of them may pass, and then the rate of false alarms is known
    no better than that.

    Source: C. Clopper, E. Pearson, The Use of Confidence or Fiducial Limits, Biometrika 1934.
    """
    allowed = int(false_alarms * len(non_members) + 1e-9)
    threshold = np.sort(non_members)[::-1][min(allowed, len(non_members) - 1)]
    found = int((members > threshold).sum())
    low, high = exact_interval(found, len(members), confidence)
    return Rate(false_alarms, found / len(members), low, high)


def exact_interval(successes: int, trials: int, confidence: float) -> tuple[float, float]:
    """Clopper and Pearson's interval of a probability after so many successes in so many trials."""
    from scipy.stats import beta

    tail = (1.0 - confidence) / 2
    low = 0.0 if successes == 0 else float(beta.ppf(tail, successes, trials - successes + 1))
    high = 1.0 if successes == trials else float(beta.ppf(1.0 - tail, successes + 1, trials - successes))
    return low, high


def confidences(logits_NK: np.ndarray, labels_N: np.ndarray) -> np.ndarray:
    """Log-odds of the true class, (N,) float64: the score of the loss-threshold attack.

    ``log p_y / (1 - p_y)`` falls strictly with the cross-entropy ``-log p_y``, so a threshold on it is a threshold on
    the loss; computed from logits, it still tells losses apart that round to 0.

    Source: S. Yeom et al., Privacy Risk in Machine Learning, CSF 2018, attack 1; N. Carlini et al. 2022, section 5 (the
    scaling).
    """
    logits = logits_NK.astype(np.float64)
    rows = np.arange(len(logits))
    own = logits[rows, labels_N]
    logits[rows, labels_N] = -np.inf
    largest = logits.max(axis=1)
    scores: np.ndarray = own - largest - np.log(np.exp(logits - largest[:, None]).sum(axis=1))
    return scores


def _beaten(scores: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Share of the others that each score is above; an equal one counts half."""
    ordered = np.sort(others)
    below, up_to = (np.searchsorted(ordered, scores, side=side) for side in ("left", "right"))
    return (below + up_to) / (2.0 * len(others))


def _variance(values: np.ndarray) -> float:
    return float(values.var(ddof=1)) if len(values) > 1 else 0.0
