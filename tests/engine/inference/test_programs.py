"""The integer program: what it leaves out, how much work it is, and what is said of what it finds."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engine.inference.placer import OBJECTIVES, NoPlan
from engine.inference.placers.ilp import MOST_VARIABLES, MOST_WORK
from engine.inference.plans.bounds import least_value
from engine.inference.plans.likeness import alike, choices
from engine.inference.plans.problem import Objective, PlacementProblem
from engine.inference.plans.program import Program, num_variables
from tests.engine.inference.instances import chain_of, placer_of, problem_of, random_graph, random_prices


def equal_nodes(problem: PlacementProblem, members: list[int]) -> PlacementProblem:
    """The same with nodes that are all as the first of them, but for rounding."""
    prices, first = problem.prices, members[0]
    columns = np.arange(prices.num_nodes)
    columns[members] = first
    found: dict[str, Any] = {}
    for name in ("compute_s", "stream_s", "compute_j"):
        found[name] = getattr(prices, name)[:, columns]
        found[name][:, members[-1]] *= 1 + 1e-14
    for name in ("message_s", "occupied_s", "sender_j", "receiver_j"):
        found[name] = getattr(prices, name)[:, columns][:, :, columns]
        for one in members:
            for other in members:
                found[name][:, one, other] = 0.0 if one == other else getattr(prices, name)[:, 0, first]
    return replace(problem, prices=replace(prices, **found, memory_bytes=prices.memory_bytes[columns]))


def test_of_nodes_that_are_alike_the_first_ones_get_the_first_pieces() -> None:
    problem = equal_nodes(problem_of(1, (4, 6)), [2, 3, 5])
    assert alike(problem) == [[0], [1], [2, 3, 5], [4]]
    assert choices(problem) == [[0, 1, 2, 4], [0, 1, 2, 3, 4], [0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5]]
    assert alike(replace(problem, source=3)) == [[0], [1], [2, 5], [3], [4]]
    assert num_variables(problem) == 4 + 5 + 6 + 6 + 4 + 4 * 5 + 5 * 6 + 6 * 6 + 6


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_leaving_out_what_differs_in_names_loses_nothing(objective: Objective) -> None:
    problem = equal_nodes(problem_of(3, (5, 4), memory=0.8, objective=objective), [1, 2, 3])
    best = placer_of("exhaustive").place(problem).value
    assert placer_of("ilp").place(problem).value == pytest.approx(best, rel=1e-6)


@pytest.mark.parametrize("objective", ["latency", "throughput"])
def test_microseconds_are_told_apart(objective: Objective) -> None:
    """The tolerances of the solver are absolute: its numbers must be about 1."""
    problem = problem_of(4, (5, 3), memory=0.8, objective=objective)
    prices = {name: getattr(problem.prices, name) * 1e-6 for name in ("compute_s", "stream_s", "message_s")}
    problem = replace(problem, prices=replace(problem.prices, **prices, occupied_s=problem.prices.occupied_s * 1e-6))
    found = placer_of("ilp").place(problem)
    assert found.value == pytest.approx(placer_of("exhaustive").place(problem).value, rel=1e-6)
    assert found.gap == pytest.approx(0.0, abs=1e-5)
    assert "optimal" in found.explanation


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_no_placement_is_below_the_simple_bound(objective: Objective) -> None:
    for seed in range(6):
        draw = np.random.Generator(np.random.PCG64(seed))
        pieces = random_graph(draw, 5)
        problem = PlacementProblem(pieces, random_prices(draw, pieces, 3), objective=objective)
        assert 0 < least_value(problem) <= placer_of("exhaustive").place(problem).value * (1 + 1e-9)


def test_the_simple_bound_of_a_chain_without_limits_is_its_least_latency() -> None:
    for seed in range(4):
        problem = problem_of(seed, (5, 4))
        assert least_value(problem) == pytest.approx(placer_of("exhaustive").place(problem).value, rel=1e-12)


def test_a_piece_that_nobody_can_compute_has_no_plan() -> None:
    problem = problem_of(0, (3, 2), objective="throughput")
    compute = problem.prices.compute_s.copy()
    compute[1] = math.inf
    with pytest.raises(NoPlan):
        placer_of("ilp").place(replace(problem, prices=replace(problem.prices, compute_s=compute)))


def test_a_program_that_is_too_large_is_not_solved_and_the_gap_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Program, "solve")
    problem = problem_of(0, (18, 20), memory=0.2, objective="throughput")
    assert num_variables(problem) > MOST_VARIABLES
    found = placer_of("ilp").place(problem)
    assert found.at == placer_of("greedy").place(problem).at
    assert found.explanation.startswith("placed piece by piece: the integer program would have 7,")
    assert found.gap is not None
    assert 0 < found.gap < 1
    with pytest.raises(NoPlan, match=f"variables, solved are at most {MOST_VARIABLES:,}"):
        placer_of("ilp").place(replace(problem, prices=replace(problem.prices, memory_bytes=np.full(20, 60.0))))


def test_nodes_times_variables_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def solve(program: Program, most_nodes: int, gap: float) -> None:
        asked.append(most_nodes)

    monkeypatch.setattr(Program, "solve", solve)
    small, large = (problem_of(0, shape, memory=0.8, objective="throughput") for shape in [(4, 3), (16, 14)])
    placer = placer_of("ilp", most_nodes=1_000_000)
    for problem in (small, large):
        assert "best within" in placer.place(problem).explanation
    assert asked == [MOST_WORK // num_variables(problem) for problem in (small, large)]
    placer_of("ilp", most_nodes=7).place(large)
    assert asked[-1] == 7


def test_nothing_is_called_optimal_beside_a_gap() -> None:
    """Of a graph, whose pieces wait for each other on a node, the bound stays below: the words say what is missing."""
    said = set()
    for seed in range(6):
        draw = np.random.Generator(np.random.PCG64(seed))
        pieces = random_graph(draw, 6)
        found = placer_of("ilp").place(PlacementProblem(pieces, random_prices(draw, pieces, 3)))
        assert found.gap is not None
        assert ("optimal" in found.explanation) == (found.gap <= 1e-5)
        said.add(found.explanation.split(": ")[1].split(",")[0])
    assert "its solution" in said


def test_a_solution_that_does_not_fit_leaves_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits in memory is not in the program; with one node no second one is solved."""
    pieces = chain_of([(10, 1)] * 3, [8, 8, 8, 8])
    problem = problem_of(0, (3, 2), objective="throughput")
    assert len(pieces.pieces) == problem.num_pieces
    monkeypatch.setattr(Program, "_breaking", lambda program, at: [[0]])
    found = Program(problem).solve(1, 1e-6)
    assert found is not None
    assert found.at is None
    assert not found.is_finished
    assert 0 < found.bound <= placer_of("exhaustive").place(problem).value * (1 + 1e-6)
