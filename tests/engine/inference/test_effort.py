"""What placers take is known before they begin, and who waits is not kept waiting by them."""

from dataclasses import replace
from typing import Any

import pytest

from engine.core.allowance import Allowance, NotForeseen
from engine.core.errors import SpecError
from engine.inference.placer import NoPlan, Size, placers
from engine.inference.placers.exhaustive import Exhaustive
from engine.inference.plans.prices import Prices
from engine.inference.plans.problem import PlacementProblem
from engine.specs.plans import planning_of, plans, read_design
from engine.specs.text import load, parse
from tests.engine.inference.instances import placer_of, problem_of
from tests.engine.inference.test_proposals import DESIGN

NO_PLAN = "task.rules={deadline_s: 1.0e-6}"
ALONE = DESIGN.split("sweep", maxsplit=1)[0]


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of pieces of each placement that somebody asked for."""
    found: list[int] = []
    score = PlacementProblem.score

    def counted(problem: PlacementProblem, at: Any) -> Any:
        found.append(len(at))
        return score(problem, at)

    monkeypatch.setattr(PlacementProblem, "score", counted)
    return found


@pytest.mark.parametrize("kind", placers.members())
def test_no_placer_tries_more_than_it_says(kind: str, tried: list[int]) -> None:
    """Nor takes more steps than that, where it counts them; one that nobody knows says so."""
    for seed, shape in enumerate([(4, 3), (8, 2), (6, 4)]):
        placer, problem = placer_of(kind), problem_of(seed, shape, cloud=1)
        most = placer.effort(Size.of(problem))
        if most is None:
            assert kind == "ilp"
            continue
        tried.clear()
        found = placer.place(problem)
        assert len(tried) * Size.of(problem).placement <= most + 3 * Size.of(problem).placement
        assert (found.steps or 0) <= most
        assert placer.effort(Size(20, 21, 30, has_deadline=True)) > most


def test_what_is_refused_at_once_takes_no_time() -> None:
    """More placements than are tried are not begun; a piece that is pinned leaves no choice."""
    problem = problem_of(0, (8, 5))
    size, placer = Size.of(problem), placer_of("exhaustive")
    assert (size.placements, placer.effort(size)) == (5**8, size.placement)
    with pytest.raises(NoPlan, match="placements, tried are at most"):
        placer.place(problem)
    pinned = tuple(replace(piece, pinned="source" if n else None) for n, piece in enumerate(problem.pieces.pieces))
    fixed = replace(problem, pieces=replace(problem.pieces, pieces=pinned))
    assert placer.effort(Size.of(fixed)) == 5 * size.placement
    design = ["task.placer={kind: exhaustive, most: 20}", "task.splitter={kind: channel, num_slices: 4}"]
    with pytest.raises(SpecError, match="tried are at most 20"):
        parse(ALONE, settings=design, allowance=Allowance(200_000))


def test_steps_are_shared_and_returned() -> None:
    allowance = Allowance(100)
    allowance.take(60)
    with pytest.raises(NotForeseen):
        allowance.take(41)
    with pytest.raises(NotForeseen):
        allowance.take(None)
    allowance.give_back(1)
    allowance.give_back(-5)
    allowance.take(41)
    assert allowance.left == 0


@pytest.mark.parametrize(
    "settings",
    [
        ["task.placer={kind: ilp}"],
        ["task.placer={kind: exhaustive, most: 10000000}", "task.splitter={kind: channel, num_slices: 3}"],
        ["task.placer={kind: greedy, tries: 1000000}"],
        ["task.failures.plan_for=worst_case"],
        ["task.placer={kind: ilp}", "task.splitter={kind: channel, num_slices: 4, by_speed: true}"],
        ["task.placer={kind: ilp}", "execution={backend: emulate, emulated_rounds: 5}"],
    ],
)
def test_what_may_take_long_is_not_begun(
    settings: list[str], tried: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither by the checks of a grid, which do not even ask for prices then, nor for plans."""
    with monkeypatch.context() as patch:
        patch.delattr(Prices, "of")
        sweep = "sweep={task.requests.count: [1, 2, 3]}"
        assert parse(ALONE, settings=[*settings, NO_PLAN, sweep], allowance=Allowance(200_000)).task.kind == "inference"
    with pytest.raises(NotForeseen):
        plans(planning_of(read_design(load(ALONE), settings=settings), Allowance(200_000)))
    assert not tried


@pytest.mark.slow
def test_a_grid_takes_no_longer_than_one_answer_may(tried: list[int]) -> None:
    """The first cells are looked at, as far as that goes, and the others not."""
    counts = [*range(1, 21)]
    parse(ALONE, settings=[f"sweep={{task.requests.count: {counts}}}"], allowance=Allowance(60_000))
    some = len(tried)
    assert 5**3 * 10 < some * 12 < 60_000
    parse(ALONE, settings=[f"sweep={{task.requests.count: {counts[:10]}}}"], allowance=Allowance(60_000))
    assert len(tried) == 2 * some  # so many cells, not a share of each


@pytest.mark.slow
def test_moves_that_were_not_needed_leave_room_for_other_cells(tried: list[int]) -> None:
    """The default placer may try thousands of moves, and does not: each cell of a small grid has its check."""
    sweep = "sweep={task.rules.deadline_s: [100.0, 99.0, 98.0, 97.0, 1.0e-6]}"
    with pytest.raises(SpecError, match="in the cell deadline_s=1e-06"):
        parse(ALONE, settings=["task.placer={kind: greedy}", sweep], allowance=Allowance(200_000))
    assert 5 * 10 < len(tried) < 5000


@pytest.mark.slow
def test_the_run_refuses_in_the_words_of_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SpecError) as at_once:
        parse(ALONE, settings=[NO_PLAN], allowance=Allowance(200_000))
    monkeypatch.setattr(Exhaustive, "effort", lambda placer, size: None)
    parse(ALONE, settings=[NO_PLAN], allowance=Allowance(200_000))
    with pytest.raises(SpecError) as later:
        parse(ALONE, settings=[NO_PLAN])
    assert later.value.problems == at_once.value.problems
    assert later.value.problems[0].path == "task.placer"
