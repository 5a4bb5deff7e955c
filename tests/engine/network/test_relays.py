"""Topologies whose devices relay: shapes, ways, channels, and what is refused."""

from itertools import pairwise
from typing import Any

import networkx as nx
import numpy as np
import pytest

from engine.core.errors import EngineError, SpecError
from engine.network.graph import evenly, lattice
from engine.network.network import Network
from engine.network.relays import Relays
from engine.network.spec import NetworkSpec
from tests.engine.network.test_network import OWN, Groups

RELAYING = ["tree", "ring", "mesh", "random_geometric", "small_world", "scale_free"]


def network_of(groups: Groups, topology: dict[str, Any], **document: Any) -> Network:
    """A resolved network."""
    return NetworkSpec.model_validate({"topology": topology} | document).resolve(groups)


def relays_of(network: Network) -> Relays:
    """The relays of a network that has some."""
    assert network.relays is not None
    return network.relays


def way(network: Network, source: int, target: int) -> list[int]:
    """The nodes that a message passes, ends included."""
    steps = relays_of(network).steps(np.array([source], dtype=np.int32), np.array([target], dtype=np.int32))
    assert steps.start.tolist()[1:] == steps.end.tolist()[:-1]
    assert all(np.diff(steps.rank) > 0)
    return [*steps.start.tolist(), int(steps.end[-1])]


def test_a_tree_by_hand() -> None:
    """Hub with 0 and 1; 0 has 2 and 3; 1 has 4 and 5; 2 has 6."""
    tree = network_of(Groups(a=7), {"kind": "tree", "branching": 2})
    assert way(tree, 6, -1) == [6, 2, 0, -2, -1]
    assert way(tree, -1, 5) == [-1, -2, 1, 5]
    assert way(tree, 6, 3) == [6, 2, 0, 3]
    assert way(tree, 0, 6) == [0, 2, 6]
    assert way(tree, 5, -2) == [5, 1, -2]
    assert way(tree, -2, 5) == [-2, 1, 5]


def test_a_ring_goes_the_shorter_way_around() -> None:
    ring = network_of(Groups(a=6), {"kind": "ring"}, backhaul=None)
    assert way(ring, 1, -1) == [1, 0, -1]
    assert way(ring, 4, -1) == [4, 5, -1]
    assert way(ring, 2, 3) == [2, 3]
    assert relays_of(ring).most_hops == 3


def test_a_grid_by_hand() -> None:
    """Three columns: 0 1 2 / 3 4 5 / 6 7; the gateway stands in the middle, beside device 4."""
    grid = network_of(Groups(a=8), {"kind": "mesh"})
    pairs = {(edge.upper, edge.lower) for edge in grid.edges()}
    assert (-2, 4) in pairs
    assert (-1, -2) in pairs
    assert {tuple(sorted(pair)) for pair in pairs if min(pair) >= 0} == {
        *((0, 1), (1, 2), (3, 4), (4, 5), (6, 7)),
        *((0, 3), (1, 4), (2, 5), (3, 6), (4, 7)),
    }


@pytest.mark.parametrize("kind", RELAYING)
@pytest.mark.parametrize("backhaul", ["wan_fibre", None])
def test_ways_to_the_server_have_the_fewest_hops(kind: str, backhaul: str | None) -> None:
    network = network_of(Groups(a=20, b=13), {"kind": kind}, backhaul=backhaul)
    graph = nx.Graph((edge.lower, edge.upper) for edge in network.edges())
    fewest = nx.single_source_shortest_path_length(graph, -1)
    for device in range(33):
        up, down = way(network, device, -1), way(network, -1, device)
        assert len(up) - 1 == len(down) - 1 == fewest[device]
        assert all(graph.has_edge(*pair) for pair in pairwise(up))


@pytest.mark.parametrize("kind", RELAYING)
def test_any_two_nodes_find_each_other(kind: str) -> None:
    network = network_of(Groups(a=12), {"kind": kind})
    graph = nx.Graph((edge.lower, edge.upper) for edge in network.edges())
    sources, targets = (side.ravel().astype(np.int32) for side in np.meshgrid(range(-2, 12), range(-2, 12)))
    apart = sources != targets
    steps = relays_of(network).steps(sources[apart], targets[apart])
    hops = relays_of(network).num_hops(sources[apart], targets[apart])
    assert np.array_equal(np.bincount(steps.message), hops)
    for number, (source, target) in enumerate(zip(sources[apart], targets[apart], strict=True)):
        mine = steps.message == number
        start, end = steps.start[mine], steps.end[mine]
        assert (start[0], end[-1]) == (source, target)
        assert np.array_equal(start[1:], end[:-1])
        assert all(graph.has_edge(*pair) for pair in zip(start.tolist(), end.tolist(), strict=True))
        assert all(np.diff(steps.rank[mine]) > 0)


@pytest.mark.parametrize("kind", ["mesh", "random_geometric", "small_world", "scale_free"])
def test_more_gateways_shorten_the_ways(kind: str) -> None:
    one, many = (network_of(Groups(a=200), {"kind": kind, "gateways": k}) for k in (1, 25))
    assert relays_of(many).depth.mean() < relays_of(one).depth.mean()
    assert set(many.gateway_of.tolist()) <= set(range(25))
    assert many.num_gateways == 25


def test_neighbors_share_channels_only_over_a_shared_medium() -> None:
    tree = {"kind": "tree", "branching": 2}
    radio = network_of(Groups(a=6), tree, links={"a": OWN | {"shared_medium": True}})
    wire = network_of(Groups(a=6), tree, links={"a": OWN})

    def media(network: Network, pairs: list[tuple[int, int]]) -> list[int]:
        one, other = (np.array(side, dtype=np.int32) for side in zip(*pairs, strict=True))
        return [int(m) for m in network.routes(one, other).media[:, 0]]

    # around device 0: its children 2 and 3, both ways; around the hub: 0 and 1; the backhaul has its own
    found = media(radio, [(2, 0), (0, 2), (3, 0), (0, -2), (1, -2), (4, 1), (-2, -1), (-1, -2)])
    assert found[0] == found[1] == found[2]
    assert found[3] == found[4]
    assert len(set(found)) == 5
    assert len(set(media(wire, [(2, 0), (0, 2), (3, 0), (0, 3)]))) == 4


def test_a_connection_uses_the_link_of_its_lower_end() -> None:
    links = {"a": OWN, "b": OWN | {"name": "other"}}
    tree = network_of(Groups(a=2, b=2), {"kind": "tree", "branching": 1}, links=links)
    assert {(edge.lower, tree.table.names[edge.link]) for edge in tree.edges()} == {
        *((0, "own"), (1, "own"), (2, "other"), (3, "other")),
        (-2, "wan_fibre"),
    }


@pytest.mark.parametrize(("source", "target"), [(9, -1), (0, -4), (0, 0), (-1, -1)])
def test_nodes_that_are_not_there_are_refused(source: int, target: int) -> None:
    with pytest.raises(EngineError, match=r"has no|not to itself"):
        way(network_of(Groups(a=5), {"kind": "ring"}), source, target)


def test_routes_are_for_neighbors() -> None:
    network = network_of(Groups(a=5), {"kind": "ring"})
    with pytest.raises(EngineError, match="device:0 and device:2 are not connected"):
        network.routes(np.array([0], dtype=np.int32), np.array([2], dtype=np.int32))


class TestRandomGeometric:
    """Radio range: what it joins, and what is said when it is too short."""

    def test_devices_within_range_are_joined_and_no_others(self) -> None:
        network = network_of(Groups(a=60), {"kind": "random_geometric", "range_m": 30, "side_m": 100})
        topology = NetworkSpec.model_validate({"topology": {"kind": "random_geometric", "range_m": 30}}).topology
        places = topology.graph(60).places  # type: ignore[attr-defined]
        far = np.linalg.norm(places[:, None] - places[None], axis=2)
        near = {(i, j) for i in range(60) for j in range(i) if far[i, j] <= 30}
        assert {(max(e.lower, e.upper), min(e.lower, e.upper)) for e in network.edges() if e.upper >= 0} == near
        beside = {edge.lower for edge in network.edges() if edge.upper == -2}
        assert beside == set(np.flatnonzero(np.linalg.norm(places - 50, axis=1) <= 30).tolist())

    @pytest.mark.parametrize("count", [1, 2, 30, 300])
    @pytest.mark.parametrize("gateways", [1, 3])
    def test_the_least_range_joins_all_and_a_hair_less_does_not(self, count: int, gateways: int) -> None:
        gateways = min(gateways, count)
        chosen = {"kind": "random_geometric", "gateways": gateways}
        network_of(Groups(a=count), chosen)  # range left out: it fits
        with pytest.raises(SpecError, match=r"allowed is a range of at least [0-9.e+-]+ m") as caught:
            network_of(Groups(a=count), chosen | {"range_m": 1e-3})
        least = float(str(caught.value).split("at least ")[1].split(" m")[0])
        network_of(Groups(a=count), chosen | {"range_m": least})
        with pytest.raises(SpecError, match=r"topology.range_m: cuts devices off"):
            network_of(Groups(a=count), chosen | {"range_m": least * 0.998})

    def test_the_message_says_how_it_falls_apart(self) -> None:
        with pytest.raises(SpecError, match=r"falls into 31 parts, the largest of 1 of 30 devices"):
            network_of(Groups(a=30), {"kind": "random_geometric", "range_m": 1e-3})

    def test_drawings_differ_and_repeat(self) -> None:
        one, two, again = (
            network_of(Groups(a=30), {"kind": "random_geometric", "drawing": drawing}) for drawing in (1, 2, 1)
        )
        assert one.edges() == again.edges() != two.edges()

    def test_a_crowd_in_one_place_is_refused(self) -> None:
        with pytest.raises(SpecError, match="there can be 5,000,000"):
            network_of(Groups(a=10_000), {"kind": "random_geometric", "range_m": 90})


@pytest.mark.parametrize(
    ("topology", "count", "message"),
    [
        ({"kind": "small_world", "neighbors": 3}, 10, "neighbors: should be even and less than .* 10; given: 3"),
        ({"kind": "small_world", "neighbors": 4}, 4, "neighbors: should be even and less than .* 4; given: 4"),
        ({"kind": "scale_free", "attachments": 5}, 5, "attachments: should be less than .* 5; given: 5"),
        ({"kind": "mesh", "pattern": "full"}, 3000, "full takes at most 2,000 devices"),
        ({"kind": "mesh", "gateways": 9}, 8, "gateways: should be at most the number of devices, 8"),
        ({"kind": "tree"}, 300_000, "at most 250,000 of them; allowed for more are the kinds star and hierarchical"),
    ],
)
def test_impossible_shapes_are_refused_with_the_remedy(topology: dict[str, Any], count: int, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        network_of(Groups(a=count), topology)


def test_a_small_world_that_falls_apart_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """With two neighbors and all connections moved, about one drawing in fifty is connected."""
    monkeypatch.setattr("engine.network.topologies.small_world.TRIES", 1)
    with pytest.raises(SpecError, match="allowed are more neighbors or less rewiring"):
        network_of(Groups(a=3000), {"kind": "small_world", "neighbors": 2, "rewiring": 1})


@pytest.mark.parametrize("kind", ["small_world", "scale_free"])
def test_degrees_follow_the_law(kind: str) -> None:
    relays = relays_of(network_of(Groups(a=500), {"kind": kind}))
    between = (relays.lower < 500) & (relays.upper < 500)
    degree = np.bincount(np.concatenate([relays.lower[between], relays.upper[between]]), minlength=500)
    assert between.sum() == (1000 if kind == "small_world" else 2 * 498)
    # A random graph of mean degree 4 has no node of 30; a grown one has hubs (degree about m sqrt(n) = 45).
    assert (degree.max() > 30) == (kind == "scale_free")


@pytest.mark.parametrize("kind", RELAYING)
def test_a_large_network_is_drawn_by_distance(kind: str) -> None:
    drawn = network_of(Groups(a=3000, b=500), {"kind": kind}).graph_json()
    assert drawn["collapsed"]
    assert len(drawn["nodes"]) <= 300
    assert sum(node["count"] for node in drawn["nodes"] if node["kind"] == "devices") == 3500
    ids = [node["id"] for node in drawn["nodes"]]
    assert len(set(ids)) == len(ids)
    assert {edge[end] for edge in drawn["edges"] for end in ("source", "target")} == set(ids)


@pytest.mark.slow
@pytest.mark.parametrize("kind", RELAYING)
def test_a_hundred_thousand_devices_are_connected(kind: str) -> None:
    network = network_of(Groups(a=100_000), {"kind": kind})
    ends = np.linspace(0, 99_999, 5).astype(np.int32)
    hops = relays_of(network).num_hops(ends, np.full(5, -1, dtype=np.int32))
    assert hops.min() >= 2
    assert hops.max() <= relays_of(network).most_hops


def test_places_are_spread_evenly() -> None:
    assert evenly(2, 8).tolist() == [2, 6]
    assert lattice(1).tolist() == [[0.5, 0.5]]
    np.testing.assert_allclose(lattice(3), [[0.25, 0.25], [0.75, 0.25], [0.5, 0.75]])
