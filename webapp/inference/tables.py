"""The table of plans: what each costs, and how that stands to the network that was trained first."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from webapp.catalogue.quantities import digits
from webapp.inference.board import CHOSEN, TEACHER, Board, Json

LOWER = (
    ("peak_memory_bytes", "less"), ("most_macs", "less"), ("latency_s", "faster"), ("most_energy_j", "less"),
)  # fmt: skip
"""Figures of which a plan has less than the teacher, if it is any good, and the word for it."""


@dataclass(frozen=True)
class Compared:
    """A plan of the comparison.

    Attributes:
        row: as its event tells it.
        points: its accuracy minus the teacher's; None where that is not known.
        times: by figure how many times less than the teacher, in words; empty for the teacher itself.
        has_plan: whether it can be drawn.
    """

    row: Json
    points: float | None
    times: Mapping[str, str]
    has_plan: bool


def compared(board: Board) -> list[Compared]:
    """All plans so far, the one that is carried out first."""
    teacher = board.contenders.get(TEACHER)
    rows = sorted(board.contenders.values(), key=lambda row: row["name"] != CHOSEN)
    return [Compared(row, _points(board, row), _times(row, teacher), row["name"] in board.plans) for row in rows]


def _points(board: Board, row: Json) -> float | None:
    whole = board.values.get("teacher_accuracy")
    if whole is None or row["name"] == TEACHER or row.get("accuracy") is None:
        return None
    return float(row["accuracy"]) - whole


def _times(row: Json, teacher: Json | None) -> dict[str, str]:
    if teacher is None or row is teacher:
        return {}
    pairs = [(name, word, row.get(name), teacher.get(name)) for name, word in LOWER]
    return {name: times(theirs / mine, word) for name, word, mine, theirs in pairs if mine and theirs}


def times(ratio: float, word: str) -> str:
    """A ratio of the other's figure to one's own in words; ``word`` says what more than 1 is."""
    opposite = {"less": "more", "faster": "slower"}[word]
    if 0.995 < ratio < 1.005:
        return "as the teacher"
    return f"{digits(ratio, 3)}× {word}" if ratio > 1 else f"{digits(1 / ratio, 3)}× {opposite}"


def awaited(board: Board) -> list[str]:
    """Titles of the plans that are still to come."""
    return [str(one["title"]) for one in board.facts.get("contenders", ()) if one["name"] not in board.contenders]


def resources(board: Board, titles: Mapping[str, str]) -> Sequence[tuple[str, float]]:
    """Devices and links of a stream with the share of the time for which each was busy.

    Args:
        board: of the run.
        titles: of devices by their number.
    """
    seen: Counter[str] = Counter()
    found = []
    for row in board.requests.get("resources", ()):
        title = resource_title(str(row["name"]), titles)
        seen[title] += 1
        # On a way of several parts, messages wait at each of them.
        found.append((title if seen[title] == 1 else f"{title}, message {seen[title]}", float(row["busy"])))
    return found


def resource_title(name: str, titles: Mapping[str, str]) -> str:
    """What people call a device or a link; messages name them ``device:3`` and ``link:device:3>server``."""
    kind, _, rest = name.partition(":")
    if kind == "link":
        one, _, other = rest.partition(">")
        return f"link from {resource_title(one, titles)} to {resource_title(other, titles)}"
    if kind == "device":
        return titles.get(rest, f"device {rest}")
    return f"{kind} {rest}".strip()
