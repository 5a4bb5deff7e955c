"""Where time and energy of a run went, by term and group, as bars and in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from webapp.catalogue.quantities import text

TERMS = {
    "download": ("fill-1", "download"),
    "compute": ("fill-3", "compute"),
    "upload": ("fill-2", "upload"),
    "queue": ("fill-6", "in line"),
    "connect": ("fill-5", "connect"),
    "relay": ("fill-relay", "passing on"),
    "tail": ("fill-4", "tail"),
    "idle": ("fill-idle", "wait"),
}
"""Color and word of each term, in the order in which bars show them; ``static/webapp/js/ledger.js`` has the same."""

HELP = {
    "download": "receiving the message of the server",
    "compute": "computing",
    "upload": "sending the answer",
    "queue": "waiting for a channel that others use",
    "connect": "waking the radio, joining the network, opening the connection",
    "relay": "passing on the messages of others, beside whatever else the device does",
    "tail": "the radio stays awake after its last message; not part of the round's time",
    "idle": "waiting for others within the round",
}


@dataclass(frozen=True)
class Part:
    """A part of a bar of width 100."""

    x: float
    width: float
    color: str
    said: str


@dataclass(frozen=True)
class Term:
    """What one group spent on one term."""

    group: str
    word: str
    help: str
    time_s: float
    energy_j: float
    recalled: float | None
    """Share of time or energy, whichever is greater, that rests on recalled figures; None where nothing was spent."""


@dataclass(frozen=True)
class GroupBars:
    """A group's time and energy by term, all groups on one scale."""

    group: str
    time_s: float
    energy_j: float
    time: Sequence[Part]
    energy: Sequence[Part]


def terms_of(sheet: Mapping[str, Any]) -> list[Term]:
    """The rows behind the bars."""
    rows = sorted(sheet["groups"], key=lambda row: _place(row["phase"]))
    groups = list(dict.fromkeys(row["group"] for row in sheet["groups"]))
    return [
        Term(
            row["group"], word_of(row["phase"]), HELP.get(row["phase"], ""), row["time_s"], row["energy_j"],
            _recalled(row),
        )
        for group in groups
        for row in rows
        if row["group"] == group
    ]  # fmt: skip


def bars_of(sheet: Mapping[str, Any]) -> list[GroupBars]:
    """A bar of time and one of energy for each group; the longest is full."""
    groups = dict.fromkeys(row["group"] for row in sheet["groups"])
    rows = {group: [row for row in sheet["groups"] if row["group"] == group] for group in groups}
    sums = {name: {group: sum(row[name] for row in rows[group]) for group in groups} for name in ("time_s", "energy_j")}
    return [
        GroupBars(
            group=group,
            time_s=sums["time_s"][group],
            energy_j=sums["energy_j"][group],
            time=_parts(rows[group], "time_s", max(sums["time_s"].values())),
            energy=_parts(rows[group], "energy_j", max(sums["energy_j"].values())),
        )
        for group in groups
    ]


def legend_of(sheet: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Color and word of each term that occurs."""
    used = {row["phase"] for row in sheet["groups"]}
    return [(_color(phase), word_of(phase)) for phase in sorted(used, key=_place)]


def recalled_words(sheet: Mapping[str, Any]) -> str:
    """Which part of the cost rests on recalled figures, and where most of that is."""
    rows = sheet["groups"]
    said = []
    for name, word, busy in (("time_s", "busy time", "idle"), ("energy_j", "energy", "")):
        mine = [row for row in rows if row["phase"] != busy]
        whole, marked = (sum(row[key] for row in mine) for key in (name, f"recalled_{name}"))
        if whole > 0:
            said.append(f"{text(min(1.0, marked / whole), '%')} of the {word}")
    if not said:
        return "Nothing was spent."
    worst = max(rows, key=lambda row: row["recalled_energy_j"])
    marked = sum(row["recalled_energy_j"] for row in rows)
    head = f"{' and '.join(said)} rest on figures that were recalled, not read in a source"
    if not marked:
        return f"{head}."
    share = text(worst["recalled_energy_j"] / marked, "%")
    return f"{head}; of that energy {share} is {worst['group']}: {word_of(worst['phase'])}."


def word_of(phase: str) -> str:
    """What people call a term."""
    return TERMS.get(phase, ("", phase))[1]


def _color(phase: str) -> str:
    return TERMS.get(phase, ("fill-6", ""))[0]


def _place(phase: str) -> int:
    return list(TERMS).index(phase) if phase in TERMS else len(TERMS)


def _recalled(row: Mapping[str, Any]) -> float | None:
    shares = [
        row[f"recalled_{name}"] / row[name]
        for name in ("time_s", "energy_j")
        if row[name] > 0 and f"recalled_{name}" in row
    ]
    return min(1.0, max(shares)) if shares else None


def _parts(rows: Sequence[Mapping[str, Any]], name: str, most: float) -> list[Part]:
    parts, x = [], 0.0
    unit = "s" if name == "time_s" else "J"
    for row in sorted(rows, key=lambda row: _place(row["phase"])):
        width = 100 * row[name] / most if most > 0 else 0.0
        if width > 0:
            parts.append(
                Part(
                    round(x, 3),
                    round(width, 3),
                    _color(row["phase"]),
                    f"{word_of(row['phase'])} {text(row[name], unit)}",
                )
            )
        x += width
    return parts
