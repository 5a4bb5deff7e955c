"""What every placer must do, tested on every member and every objective that it knows."""

import math
from dataclasses import replace

import numpy as np
import pytest

from engine.inference.placer import OBJECTIVES, NoPlan, placers
from engine.inference.placers.exhaustive import Exhaustive
from engine.inference.plans.problem import Constraints, Objective, PlacementProblem
from tests.engine.inference.instances import problem_of, random_graph, random_prices

PAIRS = [(kind, objective) for kind, cls in placers.members().items() for objective in cls.objectives]


def tiny(seed: int, objective: Objective, *, is_chain: bool) -> PlacementProblem:
    """Four pieces on three nodes, of which some are too small for all of them."""
    draw = np.random.Generator(np.random.PCG64(seed))
    if is_chain:
        problem = problem_of(seed, (4, 3))
    else:
        pieces = random_graph(draw, 4)
        problem = PlacementProblem(pieces, random_prices(draw, pieces, 3))
    memory = draw.uniform(60, 250, 3)
    return replace(problem, objective=objective, cloud=1, prices=replace(problem.prices, memory_bytes=memory))


@pytest.mark.parametrize(("kind", "objective"), PAIRS)
def test_memory_holds_and_enumeration_is_not_beaten(kind: str, objective: Objective) -> None:
    placer, plans = placers[kind](), 0
    for seed in range(6):
        problem = tiny(seed, objective, is_chain=placer.chains_only or seed % 2 == 0)
        try:
            found = placer.place(problem)
        except NoPlan:
            continue
        plans += 1
        assert len(found.at) == problem.num_pieces
        assert np.all(found.score.memory_bytes <= problem.prices.memory_bytes * (1 + 1e-9))
        best = Exhaustive().place(problem).value
        assert found.value >= best * (1 - 1e-6)
        if placer.exact:
            assert found.value == pytest.approx(best)
        if found.bound is not None:
            assert found.gap is not None
            assert 0 <= found.gap <= 1
    assert plans > 0


@pytest.mark.parametrize(("kind", "objective"), PAIRS)
def test_a_deadline_that_nothing_keeps_is_refused(kind: str, objective: Objective) -> None:
    problem = replace(problem_of(1, (3, 2), objective=objective), cloud=1, constraints=Constraints(deadline_s=1e-6))
    with pytest.raises(NoPlan):
        placers[kind]().place(problem)


@pytest.mark.parametrize("kind", placers.members())
def test_the_same_problem_gives_the_same_plan(kind: str) -> None:
    placer = placers[kind]()
    assert set(placer.objectives) <= set(OBJECTIVES)
    problem = replace(problem_of(2, (4, 3)), cloud=2)
    first, second = placer.place(problem), placer.place(problem)
    assert (first.at, first.value) == (second.at, second.value)
    assert math.isfinite(first.value)
