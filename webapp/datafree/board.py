"""What the page of a data-free run shows, folded from its events: stages, pictures, contenders, files, audit."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from webapp.experiments.log import Frame, batches_after, frames_of
from webapp.experiments.models import Run, RunState

Json = dict[str, Any]

KINDS = frozenset({"started", "metrics", "image", "contender", "export", "audit"})
"""What is read of the log."""

COLORS = 6
"""Colors that signs and lines have."""

ACCURACY = "_accuracy"
"""End of the names of metrics that say how a contender does."""


@dataclass(frozen=True)
class Stage:
    """A stage of the run.

    Attributes:
        name: as events call it.
        title: for people.
        num_steps: how many steps it takes.
        done: how many are done.
    """

    name: str
    title: str
    num_steps: int
    done: int

    @property
    def state(self) -> str:
        """``done``, ``running`` or ``waiting``."""
        if self.done >= self.num_steps:
            return "done"
        return "running" if self.done else "waiting"


@dataclass
class Board:
    """What a run has told so far; empty while it waits.

    Attributes:
        facts: what its first event says.
        stages: in the order in which they begin.
        sheets: sheets of pictures without their bytes, each with the number of its event.
        contenders: by name, in the order in which they were measured.
        exports: files that were checked, by name.
        audit: what the privacy audit found; empty without one.
        reached: number of the last step that was told of.
        learning: of each contender the steps of its own stage and its accuracy after them.
    """

    facts: Json = field(default_factory=dict)
    stages: Sequence[Stage] = ()
    sheets: list[Json] = field(default_factory=list)
    contenders: dict[str, Json] = field(default_factory=dict)
    exports: dict[str, Json] = field(default_factory=dict)
    audit: Json = field(default_factory=dict)
    reached: int = 0
    learning: dict[str, tuple[list[int], list[float]]] = field(default_factory=dict)

    @property
    def final(self) -> Json | None:
        """The contender that is deployed: the last one that is no baseline."""
        own = [row for row in self.contenders.values() if row.get("role") == "student"]
        named = self.contenders.get(str(self.facts.get("final", "")))
        return own[-1] if own else named or self.contenders.get("teacher")

    @property
    def awaited(self) -> list[str]:
        """Titles of the contenders that are still to come."""
        return [str(one["title"]) for one in self.facts.get("contenders", ()) if one["name"] not in self.contenders]

    def color(self, contender: str) -> int:
        """Number of the color of a contender's signs and lines: it keeps it from the first moment to the last, and of
        those that have the same sign none has the same.
        """
        names = [str(one["name"]) for one in self.facts.get("contenders", ())]
        return (names.index(contender) if contender in names else len(names)) % COLORS + 1

    def class_name(self, number: int) -> str:
        """What people call a class."""
        names = self.facts.get("classes") or ()
        return str(names[number]) if 0 <= number < len(names) else str(number)


def board_of(run: Run) -> Board:
    """The board of a run as its log stands."""
    board, steps = Board(), Steps()
    for frame in _told(run):
        _apply(board, frame)
        if frame["kind"] == "metrics":
            steps.add(frame["body"])
            _learn(board, frame["body"], steps)
    board.reached = steps.last
    board.stages = steps.stages(board.facts.get("stages", ()), is_done=run.state == RunState.DONE)
    return board


def sheet_png(run: Run, seq: int) -> str | None:
    """The base64 text of the picture of an event; None if that event is none."""
    batch = run.batches.filter(seq_first__lte=seq, seq_last__gte=seq).first()
    frames = frames_of(batch) if batch is not None else []
    found = next((frame for frame in frames if frame["seq"] == seq and frame["kind"] == "image"), None)
    return None if found is None else str(found["body"].get("png", ""))


def _told(run: Run) -> Iterator[Frame]:
    for batch in batches_after(run, 0):
        yield from (frame for frame in frames_of(batch) if frame["kind"] in KINDS)


def _apply(board: Board, frame: Frame) -> None:
    body = frame["body"]
    match frame["kind"]:
        case "started":
            board.facts = body
        case "image" if "png" in body:
            rest = {name: value for name, value in body.items() if name != "png"}
            board.sheets.append({**rest, "seq": frame["seq"]})
        case "contender":
            board.contenders[body["name"]] = body
        case "export":
            board.exports[body["name"]] = body
        case "audit":
            board.audit = body


def _learn(board: Board, body: Json, steps: "Steps") -> None:
    """Take over the accuracies of an event, by the step of the contender's own stage: stages follow each other."""
    for name, value in body.get("values", {}).items():
        contender = name.removesuffix(ACCURACY)
        if name.endswith(ACCURACY) and contender in steps.done and value is not None:
            places, values = board.learning.setdefault(contender, ([], []))
            places.append(steps.done[contender])
            values.append(float(value))


@dataclass
class Steps:
    """How many steps of each stage are done: every metrics event ends some steps of its own stage.

    Attributes:
        last: number of the last step that was told of.
        done: steps of each stage.
    """

    last: int = 0
    done: dict[str, int] = field(default_factory=dict)

    def add(self, body: Mapping[str, Any]) -> None:
        """Take over the body of a metrics event."""
        step, stage = int(body.get("round", 0)), str(body.get("stage", ""))
        self.done[stage] = self.done.get(stage, 0) + max(0, step - self.last)
        self.last = max(self.last, step)

    def stages(self, declared: Sequence[Mapping[str, Any]], *, is_done: bool) -> list[Stage]:
        """The stages that a run declares, with how far each is."""
        return [
            Stage(
                str(one["name"]), str(one["title"]), int(one["num_steps"]),
                int(one["num_steps"]) if is_done else min(int(one["num_steps"]), self.done.get(str(one["name"]), 0)),
            )
            for one in declared
        ]  # fmt: skip
