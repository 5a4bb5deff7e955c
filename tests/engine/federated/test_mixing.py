"""Mixing matrices by hand, and what mixing does to models."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.streams import stream
from engine.federated.gossip.mixing import mixing_matrix, spectral_gap
from engine.federated.gossip.peers import mean_model, mixed, model_of
from engine.federated.graph import Gathering, graphs, no_pairs
from engine.federated.graphs.complete import CompleteGraph
from engine.federated.graphs.network import NetworkGraph
from engine.federated.graphs.random_regular import RandomRegularGraph
from engine.federated.graphs.ring import RingGraph
from engine.network.spec import NetworkSpec
from engine.task.contract import Clients, Context
from tests.engine.federated.worlds import context

STAR_OF_4 = np.array([[0, 1], [0, 2], [0, 3]])


def gathering(context: Context, count: int, number: int = 1) -> Gathering:
    """The first devices of a fleet."""
    return Gathering(np.arange(count), number, context)


@pytest.mark.parametrize("rule", ["metropolis", "uniform"])
def test_a_ring_of_four(rule: str, tmp_path: Path) -> None:
    """A third of itself and of both neighbors; eigenvalues 1/3 + 2/3 cos(k pi / 2): 1, 1/3, -1/3, 1/3."""
    pairs = RingGraph().pairs(gathering(context(tmp_path), 4))
    matrix = mixing_matrix(4, pairs, rule)
    assert matrix.toarray() == pytest.approx(np.array([[1, 1, 0, 1], [1, 1, 1, 0], [0, 1, 1, 1], [1, 0, 1, 1]]) / 3)
    assert spectral_gap(matrix) == pytest.approx(2 / 3)


def test_a_star_of_four() -> None:
    """The hub has 3 neighbors. Metropolis: 1/4 on each connection. Uniform: the hub 1/4 each, the others 1/2."""
    metropolis = mixing_matrix(4, STAR_OF_4, "metropolis").toarray()
    assert metropolis == pytest.approx(np.array([[1, 1, 1, 1], [1, 3, 0, 0], [1, 0, 3, 0], [1, 0, 0, 3]]) / 4)
    uniform = mixing_matrix(4, STAR_OF_4, "uniform").toarray()
    assert uniform == pytest.approx(np.array([[1, 1, 1, 1], [2, 2, 0, 0], [2, 0, 2, 0], [2, 0, 0, 2]]) / 4)
    # metropolis: eigenvalues 1, 3/4, 3/4 and 0
    assert spectral_gap(mixing_matrix(4, STAR_OF_4, "metropolis")) == pytest.approx(1 / 4)


def test_alone_everybody_keeps_its_own() -> None:
    assert mixing_matrix(3, no_pairs(), "metropolis").toarray().tolist() == np.eye(3).tolist()
    assert spectral_gap(mixing_matrix(3, no_pairs(), "metropolis")) == 0


@given(st.integers(1, 9), st.integers(0, 2**32))
def test_rows_and_columns_sum_to_one(count: int, seed: int) -> None:
    every = np.stack(np.triu_indices(count, 1), axis=1)
    pairs = every[stream(seed, "pairs").random(len(every)) < 0.4]
    matrix = mixing_matrix(count, pairs, "metropolis").toarray()
    assert matrix.sum(axis=0) == pytest.approx(1)
    assert matrix.sum(axis=1) == pytest.approx(1)
    assert (matrix >= -1e-12).all()
    assert mixing_matrix(count, pairs, "uniform").toarray().sum(axis=1) == pytest.approx(1)


@pytest.mark.parametrize(("count", "expected"), [(0, []), (1, []), (2, [[0, 1]]), (3, [[0, 1], [1, 2], [0, 2]])])
def test_small_circles(count: int, expected: list[list[int]], tmp_path: Path) -> None:
    assert RingGraph().pairs(gathering(context(tmp_path), count)).tolist() == expected


@pytest.mark.parametrize(
    ("count", "degree", "neighbors"), [(12, 4, 4), (12, 11, 11), (4, 4, 3), (5, 3, 2), (1, 4, 0), (2, 1, 1), (0, 2, 0)]
)
def test_random_neighbors(count: int, degree: int, neighbors: int, tmp_path: Path) -> None:
    pairs = RandomRegularGraph(degree=degree).pairs(gathering(context(tmp_path), count))
    assert np.bincount(pairs.reshape(-1), minlength=count).tolist() == [neighbors] * count
    assert len(np.unique(pairs, axis=0)) == len(pairs)


def test_random_neighbors_stay_unless_they_are_redrawn(tmp_path: Path) -> None:
    world = context(tmp_path)
    fixed, fresh = RandomRegularGraph(), RandomRegularGraph(redraw=True)
    one, two = (gathering(world, 12, number) for number in (1, 2))
    assert np.array_equal(fixed.pairs(one), fixed.pairs(two))
    assert not np.array_equal(fresh.pairs(one), fresh.pairs(two))
    assert np.array_equal(fresh.pairs(two), fresh.pairs(two))


def test_neighbors_in_the_network(tmp_path: Path) -> None:
    """A network in the form of a ring joins each device with the next; its hub stands between last and first."""
    ring = context(tmp_path, devices=5, network=NetworkSpec.model_validate({"topology": {"kind": "ring"}}))
    assert NetworkGraph().pairs(gathering(ring, 5)).tolist() == [[0, 1], [1, 2], [2, 3], [3, 4]]
    away = Gathering(np.array([0, 1, 3, 4]), 1, ring)
    assert NetworkGraph().pairs(away).tolist() == [[0, 1], [2, 3]]
    assert not NetworkGraph().check(5, ring)
    (problem,) = NetworkGraph().check(12, context(tmp_path))
    assert problem.code == "no_connections"


def test_every_graph_takes_a_round_without_anyone(tmp_path: Path) -> None:
    for member in graphs.members().values():
        assert member().pairs(gathering(context(tmp_path), 0)).shape == (0, 2)
        assert member().pairs(gathering(context(tmp_path), 1)).shape == (0, 2)


def test_problems_of_graphs(tmp_path: Path) -> None:
    assert [found.path for found in RandomRegularGraph(degree=12).check(12, context(tmp_path))] == ["degree"]
    assert CompleteGraph().check(2001, context(tmp_path))


def peers(*values: float) -> Clients:
    """Devices with a model of one number, which stood at 10 less before training."""
    return Clients(
        {
            device: {"model/w": np.array([value - 10], np.float32), "trained/w": np.array([value], np.float32),
                     "client/x": np.array([device])}
            for device, value in enumerate(values)
        }
    )  # fmt: skip


def test_models_are_mixed(tmp_path: Path) -> None:
    pairs = RingGraph().pairs(gathering(context(tmp_path), 4))
    matrix = mixing_matrix(4, pairs, "metropolis")
    initial = {"w": np.zeros(1, np.float32)}
    result = mixed(peers(3, 6, 9, 12), np.arange(4), matrix, initial, beside=False)
    assert [float(result[device]["model/w"][0]) for device in range(4)] == [7, 6, 9, 8]
    assert result[2]["client/x"].tolist() == [2]
    assert set(result[2]) == {"model/w", "client/x"}
    # beside training, the models of before are mixed, -7 -4 -1 2, and each adds the 10 that it learned
    result = mixed(peers(3, 6, 9, 12), np.arange(4), matrix, initial, beside=True)
    assert [float(result[device]["model/w"][0]) for device in range(4)] == [7, 6, 9, 8]


def test_mean_and_distance() -> None:
    """Models -7, -4 and two of the start, 0: mean -11/4, squared distances 289/16, 25/16 and twice 121/16."""
    initial = {"w": np.zeros(1, np.float32)}
    mean, distance = mean_model(peers(3, 6), 4, initial)
    assert mean["w"].tolist() == [-2.75]
    assert distance == pytest.approx(np.sqrt((289 + 25 + 2 * 121) / 16 / 4))
    assert model_of({}, initial)["w"] is initial["w"]


@given(st.lists(st.floats(-100, 100, width=32), min_size=2, max_size=8))
def test_doubly_stochastic_mixing_keeps_the_mean(values: list[float]) -> None:
    count = len(values)
    pairs = np.stack([np.arange(count - 1), np.arange(1, count)], axis=1)
    result = mixed(
        peers(*values), np.arange(count), mixing_matrix(count, pairs, "metropolis"), {"w": np.zeros(1)}, beside=False
    )
    assert np.mean([result[device]["model/w"] for device in range(count)]) == pytest.approx(np.mean(values), abs=1e-4)
