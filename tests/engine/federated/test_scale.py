"""What a fleet costs that is much larger than the cohort."""

import tracemalloc
from pathlib import Path

import pytest

from benchmarks.scale import spec_of
from engine.data.store import DataStore
from engine.specs.context import make_context
from engine.specs.experiment import ExperimentSpec
from engine.task.contract import State


def three_rounds(devices: int, folder: Path) -> tuple[State, int]:
    """The state after three rounds of 20 clients, and the most bytes that the rounds held beyond what was there."""
    spec = ExperimentSpec.model_validate(spec_of({"devices": devices, "cohort": 20, "rounds": 3}))
    context = make_context(spec, 0, store=DataStore(folder))
    state = spec.task.init(context)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    while not spec.task.is_done(state):
        state, _ = spec.task.step(context, state)
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    return state, peak


@pytest.fixture(scope="module")
def small_and_large(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[State, int]]:
    folder = tmp_path_factory.mktemp("data")
    return [three_rounds(devices, folder) for devices in (2_000, 200_000)]


@pytest.mark.slow
def test_the_state_knows_only_who_took_part(small_and_large: list[tuple[State, int]]) -> None:
    small, large = (sum(array.nbytes for array in state.tensors.values()) for state, _ in small_and_large)
    assert large < small + 1000  # ids of a larger fleet take a byte more
    assert all(not state.clients for state, _ in small_and_large)


def test_a_round_holds_at_most_a_few_numbers_per_device(small_and_large: list[tuple[State, int]]) -> None:
    """Masks and ids of the candidates are made anew; nothing else grows with the fleet."""
    (_, small), (_, large) = small_and_large
    assert (large - small) / 200_000 < 40
