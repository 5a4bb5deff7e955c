"""What every scheduler, weight by staleness and graph must keep, found through the registries."""

from pathlib import Path

import numpy as np
import pytest

from engine.federated.gossip.mixing import mixing_matrix
from engine.federated.graph import DeviceGraph, Gathering, graphs
from engine.federated.rounds.sessions import Sessions, Times
from engine.federated.scheduler import Called, RoundScheduler, Scheduler, schedulers
from engine.federated.staleness import StalenessWeight, staleness_weights
from engine.network.spec import NetworkSpec
from tests.engine.federated.worlds import context

SCHEDULERS, WEIGHTS, GRAPHS = (list(registry.members().items()) for registry in (schedulers, staleness_weights, graphs))


def called() -> Called:
    """Ten clients whose training takes 10 s to 100 s."""
    ids = 7 * np.arange(10)

    def measure(sessions: Sessions) -> Times:
        trained = 1.0 + sessions.samples * (sessions.client / 7 + 1)
        return Times(np.zeros(len(ids)), np.ones(len(ids)), trained, trained + 1)

    sizes, steps = np.full(10, 10), np.full(10, 5)
    return Called(Sessions.of(ids, sizes, steps, bytes_down=100, bytes_up=100), sizes, 2, measure)


@pytest.mark.parametrize("member", [cls for _, cls in SCHEDULERS], ids=[kind for kind, _ in SCHEDULERS])
def test_those_who_count_and_those_who_drop_out_are_all(member: type[Scheduler]) -> None:
    scheduler = member()
    assert not scheduler.check(10)
    if not isinstance(scheduler, RoundScheduler):
        assert scheduler.depends_on_costs, "without rounds the clock decides"
        return
    decision = scheduler.decide(called())
    assert sorted([*decision.clients.tolist(), *decision.reasons]) == called().sessions.client.tolist()
    again = scheduler.decide(called())
    assert all(
        np.array_equal(column, again.sessions.columns()[name]) for name, column in decision.sessions.columns().items()
    )
    assert decision.reasons == {} or scheduler.depends_on_costs, "who drops out by time says that it reads costs"


@pytest.mark.parametrize("member", [cls for _, cls in SCHEDULERS], ids=[kind for kind, _ in SCHEDULERS])
def test_times_are_read_only_by_those_who_say_so(member: type[Scheduler]) -> None:
    scheduler, whole = member(), called()
    if not isinstance(scheduler, RoundScheduler) or scheduler.depends_on_costs:
        return

    def forbidden(_: Sessions) -> Times:
        raise AssertionError("a scheduler that does not depend on costs asked for times")

    assert not scheduler.decide(Called(whole.sessions, whole.sizes, whole.batch_size, forbidden)).reasons


@pytest.mark.parametrize("member", [cls for _, cls in WEIGHTS], ids=[kind for kind, _ in WEIGHTS])
def test_fresh_updates_count_whole_and_older_ones_never_more(member: type[StalenessWeight]) -> None:
    weights = member().weight(np.arange(100))
    assert weights[0] == 1
    assert (np.diff(weights) <= 0).all()
    assert (weights > 0).all()


@pytest.mark.parametrize("member", [cls for _, cls in GRAPHS], ids=[kind for kind, _ in GRAPHS])
@pytest.mark.parametrize("count", [0, 1, 2, 5, 12])
def test_graphs_join_devices_that_are_there(member: type[DeviceGraph], count: int, tmp_path: Path) -> None:
    world = context(tmp_path, network=NetworkSpec.model_validate({"topology": {"kind": "ring"}}))
    gathering = Gathering(np.sort(world.stream("gathering").permutation(12)[:count]), 1, world)
    pairs = member().pairs(gathering)
    assert np.array_equal(pairs, member().pairs(gathering))
    assert pairs.shape == (len(pairs), 2)
    assert (pairs[:, 0] < pairs[:, 1]).all()
    assert len(np.unique(pairs, axis=0)) == len(pairs)
    assert not len(pairs) or (pairs.min() >= 0 and pairs.max() < count)
    matrix = mixing_matrix(count, pairs, "metropolis").toarray()
    assert matrix.sum(axis=0) == pytest.approx(np.ones(count))
