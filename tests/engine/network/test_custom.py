"""Networks drawn by hand: their nodes, ways, links by edge and direction, and everything that can be wrong."""

from itertools import pairwise
from typing import Any

import networkx as nx
import numpy as np
import pytest

from engine.core.errors import SpecError
from engine.core.streams import stream
from engine.costs.model import CostModel
from engine.costs.trace import TraceBuilder
from engine.fleet.group import FleetSpec
from engine.network.network import Network
from engine.network.spec import NetworkSpec
from tests.engine.network.test_network import OWN, Groups

SERVER = {"name": "cloud", "role": "server"}
GATE = {"name": "gate", "role": "gateway"}
FIELD = {"name": "field", "group": "a"}


def spec_of(nodes: list[dict[str, Any]], edges: list[dict[str, Any]], **more: Any) -> NetworkSpec:
    """A drawn network; ``routes`` goes into the topology."""
    topology = {"kind": "custom", "nodes": nodes, "edges": edges} | {"routes": more.pop("routes", "hops")}
    return NetworkSpec.model_validate({"topology": topology} | more)


def edge(start: str, end: str, link: Any = None, down_link: Any = None) -> dict[str, Any]:
    """An edge as it stands in a spec."""
    return {"start": start, "end": end, "link": link, "down_link": down_link}


def link(name: str, **figures: Any) -> dict[str, Any]:
    """A link of one's own."""
    return OWN | {"name": name} | figures


def way(network: Network, source: int, target: int) -> list[int]:
    """The nodes that a message passes, ends included."""
    assert network.relays is not None
    steps = network.relays.steps(np.array([source], dtype=np.int32), np.array([target], dtype=np.int32))
    return [*steps.start.tolist(), int(steps.end[-1])]


def names(network: Network, source: int, target: int) -> list[str]:
    """The links that a message crosses."""
    assert network.relays is not None
    steps = network.relays.steps(np.array([source], dtype=np.int32), np.array([target], dtype=np.int32))
    routes = network.routes(steps.start, steps.end)
    hops = [hop for pattern in routes.pattern for segment in network.patterns[pattern] for hop in segment.hops]
    return [network.table.names[hop.link] for hop in hops]


def test_a_drawing_by_hand() -> None:
    """Device 1 relays for device 0; the rest of the group stands around a gateway behind another gateway."""
    nodes = [SERVER, GATE, {"name": "edge", "role": "gateway"}, FIELD]
    nodes += [{"name": "far", "group": "a", "number": 0}, {"name": "near", "group": "a", "number": 1}]
    edges = [edge("far", "near"), edge("near", "cloud", "lte4g_modern"), edge("gate", "field"), edge("gate", "edge")]
    network = spec_of(nodes, [*edges, edge("cloud", "edge", "eth1g")], links={"a": OWN}).resolve(Groups(a=4))
    assert way(network, 0, -1) == [0, 1, -1]
    assert way(network, -1, 0) == [-1, 1, 0]
    assert way(network, 3, -1) == [3, -2, -3, -1]
    assert way(network, 3, 0) == [3, -2, -3, -1, 1, 0]
    assert names(network, 0, -1) == ["own", "lte4g_modern"]
    assert names(network, 3, -1) == ["own", "wan_fibre", "eth1g"]
    assert network.gateway_of.tolist() == [0, 0, 0, 0]
    assert network.table.names == ("own", "wan_fibre", "lte4g_modern", "eth1g")
    assert [network.table.names[place] for place in network.radio_of] == ["own", "lte4g_modern", "own", "own"]


def test_links_that_nobody_uses_are_not_in_the_table() -> None:
    network = spec_of([SERVER, FIELD], [edge("field", "cloud", "nbiot")]).resolve(Groups(a=2))
    assert network.table.names == ("nbiot",)
    assert network.table.of_group == (0,)
    assert network.table.backhaul == -1


def test_each_direction_may_have_a_link_of_its_own() -> None:
    slow, fast = link("slow", up_rate=8e3, down_rate=8e3), link("fast", up_rate=8e6, down_rate=8e6)
    network = spec_of([SERVER, FIELD], [edge("cloud", "field", slow, fast)]).resolve(Groups(a=1))
    assert names(network, 0, -1) == ["slow"]
    assert names(network, -1, 0) == ["fast"]
    drawn = network.graph_json()["edges"][0]
    assert (drawn["link"], drawn["up_bps"]) == ("slow", 8e3)
    assert (drawn["down_link"], drawn["down_bps"]) == ("fast", 8e6)
    model = CostModel(FleetSpec.model_validate({"groups": [{"name": "a", "count": 1}]}).resolve(), network)
    spent = []
    for source, target in ((0, -1), (-1, 0)):
        builder = TraceBuilder()
        builder.send(source, target, 100_000, new_connection=False)
        spent.append(model.cost(builder.build()).end_s_total)
    assert spent[0] > 100  # 8e5 bits at 8 kbit/s
    assert spent[1] < 1


def test_only_a_shared_medium_is_waited_for_by_all() -> None:
    shared = link("shared", shared_medium=True)
    network = spec_of([SERVER, GATE, FIELD], [edge("field", "gate", shared), edge("gate", "cloud")]).resolve(
        Groups(a=3)
    )
    sources, targets = np.array([0, 1, -2, -2, -1]), np.array([-2, -2, 2, -1, -2])
    media = network.routes(sources.astype(np.int32), targets.astype(np.int32)).media[:, 0]
    assert media[0] == media[1] == media[2]
    assert len(set(media.tolist())) == 3


@pytest.mark.parametrize("metric", ["hops", "latency", "capacity"])
def test_the_best_way_is_the_one_that_dijkstra_finds(metric: str) -> None:
    draw = stream(3, "test", "ways")
    graph = nx.connected_watts_strogatz_graph(24, 4, 0.4, seed=5)
    edges = []
    for one, other in graph.edges:
        rate, rtt = float(draw.integers(1, 50)) * 1e5, float(draw.integers(1, 50)) / 1e3
        weight = {"hops": 1.0, "latency": rtt / 2, "capacity": 1 / rate}[metric]
        graph.edges[one, other]["weight"] = weight
        own = link(f"{one}-{other}", up_rate=rate, down_rate=rate, rtt=rtt)
        edges.append(edge(str(one), str(other), own))
    nodes: list[dict[str, Any]] = [{"name": "23", "role": "server"}]
    nodes += [{"name": str(number), "group": "a", "number": number} for number in range(23)]
    network = spec_of(nodes, edges, routes=metric).resolve(Groups(a=23))
    least = nx.single_source_dijkstra_path_length(graph, 23)
    for device in range(23):
        found = [23 if node == -1 else node for node in way(network, device, -1)]
        assert sum(graph.edges[pair]["weight"] for pair in pairwise(found)) == pytest.approx(least[device], rel=1e-6)
        assert way(network, -1, device) == way(network, device, -1)[::-1]


def test_a_slow_wire_to_the_server_is_not_taken_where_latency_counts() -> None:
    nodes = [SERVER, GATE, {"name": "one", "group": "a", "number": 0}]
    edges = [
        edge("one", "cloud", link("slow", rtt=9.0)),
        edge("one", "gate", link("radio", rtt=0.1)),
        edge("gate", "cloud"),
    ]
    assert way(spec_of(nodes, edges).resolve(Groups(a=1)), 0, -1) == [0, -1]
    weighed = spec_of(nodes, edges, routes="latency").resolve(Groups(a=1))
    assert way(weighed, 0, -1) == [0, -2, -1]
    assert way(weighed, -1, 0) == [-1, -2, 0]


def test_all_flaws_are_said_at_once() -> None:
    nodes = [
        {"name": "gate", "role": "gateway", "group": "a"},
        {"name": "gate", "role": "gateway"},
        {"name": "x"},
        {"name": "y", "group": "a"},
        {"name": "z", "group": "a"},
    ]
    edges = [edge("gat", "y"), edge("y", "y"), edge("y", "z"), edge("z", "y"), edge("x", "elsewhere")]
    found = {(problem.path, problem.code) for problem in spec_of(nodes, edges).check(Groups(a=2))}
    assert found == {
        ("topology.nodes", "one_server"),
        ("topology.nodes.0.group", "not_of_devices"),
        ("topology.nodes.1.name", "duplicate_node"),
        ("topology.nodes.2.group", "missing_group"),
        ("topology.nodes.4.group", "duplicate_device"),
        ("topology.edges.0.start", "unknown_node"),
        ("topology.edges.1.end", "loop"),
        ("topology.edges.3", "duplicate_edge"),
        ("topology.edges.4.end", "unknown_node"),
    }


def test_what_does_not_fit_the_fleet_is_said_at_once() -> None:
    nodes = [SERVER, {"name": "one", "group": "a", "number": 7}, {"name": "other", "group": "c"}]
    nodes += [{"name": f"b{k}", "group": "b", "number": k} for k in range(2)] + [{"name": "rest", "group": "b"}]
    edges = [edge("cloud", str(node["name"])) for node in nodes[1:]]
    found = {problem.path: problem.message for problem in spec_of(nodes, edges).check(Groups(a=3, b=2))}
    assert found == {
        "topology.nodes.1.number": "should be below the number of devices of group a, 3; given: 7",
        "topology.nodes.2.group": "is no group of the fleet; allowed are a, b; given: 'c'",
        "topology.nodes.5.number": "stands for no device: all 2 of group b have nodes of their own; leave it out",
        "topology.nodes": "3 of 3 devices of group a have no node; add a node of role devices with that group and "
        "without number, which stands for all the rest",
    }


def test_nodes_that_are_cut_off_are_named() -> None:
    nodes = [SERVER, GATE, FIELD]
    (problem,) = spec_of(nodes, [edge("gate", "field")]).check(Groups(a=1))
    assert problem.path == "topology.edges"
    assert problem.message.startswith("no way leads to the server from 'gate', 'field'")


def test_without_a_backhaul_wires_between_gateways_need_a_link() -> None:
    edges = [edge("field", "gate"), edge("gate", "cloud")]
    (problem,) = spec_of([SERVER, GATE, FIELD], edges, backhaul=None).check(Groups(a=1))
    assert problem.path == "topology.edges.1.link"
    edges[1]["link"] = "eth100"
    assert spec_of([SERVER, GATE, FIELD], edges, backhaul=None).resolve(Groups(a=1)).table.names[-1] == "eth100"


def test_links_of_one_name_have_one_set_of_figures() -> None:
    edges = [edge("field", "gate", link("own", rtt=0.5)), edge("gate", "cloud")]
    (problem,) = spec_of([SERVER, GATE, FIELD], edges, links={"a": OWN}).check(Groups(a=1))
    assert (problem.path, problem.code) == ("topology.edges.0.link.name", "duplicate_link")


def test_a_crowd_joined_to_a_crowd_is_refused() -> None:
    nodes = [SERVER, {"name": "one", "group": "a"}, {"name": "other", "group": "b"}]
    edges = [edge("one", "other"), edge("other", "cloud")]
    with pytest.raises(SpecError, match=r"joins 4,002,000 pairs of nodes.*up to 1,000,000"):
        spec_of(nodes, edges).resolve(Groups(a=2000, b=2000))


def test_a_drawing_with_figures_stands_alone() -> None:
    spec = spec_of([SERVER, GATE, FIELD], [edge("field", "gate", "ble5_1m", "ble5_2m"), edge("gate", "cloud")])
    alone = NetworkSpec.model_validate_json(spec.with_figures().model_dump_json(), strict=True)
    before, after = spec.resolve(Groups(a=2)), alone.resolve(Groups(a=2))
    assert after.table == before.table
    assert after.edges() == before.edges()
    assert "ble5_1m" in alone.model_dump_json()
