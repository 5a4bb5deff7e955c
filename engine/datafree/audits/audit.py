"""The privacy audit: do synthetic images, teacher and student tell members of the private set from others?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from engine.core.component import Component
from engine.data.dataset import Split
from engine.datafree.audits.membership import Separation, confidences, separation
from engine.datafree.audits.neighbors import nearest

Look = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Logits (N, K) and penultimate features (N, d) that a model gives standardized samples."""

CAUTION = "This is no proof: better attacks may find more."


class AuditSettings(Component):
    """Attacks by which the owner sees what leaves with the images and the student.

    Members are drawn from the training split, non-members from the test split. Two attacks ask how near a real sample
    lies to a synthetic image, in pixels and in the teacher's features; one more for each model takes a small loss as
    the sign of a member. Where the two splits differ by themselves (other writers, other years), so do the scores.
    """

    source: ClassVar[str] = (
        "S. Yeom et al., Privacy Risk in Machine Learning, CSF 2018, attack 1; N. Carlini et al., Membership Inference "
        "Attacks From First Principles, IEEE S&P 2022, section 3; M. Jagielski et al., Students Parrot Their Teachers, "
        "NeurIPS 2023, arXiv 2303.03446"
    )

    num_samples: Annotated[int, Field(ge=20, le=100_000)] = 2000
    """Members and as many non-members that are attacked; fewer where a split has fewer. Members are the training split:
    of a teacher from a file or an upload the audit only means something if it was trained on that split."""

    num_images: Annotated[int, Field(ge=1, le=100_000)] = 2000
    """Synthetic images among which the nearest one is looked for; fewer where there are fewer."""

    confidence: Annotated[float, Field(ge=0.5, lt=1)] = 0.95
    """Level of the intervals, and of all tests of one audit together."""


@dataclass(frozen=True)
class Distances:
    """How near synthetic images and real samples lie to each other in one space.

    Attributes:
        to_members: median distance of a synthetic image to the nearest member.
        to_non_members: the same to the nearest of as many non-members.
        nearer_to_members: share of synthetic images whose nearest real sample is a member; 0.5 if nothing is told.
        separation: of members and non-members by their distance to the nearest synthetic image.
    """

    to_members: float
    to_non_members: float
    nearer_to_members: float
    separation: Separation


@dataclass(frozen=True)
class AuditResult:
    """What an audit found.

    Attributes:
        distances: by space, ``pixels`` and ``features``.
        attacks: loss-threshold attacks by model.
        num_samples: members, and as many non-members.
        num_images: synthetic images that were looked at.
        signals: names of what separates members significantly, of both kinds.
        sentence: the same in words.
    """

    distances: Mapping[str, Distances]
    attacks: Mapping[str, Separation]
    num_samples: int
    num_images: int
    signals: tuple[str, ...]
    sentence: str

    def figures(self) -> dict[str, float]:
        """All numbers by name, such as ``student_auc``, ``student_tpr_at_0.01`` or ``pixels_nearer_to_members``."""
        found = {"num_samples": float(self.num_samples), "num_images": float(self.num_images)}
        for space, each in self.distances.items():
            found[f"{space}_to_members"] = each.to_members
            found[f"{space}_to_non_members"] = each.to_non_members
            found[f"{space}_nearer_to_members"] = each.nearer_to_members
            found.update(_flat(space, each.separation))
        for model, attack in self.attacks.items():
            found.update(_flat(model, attack))
        return found


@dataclass(frozen=True)
class Sample:
    """What one audit looks at.

    Attributes:
        images: (N, C, H, W), synthetic, standardized.
        members: samples that the teacher was trained on.
        others: as many that it was not.
    """

    images: np.ndarray
    members: Split
    others: Split

    @classmethod
    def drawn(
        cls, settings: AuditSettings, images: np.ndarray, splits: tuple[Split, Split], draw: np.random.Generator
    ) -> "Sample":
        """Images, members and others at random, as many as :func:`sizes` tells."""
        members, others = splits
        count, num_images = sizes(settings, len(images), len(members.y), len(others.y))
        chosen = images[np.sort(draw.permutation(len(images))[:num_images])]
        return cls(chosen, _drawn(members, count, draw), _drawn(others, count, draw))

    def inputs(self, *, with_images: bool) -> np.ndarray:
        """Members, others and, if wanted, images in one array: what a model is to be shown."""
        parts = (self.members.x, self.others.x, self.images)
        return np.concatenate(parts if with_images else parts[:2])


def sizes(settings: AuditSettings, num_images: int, num_members: int, num_others: int) -> tuple[int, int]:
    """Members (and as many others) and images that an audit looks at, where there are so many."""
    return min(settings.num_samples, num_members, num_others), min(settings.num_images, num_images)


def audit(
    settings: AuditSettings, images: np.ndarray, splits: tuple[Split, Split], looks: Mapping[str, Look],
    draw: np.random.Generator,
) -> AuditResult:  # fmt: skip
    """Attack images and models in one go.

    Args:
        settings: how many samples, and how sure.
        images: (N, C, H, W), synthetic, standardized.
        splits: members and non-members.
        looks: models to attack by name, ``teacher`` among them, in whose features distances are taken.
        draw: which samples and images are looked at.
    """
    sample = Sample.drawn(settings, images, splits, draw)
    logits = {name: look(sample.inputs(with_images=False))[0] for name, look in looks.items()}
    _, features = looks["teacher"](sample.inputs(with_images=True))
    return judged(settings, sample, logits, features)


def judged(
    settings: AuditSettings, sample: Sample, logits: Mapping[str, np.ndarray], features: np.ndarray
) -> AuditResult:
    """What the models made of a sample, turned into attacks and words.

    Args:
        settings: how sure.
        sample: what they looked at.
        logits: (2 M, K) of each model, members first.
        features: (2 M + N, d) of the teacher, images last.
    """
    count = len(sample.members.y)
    spaces = {
        "pixels": (sample.images, sample.members.x, sample.others.x),
        "features": (features[2 * count :], features[:count], features[count : 2 * count]),
    }
    distances = {name: _distances(*space, confidence=settings.confidence) for name, space in spaces.items()}
    attacks = {
        name: separation(
            confidences(rows[:count], sample.members.y),
            confidences(rows[count : 2 * count], sample.others.y),
            confidence=settings.confidence,
        )
        for name, rows in logits.items()
    }
    tests = {**{name: each.separation for name, each in distances.items()}, **attacks}
    limit = (1.0 - settings.confidence) / len(tests)  # of Bonferroni, so that the whole audit keeps its level
    signals = tuple(name for name, test in tests.items() if test.p_value < limit)
    words = _sentence(signals, distances, attacks)
    return AuditResult(distances, attacks, count, len(sample.images), signals, words)


def _drawn(split: Split, count: int, draw: np.random.Generator) -> Split:
    rows = np.sort(draw.permutation(len(split.y))[:count])
    return Split(np.asarray(split.x[rows]), np.asarray(split.y[rows]))


def _distances(images: np.ndarray, members: np.ndarray, others: np.ndarray, *, confidence: float) -> Distances:
    to_members, to_others = nearest(images, members).distance, nearest(images, others).distance
    ties = to_members == to_others
    nearer = ((to_members < to_others) + 0.5 * ties).mean()
    # the test is over real samples, of which each was drawn by itself; synthetic images of one generator were not
    scores = [-nearest(part, images).distance for part in (members, others)]
    return Distances(
        float(np.median(to_members)),
        float(np.median(to_others)),
        float(nearer),
        separation(scores[0], scores[1], confidence=confidence),
    )


def _sentence(
    signals: tuple[str, ...], distances: Mapping[str, Distances], attacks: Mapping[str, Separation]
) -> str:  # fmt: skip
    if not signals:
        return f"No signal: neither the synthetic images nor a model's losses tell members from non-members. {CAUTION}"
    parts = [f"the synthetic images lie nearer to members ({name}: {_area(distances[name].separation)})"
             for name in signals if name in distances]  # fmt: skip
    for name in signals:
        if name in attacks:
            few = attacks[name].rates[-1]
            parts.append(
                f"the {name} leaks who was a member ({_area(attacks[name])}; at {few.false_alarms:.0%} false alarms a "
                f"small loss finds {few.found:.1%} of members, {few.low:.1%} to {few.high:.1%})"
            )
    text = "; ".join(parts)
    silent = [name for name in (*distances, *attacks) if name not in signals]
    rest = f" No signal in: {', '.join(silent)}." if silent else ""
    return f"{text[0].upper()}{text[1:]}.{rest} {CAUTION}"


def _area(found: Separation) -> str:
    return f"AUC {found.auc:.3f}, {found.low:.3f} to {found.high:.3f}"


def _flat(name: str, found: Separation) -> dict[str, float]:
    flat = {
        f"{name}_auc": found.auc,
        f"{name}_auc_low": found.low,
        f"{name}_auc_high": found.high,
        f"{name}_p_value": found.p_value,
    }
    for rate in found.rates:
        key = f"{name}_tpr_at_{rate.false_alarms:g}"
        flat.update({key: rate.found, f"{key}_low": rate.low, f"{key}_high": rate.high})
    return flat
