"""Ways to the server, as people see them."""

from itertools import pairwise

import networkx as nx
import pytest

from engine.network.spec import NetworkSpec
from engine.network.topology import topologies
from engine.network.ways import climb, ways
from tests.engine.network.test_custom import FIELD, GATE, SERVER, edge, link, spec_of
from tests.engine.network.test_network import Groups


@pytest.mark.parametrize("kind", list(topologies.members()))
@pytest.mark.parametrize("backhaul", ["wan_fibre", None])
def test_ways_lead_over_the_fewest_connections_to_the_server(kind: str, backhaul: str | None) -> None:
    spec = NetworkSpec.model_validate({"topology": {"kind": kind}, "backhaul": backhaul})
    network = spec.resolve(Groups(a=14, b=9))
    graph = nx.Graph((edge.lower, edge.upper) for edge in network.edges())
    fewest = nx.single_source_shortest_path_length(graph, -1)
    for device in range(23):
        found = climb(network, device)
        assert (found[0].lower, found[-1].upper, len(found)) == (device, -1, fewest[device])
        assert all(one.upper == other.lower for one, other in pairwise(found))
    assert {way.group for way in ways(network)} == {"a", "b"}
    most = max(fewest[device] for device in range(14))
    assert max(way.num_hops for way in ways(network) if way.group == "a") == most


def test_what_a_way_says_by_hand() -> None:
    slow, fast = link("slow", up_rate=1e5, rtt=0.04), link("fast", up_rate=4e5, rtt=0.01)
    network = spec_of([SERVER, GATE, FIELD], [edge("field", "gate", fast), edge("gate", "cloud", slow)]).resolve(
        Groups(a=3)
    )
    (way,) = ways(network)
    assert [network.label(node) for node in way.nodes] == ["device 0", "gate", "cloud"]
    assert [network.table.names[place] for place in way.links] == ["fast", "slow"]
    assert (way.latency_s, way.rate_bps, way.bit_s) == (0.025, 1e5, pytest.approx(1.25e-5))
