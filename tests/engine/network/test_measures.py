"""Measures of shapes whose values are known in closed form, and what is said of networks that are too large."""

import itertools
from typing import Any

import networkx as nx
import numpy as np
import pytest

from engine.network.measures import Measure, Shape, measures, mixing_matrix
from engine.network.network import Network
from engine.network.spec import NetworkSpec
from engine.network.topology import topologies
from tests.engine.network.test_network import OWN, Groups


def network_of(count: int, **document: Any) -> Network:
    """A network over links of 1 Mbit/s up; without backhaul unless asked for."""
    return NetworkSpec.model_validate({"backhaul": None, "links": {"default": OWN}} | document).resolve(Groups(a=count))


def found(network: Network) -> dict[str, Measure]:
    """Measures by name."""
    return {measure.name: measure for measure in measures(network)}


def test_a_circle_of_eight() -> None:
    """Server and seven devices; Metropolis weights are 1/3, eigenvalues 1/3 + 2/3 cos(2 pi k / 8)."""
    values = {name: measure.value for name, measure in found(network_of(7, topology={"kind": "ring"})).items()}
    second = (1 + np.sqrt(2)) / 3
    assert values == pytest.approx(
        {
            "num_nodes": 8,
            "num_edges": 8,
            "diameter": 4,
            "mean_path": (1 + 1 + 2 + 2 + 3 + 3 + 4) / 7,
            # a node lies on 4.5 of the 21 pairs' ways: 6 pairs of neighbors' neighbors count 1, opposite pairs 1/2
            "betweenness": 4.5 / 21,
            "spectral_gap": 1 - second,
            "mixing_time": np.log(0.01) / np.log(second),
            "min_cut": 2,
            "capacity": 2e6,
        }
    )


def test_a_line_hangs_by_one_connection_and_is_busiest_in_the_middle() -> None:
    """Server, 0, 1, 2, 3 in a row: 4 of the 6 pairs of others meet at the middle."""
    values = found(network_of(4, topology={"kind": "tree", "branching": 1}))
    assert values["diameter"].value == 4
    assert values["min_cut"].value == 1
    assert values["betweenness"].value == pytest.approx(4 / 6)
    assert values["betweenness"].note.startswith("busiest: device:1 0.667")
    assert values["capacity"].value == 1e6


def test_all_joined_to_all_agree_at_once() -> None:
    values = found(network_of(5, topology={"kind": "mesh", "pattern": "full"}))
    assert values["spectral_gap"].value == pytest.approx(1)
    assert values["mixing_time"].value == 1
    assert values["min_cut"].value == 5


def test_devices_that_take_turns_share_one_links_rate() -> None:
    own = {"links": {"default": OWN | {"shared_medium": True}}}
    assert found(network_of(5, **own))["capacity"].value == 5e6
    assert found(network_of(5, topology={"kind": "star", "one_room": True}, **own))["capacity"].value == 1e6
    hierarchy = {"topology": {"kind": "hierarchical", "gateways": 2}, "backhaul": OWN | {"name": "b", "up_rate": 3e6}}
    assert found(network_of(5, **hierarchy, **own))["capacity"].value == 2e6


def test_rates_far_apart_keep_their_digits() -> None:
    slow = OWN | {"name": "slow", "up_rate": 250.0}
    spec = NetworkSpec.model_validate({"backhaul": None, "links": {"a": slow, "b": OWN | {"up_rate": 1e7}}})
    assert found(spec.resolve(Groups(a=1, b=1)))["capacity"].value == pytest.approx(1e7 + 250, rel=1e-6)


LEVELS = {"kind": "hierarchical", "gateways": 8, "levels": [{"count": 3}, {"count": 2}]}
SHAPES = [*({"kind": kind} for kind in topologies.members()), LEVELS]


@pytest.mark.parametrize("topology", SHAPES)
def test_distances_load_mixing_and_cut_agree_with_networkx(topology: dict[str, Any]) -> None:
    network = network_of(40, topology=topology, backhaul="wan_fibre")
    graph = nx.Graph((edge.lower, edge.upper) for edge in network.edges())
    values = found(network)
    assert values["diameter"].value == nx.diameter(graph)
    assert values["mean_path"].value == pytest.approx(nx.average_shortest_path_length(graph))
    assert values["betweenness"].value == pytest.approx(max(nx.betweenness_centrality(graph).values()))
    assert values["min_cut"].value == nx.edge_connectivity(graph)
    # Metropolis weights from the graph's own degrees: the walk that stays where it would be too likely to leave.
    weights = nx.to_numpy_array(graph)
    degree = dict(graph.degree)
    for (row, one), (column, other) in itertools.permutations(enumerate(graph), 2):
        weights[row, column] /= 1 + max(degree[one], degree[other])
    np.fill_diagonal(weights, 1 - weights.sum(axis=1))
    second = np.sort(np.abs(np.linalg.eigvalsh(weights)))[-2]
    assert values["spectral_gap"].value == pytest.approx(1 - second, abs=1e-9)
    assert values["mixing_time"].value == pytest.approx(max(1.0, np.log(0.01) / np.log(second)), rel=1e-6)


def test_averaging_keeps_the_mean() -> None:
    matrix = mixing_matrix(Shape.of(network_of(30, topology={"kind": "scale_free"})))
    np.testing.assert_allclose(np.asarray(matrix.sum(axis=1)).ravel(), 1)
    np.testing.assert_allclose(matrix.toarray(), matrix.toarray().T)


def test_the_sparse_way_to_the_spectral_gap_agrees_with_the_dense_one(monkeypatch: pytest.MonkeyPatch) -> None:
    network = network_of(60, topology={"kind": "small_world"})
    dense = found(network)["spectral_gap"].value
    monkeypatch.setattr("engine.network.measures.MOST_EXACT", 10)
    assert found(network)["spectral_gap"].value == pytest.approx(dense, rel=1e-6)


@pytest.mark.slow
def test_large_networks_are_sampled_or_left_out_with_the_reason() -> None:
    small, large = network_of(900, topology={"kind": "tree"}), network_of(30_000, topology={"kind": "tree"})
    assert "sampled" not in found(small)["diameter"].note
    values = found(large)
    # 3 + 9 + ... + 3^9 = 29,523 devices fill nine levels, the rest stands on the tenth
    assert values["diameter"].value == 19
    assert "sampled" in values["diameter"].note
    assert values["betweenness"].value is None
    assert "30,001 nodes" in values["betweenness"].note
    assert values["spectral_gap"].value is None
    assert values["min_cut"].value == 1
    assert found(network_of(400_000))["num_edges"].value is None


def test_every_measure_says_what_it_means() -> None:
    for measure in measures(network_of(6, topology={"kind": "ring"})):
        assert measure.meaning.endswith(".")
        assert measure.title
        assert measure.note
