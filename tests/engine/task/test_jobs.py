"""Jobs: where the next chunk begins, what stages add up to, and what a survey concludes from looks of any width."""

from dataclasses import dataclass

import numpy as np
import pytest

from engine.core.errors import EngineError
from engine.runs.context import make_context
from engine.specs.text import parse
from engine.task import layout
from engine.task.contract import Block, State, Tensors
from engine.task.jobs import Agenda, Job, Turn, falls_due, measured, told
from engine.task.survey import Seen, Survey, added, appended

SAMPLES = np.array([3, 1, 4, 1, 5, 9, 2])
"""What a survey looks at."""

START = {"totals": dict.fromkeys(layout.TOTALS, 0.0), "log": []}


@dataclass(frozen=True)
class Write(Job[int]):
    """Notes which steps it took; its chunks are as long as the world says."""

    def chunk(self, world: int) -> int:
        return world

    def advance(self, world: int, state: State, steps: range) -> Turn:
        log = [*layout.value(state, "log"), [self.stage, *steps]]
        return state.replace(values={"log": log}), [told(state, "log", self.stage, steps=len(steps))]


@dataclass(frozen=True)
class Add(Survey[int]):
    """The sum of the samples, which also ends the run."""

    def look(self, world: int, state: State, rows: slice) -> Seen:
        return {"sum": np.array([SAMPLES[rows].sum()])}

    def conclude(self, world: int, state: State, seen: Seen, step: int) -> Turn:
        total = float(seen["sum"][0])
        return state.replace(values={"reason": "added"}), [measured(state, self.stage, step, {"sum": total})]


@dataclass(frozen=True)
class Collect(Add):
    """The same from all samples one behind the other."""

    def joined(self, before: Tensors, seen: Seen) -> Seen:
        return appended(before, seen)

    def conclude(self, world: int, state: State, seen: Seen, step: int) -> Turn:
        return super().conclude(world, state, {"sum": seen["sum"].sum(keepdims=True)}, step)


def carried_out(agenda: Agenda[int]) -> tuple[list[State], list[dict]]:
    """All states, and what was told."""
    states, bodies = [agenda.begin(["boards"], START)], []
    while not states[-1].values["reason"]:
        state, events = agenda.step(states[-1])
        states.append(state)
        bodies += [dict(event.body) for event in events]
    return states, bodies


def test_jobs_follow_each_other_in_chunks_that_never_cross_their_ends() -> None:
    agenda = Agenda(3, (Write("first", 4), Write("second", 2), Write("first", 1), Add("last", 1, 7)), {})
    states, _ = carried_out(agenda)
    assert states[-1].values["log"] == [["first", 0, 1, 2], ["first", 3], ["second", 0, 1], ["first", 0]]
    places = [[state.values[name] for name in ("job", "at", "done")] for state in states]
    assert places == [[0, 0, 0], [0, 3, 3], [1, 0, 4], [2, 0, 6], [3, 0, 7], [4, 0, 8]]
    assert states[0].values["total"] == agenda.num_steps == 8


def test_a_stage_has_the_steps_of_all_its_jobs() -> None:
    jobs = (Write("first", 4), Write("second", 2), Write("first", 1))
    assert Agenda(1, jobs, {"first": "First", "second": "Second"}).stages() == [
        {"name": "first", "title": "First", "num_steps": 5},
        {"name": "second", "title": "Second", "num_steps": 2},
    ]


@pytest.mark.parametrize("kind", [Add, Collect])
@pytest.mark.parametrize(("width", "looks"), [(7, 1), (3, 3), (1, 7)])
def test_a_survey_concludes_the_same_from_looks_of_any_width(kind: type[Add], width: int, looks: int) -> None:
    states, (body,) = carried_out(Agenda(100, (kind("sum", looks, width),), {}))
    assert len(states) == 1 + looks
    assert (body["round"], body["values"]["sum"]) == (looks, 25.0)
    assert layout.names_of(layout.WORK, states[-1].tensors) == []
    assert all(layout.names_of(layout.WORK, state.tensors) == ["work/sum"] for state in states[1:-1])


def test_what_was_seen_adds_up_or_stands_behind_what_was_seen_before() -> None:
    before, now = {"a": np.array([1, 2])}, {"a": np.array([3, 4]), "b": np.array([5])}
    assert {name: array.tolist() for name, array in added(before, now).items()} == {"a": [4, 6], "b": [5]}
    assert {name: array.tolist() for name, array in appended(before, now).items()} == {"a": [1, 2, 3, 4], "b": [5]}


def test_moments_fall_due_evenly_and_at_the_end() -> None:
    due = [step for step in range(10) if falls_due(range(step, step + 1), 10, 4)]
    assert due == [2, 4, 7, 9]  # as soon as a quarter of the steps, 2.5, is done


def test_the_steps_of_jobs_are_no_blocks() -> None:
    spec = parse("""
fleet: {groups: [{name: boards, count: 1}]}
task: {kind: datafree, dataset: {kind: digits}, teacher: {kind: train, model: {kind: mlp, hidden: [4]}}}
""")
    with pytest.raises(EngineError, match="datafree has no block"):
        spec.task.compute_block(make_context(spec, 0), Block(("train", 0)))
