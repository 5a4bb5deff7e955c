"""The privacy audit as a table: one row for each attack."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ATTACKS = {
    "teacher": ("Loss of the teacher", "a small loss is taken as the sign of a member"),
    "student": ("Loss of the student", "the same, on what leaves with the devices"),
    "pixels": ("Nearest image, in pixels", "how near a real sample lies to a synthetic image"),
    "features": ("Nearest image, in the teacher's features", "the same, as the teacher sees them"),
}
"""Title and meaning of each attack, by the first word of its figures' names."""


@dataclass(frozen=True)
class Attack:
    """One attack.

    Attributes:
        title: for people.
        meaning: how it tells members apart.
        is_signal: whether it does.
        auc: area under its curve: 0.5 is a guess.
        auc_low: lower end of its interval.
        auc_high: upper end.
        at_tenth: share of members found with one false alarm in a thousand.
        at_one: share found with one in a hundred.
    """

    title: str
    meaning: str
    is_signal: bool
    auc: float | None
    auc_low: float | None
    auc_high: float | None
    at_tenth: float | None
    at_one: float | None


def attacks_of(audit: Mapping[str, Any]) -> list[Attack]:
    """The attacks of an audit, those on models first."""
    figures, signals = audit.get("figures") or {}, set(audit.get("signals") or ())
    names = list(dict.fromkeys([*ATTACKS, *(name.removesuffix("_auc") for name in figures if name.endswith("_auc"))]))
    return [_attack(name, figures, name in signals) for name in names if f"{name}_auc" in figures]


def _attack(name: str, figures: Mapping[str, Any], is_signal: bool) -> Attack:
    title, meaning = ATTACKS.get(name, (name.replace("_", " ").capitalize(), ""))
    return Attack(
        title=title,
        meaning=meaning,
        is_signal=is_signal,
        auc=figures.get(f"{name}_auc"),
        auc_low=figures.get(f"{name}_auc_low"),
        auc_high=figures.get(f"{name}_auc_high"),
        at_tenth=figures.get(f"{name}_tpr_at_0.001"),
        at_one=figures.get(f"{name}_tpr_at_0.01"),
    )
