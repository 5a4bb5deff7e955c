"""What every sampler must keep, found through the registry."""

import numpy as np
import pytest

from engine.core.streams import stream
from engine.federated.sampler import Candidates, Sampler, samplers

MEMBERS = list(samplers.members().items())
every_member = pytest.mark.parametrize("member", [cls for _, cls in MEMBERS], ids=[kind for kind, _ in MEMBERS])


def candidates(count: int, round_number: int = 1) -> Candidates:
    """Every third device, so that ids and places differ."""
    return Candidates(round_number, 3 * np.arange(count, dtype=np.int64))


@every_member
@pytest.mark.parametrize("count", [10, 11, 500])
def test_right_number_without_repeats_among_those_reachable(member: type[Sampler], count: int) -> None:
    sampler, among = member(), candidates(count)
    chosen = sampler.sample(among, stream(1, "cohort", 1))
    assert len(chosen) == sampler.cohort_size(count)
    assert (np.diff(chosen) > 0).all()
    assert np.isin(chosen, among.clients).all()


@every_member
def test_same_stream_same_cohort(member: type[Sampler]) -> None:
    first = member().sample(candidates(200), stream(1, "cohort", 4))
    assert (first == member().sample(candidates(200), stream(1, "cohort", 4))).all()


@every_member
@pytest.mark.parametrize("count", [0, 1, 3])
def test_takes_all_where_too_few_can_be_reached(member: type[Sampler], count: int) -> None:
    chosen = member().sample(candidates(count), stream(1, "cohort", 1))
    assert chosen.tolist() == candidates(count).clients.tolist()


@every_member
def test_refuses_more_than_the_fleet_has(member: type[Sampler]) -> None:
    (problem,) = member(num_clients=200).check(100)
    assert problem.path == "num_clients"
    assert "100" in problem.message
    assert "200" in problem.message
    assert not member(num_clients=100).check(100)
