"""What the page of a distributed inference shows, folded from its events: plans, losses, filters, requests."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from webapp.datafree.board import Stage, Steps
from webapp.experiments.log import batches_after, frames_of
from webapp.experiments.models import Run, RunState

Json = dict[str, Any]

CHOSEN, TEACHER = "chosen", "teacher"
"""Names of the plan that is carried out, and of the trained network on the best device."""


@dataclass
class Board:
    """What a run has told so far; empty while it waits.

    Attributes:
        facts: what its first event says.
        stages: in the order in which they begin.
        plans: of the comparison by name; of the chosen one the last that was told.
        contenders: rows of the table of plans by name.
        failures: what comes of losses; empty before they are tried.
        filters: the network of the teacher's filters; empty without students.
        exits: what each exit of the network says to the test samples; empty without exits.
        requests: what became of the stream; empty where requests come one by one.
        values: the newest value of each metric.
        reached: number of the last step that was told of.
    """

    facts: Json = field(default_factory=dict)
    stages: Sequence[Stage] = ()
    plans: dict[str, Json] = field(default_factory=dict)
    contenders: dict[str, Json] = field(default_factory=dict)
    failures: Json = field(default_factory=dict)
    filters: Json = field(default_factory=dict)
    exits: Json = field(default_factory=dict)
    requests: Json = field(default_factory=dict)
    values: dict[str, float] = field(default_factory=dict)
    reached: int = 0

    @property
    def plan(self) -> Json | None:
        """The plan that is carried out."""
        return self.plans.get(CHOSEN)

    def title(self, name: str) -> str:
        """What people call a plan."""
        titles = {str(one["name"]): str(one["title"]) for one in self.facts.get("contenders", ())}
        return titles.get(name, name.replace("_", " ").capitalize())

    def class_name(self, number: int) -> str:
        """What people call a class."""
        names = self.facts.get("classes") or ()
        return str(names[number]) if 0 <= number < len(names) else str(number)

    @property
    def devices(self) -> set[int]:
        """Numbers of all devices of which a plan or a loss speaks."""
        found = {self.facts.get(name) for name in ("origin", "sink", "cloud")}
        for plan in self.plans.values():
            found |= {row["device"] for rows in ("stages", "devices") for row in plan[rows]}
            found |= {other for row in plan.get("standby", ()) for other in (row["device"], *row["others"])}
        for loss in self.failures.get("losses", ()):
            found |= {*loss["devices"], *loss["device_of"]}
        return {int(number) for number in found if number is not None and number >= 0}


def board_of(run: Run) -> Board:
    """The board of a run as its log stands."""
    board, steps = Board(), Steps()
    for batch in batches_after(run, 0):
        for frame in frames_of(batch):
            _apply(board, frame["kind"], frame["body"])
            if frame["kind"] == "metrics":
                steps.add(frame["body"])
    board.reached = steps.last
    board.stages = steps.stages(board.facts.get("stages", ()), is_done=run.state == RunState.DONE)
    return board


def _apply(board: Board, kind: str, body: Json) -> None:
    match kind:
        case "started":
            board.facts = body
        case "metrics":
            board.values |= {name: value for name, value in body["values"].items() if value is not None}
        case "plan":
            board.plans[str(body.get("name") or body["title"])] = body
        case "contender":
            board.contenders[body["name"]] = body
        case "failures":
            board.failures = body
        case "filters":
            board.filters = body
        case "exits":
            board.exits = body
        case "requests":
            board.requests = body
