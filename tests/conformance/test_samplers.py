"""What every sampler must keep, found through the registry."""

from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

from engine.core.streams import stream
from engine.federated.sampler import Candidates, Feedback, Memory, Sampler, samplers
from tests.engine.federated import worlds

MEMBERS = list(samplers.members().items())
every_member = pytest.mark.parametrize("member", [cls for _, cls in MEMBERS], ids=[kind for kind, _ in MEMBERS])


def num_samples(clients: np.ndarray) -> np.ndarray:
    return 10 + clients % 7


def rates_bps(clients: np.ndarray) -> np.ndarray:
    return 1e6 * (1 + clients % 5)


def forbidden(_clients: np.ndarray) -> NoReturn:
    raise AssertionError("a sampler that does not say reads_costs read rates")


def candidates(sampler: Sampler, count: int, round_number: int = 1, memory: Memory | None = None) -> Candidates:
    """Every third device, so that ids and places differ; those that were asked have told their loss."""
    total = 3 * count + 1
    among = Candidates(
        round_number,
        3 * np.arange(count, dtype=np.int64),
        num_clients=total,
        num_samples=num_samples,
        rates_bps=rates_bps if sampler.depends_on_costs else forbidden,
        memory=sampler.begin(total) if memory is None else memory,
    )
    among = Candidates(**{**vars(among), "memory": sampler.notice(among)})
    asked = sampler.ask(among, stream(1, "ask", round_number))
    return Candidates(**{**vars(among), "asked": asked, "losses": np.cos(asked.astype(np.float64))})


def feedback(sampler: Sampler, chosen: np.ndarray, round_number: int) -> Feedback:
    losses = 2 + np.sin(chosen.astype(np.float64))
    durations = 1.0 + chosen % 11 if sampler.depends_on_costs else np.zeros(len(chosen))
    return Feedback(round_number, chosen, losses, num_samples(chosen), durations)


def cohorts(sampler: Sampler, count: int, rounds: int) -> list[list[int]]:
    """The cohorts of some rounds, each learned from."""
    memory, found = sampler.begin(3 * count + 1), []
    for number in range(1, rounds + 1):
        among = candidates(sampler, count, number, memory)
        chosen = sampler.sample(among, stream(1, "cohort", number))
        memory = sampler.learn(among.memory, feedback(sampler, chosen, number))
        found.append(chosen.tolist())
    return found


@every_member
@pytest.mark.parametrize("count", [10, 11, 500])
def test_right_number_without_repeats_among_those_reachable(member: type[Sampler], count: int) -> None:
    sampler = member()
    among = candidates(sampler, count)
    for cohort in [sampler.sample(among, stream(1, "cohort", 1)).tolist(), *cohorts(sampler, count, 30)]:
        if sampler.scheme != "poisson":  # where the number is chance, its mean is tested
            assert len(cohort) == sampler.cohort_size(count)
        assert (np.diff(cohort) > 0).all()
        assert np.isin(cohort, among.clients).all()


@every_member
def test_same_stream_same_cohorts(member: type[Sampler]) -> None:
    assert cohorts(member(), 200, 12) == cohorts(member(), 200, 12)


@every_member
def test_memory_is_replaced_and_never_changed(member: type[Sampler]) -> None:
    sampler = member()
    memory = sampler.begin(301)
    before = {name: array.copy() for name, array in memory.items()}
    among = candidates(sampler, 100, 1, memory)
    seen = {name: array.copy() for name, array in among.memory.items()}
    sampler.learn(among.memory, feedback(sampler, among.clients[:10], 1))
    for name, array in memory.items():
        assert np.array_equal(array, before[name])
        assert np.array_equal(among.memory[name], seen[name])
    assert bool(memory) == sampler.keeps_memory


@every_member
@pytest.mark.parametrize("count", [0, 1, 3])
def test_takes_all_where_too_few_can_be_reached(member: type[Sampler], count: int) -> None:
    sampler = member()
    among = candidates(sampler, count)
    chosen = sampler.sample(among, stream(1, "cohort", 1))
    if sampler.scheme == "poisson":
        assert np.isin(chosen, among.clients).all()
    else:
        assert chosen.tolist() == among.clients.tolist()


@every_member
def test_only_those_that_ask_ask(member: type[Sampler]) -> None:
    sampler = member()
    asked = candidates(sampler, 100).asked
    assert bool(len(asked)) == sampler.asks_losses
    assert (np.diff(asked) > 0).all()


@every_member
def test_refuses_more_than_the_fleet_has(member: type[Sampler]) -> None:
    more = {"candidates": 1000} if "candidates" in member.model_fields else {}
    (problem,) = member(num_clients=200, **more).check(100)
    assert problem.path == "num_clients"
    assert "100" in problem.message
    assert "200" in problem.message
    assert not member(num_clients=100, **more).check(100)


@pytest.mark.slow
@every_member
def test_resumed_equals_uninterrupted(member: type[Sampler], tmp_path: Path) -> None:
    """What is remembered lies in the state: after every step it goes through its stored form into a new process."""
    more = {"candidates": 4} if "candidates" in member.model_fields else {}
    sampler = member(num_clients=2, **more).model_dump()
    task = worlds.task(sampler=sampler, model={"kind": "mlp", "hidden": [8]}, rounds=3)
    whole, _ = worlds.assert_resumes_alike(task, lambda: worlds.context(tmp_path, devices=6))
    remembered = {name for name in whole.tensors if name.startswith("sampler/")}
    assert bool(remembered) == task.sampler.keeps_memory


@every_member
def test_a_million_clients_take_little_time(member: type[Sampler]) -> None:
    import time

    sampler = member(num_clients=1000, **({"candidates": 3000} if "candidates" in member.model_fields else {}))
    clients = np.arange(1_000_000, dtype=np.int64)
    memory = sampler.begin(len(clients))
    start = time.process_time()
    for number in (1, 2):
        among = Candidates(number, clients, len(clients), num_samples, rates_bps, memory)
        asked = sampler.ask(among, stream(1, "ask", number))
        among = Candidates(
            number, clients, len(clients), num_samples, rates_bps, sampler.notice(among), asked, np.cos(asked)
        )
        chosen = sampler.sample(among, stream(1, "cohort", number))
        memory = sampler.learn(among.memory, feedback(sampler, chosen, number))
    assert (time.process_time() - start) / 2 < 3  # of a processor; measured below 0.3, with room for a busy machine
