"""The network of a teacher's filters as a drawing: filters of a student stand together, its strongest in the middle."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from webapp.inference.board import Board, Json

WIDTH, HEIGHT = 620.0, 400.0
RING = (205.0, 120.0)
"""Half width and half height of the ring on which groups stand."""
TURN = math.pi * (3 - math.sqrt(5))
"""Turn from one filter of a group to the next: the golden angle fills a circle evenly."""
STEP, LARGEST = 10.5, 92.0
"""Distance of neighbors in a small group, and radius of the largest group."""
DOT = (2.0, 5.5)
"""Radii of the weakest and the strongest filter."""
SHADES = 5
MOST_LISTED = 512
"""Filters of the table."""


@dataclass(frozen=True)
class Dot:
    """A filter."""

    number: int
    x: float
    y: float
    radius: float
    color: int
    """Number of its student's color, from 1; 0 if nobody learns it."""
    title: str


@dataclass(frozen=True)
class Tie:
    """A link between two filters."""

    x1: float
    y1: float
    x2: float
    y2: float
    color: int
    """That of the student whose filters it joins; 0 if it joins filters of different ones."""
    width: float


@dataclass(frozen=True)
class GroupLabel:
    """The words beside a group."""

    x: float
    y: float
    words: str


@dataclass(frozen=True)
class Student:
    """What a student learns.

    Attributes:
        title: for people.
        color: number of its color.
        num_filters: filters that it learns.
        affinity: mean affinity of these to each class, with a shade from 1 to 5.
        classes: the classes with the largest affinity.
    """

    title: str
    color: int
    num_filters: int
    affinity: Sequence[tuple[float, int]]
    classes: str


@dataclass(frozen=True)
class FilterDrawing:
    """The network of filters."""

    dots: Sequence[Dot]
    ties: Sequence[Tie]
    labels: Sequence[GroupLabel]
    students: Sequence[Student]
    classes: Sequence[tuple[str, Sequence[tuple[float, int]]]]
    """Title of each class, and of each student the affinity with its shade."""
    listed: Sequence[Json]
    num_links: int
    cut: float
    width: float = WIDTH
    height: float = HEIGHT

    @property
    def summary(self) -> str:
        """The drawing in words."""
        told = ", ".join(f"{one.title} {one.num_filters}" for one in self.students)
        return f"{len(self.dots)} filters of the teacher; learned by {told}"


def filters_of(board: Board) -> FilterDrawing | None:
    """The drawing of a board; None without a network of filters."""
    told = board.filters
    if not told.get("nodes"):
        return None
    groups: dict[int | None, list[Json]] = {student: [] for student in range(len(told["students"]))}
    for node in told["nodes"]:
        groups.setdefault(node["student"], []).append(node)
    groups = {student: nodes for student, nodes in groups.items() if nodes}
    dots, labels = _placed(board, groups)
    places = {dot.number: dot for dot in dots}
    students = _students(board)
    by_class = zip(*(one.affinity for one in students), strict=True)
    return FilterDrawing(
        dots=dots,
        ties=_ties(told["links"], places),
        labels=labels,
        students=students,
        classes=[(board.class_name(number), list(row)) for number, row in enumerate(by_class)],
        listed=[_listed(board, node) for node in told["nodes"][:MOST_LISTED]],
        num_links=int(told["num_links"]),
        cut=float(told["cut"]),
    )


def _placed(board: Board, groups: dict[int | None, list[Json]]) -> tuple[list[Dot], list[GroupLabel]]:
    """Every filter in its group, and the words of the groups; those that nobody learns stand last."""
    order = sorted(groups, key=lambda student: math.inf if student is None else student)
    largest = max(len(nodes) for nodes in groups.values())
    room = min(LARGEST, 300.0 / max(1, len(order) - 1))
    step = min(STEP, room / math.sqrt(largest))
    dots, labels = [], []
    for place, student in enumerate(order):
        turn = 2 * math.pi * place / len(order) - math.pi / 2
        alone = len(order) == 1
        center = (WIDTH / 2, HEIGHT / 2) if alone else (
            WIDTH / 2 + RING[0] * math.cos(turn), HEIGHT / 2 + RING[1] * math.sin(turn),
        )  # fmt: skip
        nodes = sorted(groups[student], key=lambda node: (-node["strength"], node["filter"]))
        dots += [_dot(board, node, rank, (center, step)) for rank, node in enumerate(nodes)]
        below = min(HEIGHT - 6, center[1] + step * math.sqrt(len(nodes)) + 16)
        words = "nobody learns these" if student is None else f"student {student}"
        labels.append(GroupLabel(round(center[0], 1), round(below, 1), words))
    return dots, labels


def _dot(board: Board, node: Json, rank: int, place: tuple[tuple[float, float], float]) -> Dot:
    (x, y), step = place
    away, turn = step * math.sqrt(rank), rank * TURN
    radius = (DOT[0] + (DOT[1] - DOT[0]) * math.sqrt(node["strength"])) * min(1.0, step / 8.0)
    about = _listed(board, node)
    title = f"filter {about['filter']}, {about['student']}: {about['label']}"
    color = 0 if node["student"] is None else node["student"] % 6 + 1
    return Dot(
        int(node["filter"]), round(x + away * math.cos(turn), 1), round(y + away * math.sin(turn), 1),
        round(radius, 1), color, title,
    )  # fmt: skip


def _ties(links: Sequence[Sequence[float]], places: dict[int, Dot]) -> list[Tie]:
    most = max((weight for *_, weight in links), default=1.0) or 1.0
    found = []
    for one, other, weight in links:
        start, end = places[int(one)], places[int(other)]
        color = start.color if start.color == end.color else 0
        found.append(Tie(start.x, start.y, end.x, end.y, color, round(0.3 + 1.2 * weight / most, 2)))
    return sorted(found, key=lambda tie: tie.color > 0)


def _students(board: Board) -> list[Student]:
    rows = board.filters["students"]
    most = max((max(row["affinity"], default=0.0) for row in rows), default=0.0) or 1.0
    found = []
    for number, row in enumerate(rows):
        shades = [(float(value), min(SHADES, 1 + int(value / most * SHADES))) for value in row["affinity"]]
        top = sorted(range(len(shades)), key=lambda label: -shades[label][0])[:3]
        found.append(
            Student(
                f"student {number}", number % 6 + 1, int(row["num_filters"]), shades,
                ", ".join(board.class_name(label) for label in top),
            )
        )  # fmt: skip
    return found


def _listed(board: Board, node: Json) -> Json:
    """A filter in words."""
    label = "never active" if node["label"] is None else f"class {board.class_name(node['label'])}"
    student = "nobody" if node["student"] is None else f"student {node['student']}"
    return {**node, "student": student, "label": label}
