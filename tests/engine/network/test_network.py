"""Networks as users write them, routes, and drawings."""

import json
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from engine.core.errors import EngineError, SpecError
from engine.network.network import Network
from engine.network.spec import NetworkSpec

OWN = {"name": "own", "up_rate": 1e6, "down_rate": 2e6, "rtt": 0.01}


class Groups:
    """Stands for a fleet."""

    def __init__(self, **counts: int) -> None:
        self.counts = counts

    def group_counts(self) -> dict[str, int]:
        """Number of devices by group."""
        return dict(self.counts)


def spec_of(**document: Any) -> NetworkSpec:
    """A network as it is read from a document."""
    return NetworkSpec.model_validate_json(json.dumps(document), strict=True)


def network_of(groups: Groups, **document: Any) -> Network:
    """A resolved network."""
    return spec_of(**document).resolve(groups)


def hops(network: Network, source: int, target: int) -> list[list[tuple[str, str]]]:
    """The links of a route, by segment."""
    routes = network.routes(np.array([source], dtype=np.int32), np.array([target], dtype=np.int32))
    return [
        [(network.table.names[hop.link], "up" if hop.up else "down") for hop in segment.hops]
        for segment in network.patterns[int(routes.pattern[0])]
    ]


def test_what_is_left_out_has_good_defaults() -> None:
    network = network_of(Groups(a=2))
    assert hops(network, 0, -1) == [[("wifi4_linux", "up"), ("wan_fibre", "up")]]
    assert hops(network, -1, 1) == [[("wan_fibre", "down"), ("wifi4_linux", "down")]]


def test_groups_have_links_of_their_own() -> None:
    network = network_of(Groups(a=1, b=1, c=1), links={"a": "eth1g", "default": OWN}, backhaul=None)
    assert [hops(network, i, -1) for i in range(3)] == [[[("eth1g", "up")]], [[("own", "up")]], [[("own", "up")]]]


def test_a_hierarchy_goes_over_its_gateways() -> None:
    network = network_of(Groups(a=5), topology={"kind": "hierarchical", "gateways": 2}, links={"a": "ble5_1m"})
    assert hops(network, 3, -1) == [[("ble5_1m", "up")], [("wan_fibre", "up")]]
    assert hops(network, -1, 3) == [[("wan_fibre", "down")], [("ble5_1m", "down")]]
    assert hops(network, 3, -3) == [[("ble5_1m", "up")]]
    assert hops(network, -3, 3) == [[("ble5_1m", "down")]]
    assert hops(network, -2, -1) == [[("wan_fibre", "up")]]
    assert hops(network, -1, -2) == [[("wan_fibre", "down")]]
    assert network.gateway_of.tolist() == [0, 1, 0, 1, 0]


def test_devices_of_one_gateway_share_its_channels_and_no_others() -> None:
    network = network_of(Groups(a=4, b=2), topology={"kind": "hierarchical", "gateways": 2}, links={"b": "eth1g"})
    up = network.routes(np.arange(6, dtype=np.int32), np.full(6, -1, dtype=np.int32)).media
    down = network.routes(np.full(6, -1, dtype=np.int32), np.arange(6, dtype=np.int32)).media
    # one radio for both directions; Ethernet is switched; backhauls have a channel per direction
    assert up[0, 0] == up[2, 0] == down[0, 1] != up[1, 0]
    assert up[4, 0] == down[4, 1] == -1
    assert up[0, 1] == up[4, 1] != down[0, 0] == down[4, 0]
    assert len({int(m) for m in np.concatenate([up, down]).ravel() if m >= 0}) == 2 + 4


@pytest.mark.parametrize(
    ("document", "source", "target"),
    [
        ({}, 0, 1),
        ({}, 0, -2),
        ({"topology": {"kind": "hierarchical", "gateways": 2}}, 0, 1),
        ({"topology": {"kind": "hierarchical", "gateways": 2}}, 0, -3),
        ({"topology": {"kind": "hierarchical", "gateways": 2}}, -4, -1),
        ({"topology": {"kind": "hierarchical", "gateways": 2}}, -1, -1),
    ],
)
def test_nodes_that_are_not_connected_are_refused(document: dict[str, Any], source: int, target: int) -> None:
    with pytest.raises(EngineError, match="messages go between"):
        hops(network_of(Groups(a=3), **document), source, target)


def test_all_that_does_not_fit_the_fleet_is_said_at_once() -> None:
    spec = spec_of(
        topology={"kind": "hierarchical", "gateways": 9},
        links={"x": "eth1g", "a": OWN, "default": OWN | {"rtt": 0.5}},
    )
    found = {problem.path: problem.message for problem in spec.check(Groups(a=2))}
    assert found == {
        "topology.gateways": "should be at most the number of devices, 2; given: 9",
        "links.x": "is no group of the fleet; allowed are a and default; given: 'x'",
        "links.default.name": "should differ from the names of other links with other figures; given: 'own' twice",
    }
    with pytest.raises(SpecError):
        spec.resolve(Groups(a=2))


def test_an_unknown_link_gets_suggestions() -> None:
    with pytest.raises(ValidationError, match=r"'wifi9' is no link of the catalogue.*similar: wifi"):
        spec_of(links={"a": "wifi9"})


def test_a_network_with_figures_stands_alone() -> None:
    spec = spec_of(links={"a": "eth1g"}, topology={"kind": "hierarchical", "gateways": 1})
    alone = NetworkSpec.model_validate_json(spec.with_figures().model_dump_json(), strict=True)
    before, after = spec.resolve(Groups(a=1, b=1)), alone.resolve(Groups(a=1, b=1))
    assert after.links == before.links
    assert after.table.names == before.table.names == ("eth1g", "wifi4_linux", "wan_fibre")
    assert after.table.titles[0] == "Ethernet 1000BASE-T"
    assert after.patterns == before.patterns


def test_a_small_network_is_drawn_device_by_device() -> None:
    topology = {"kind": "hierarchical", "gateways": 2}
    drawn = network_of(Groups(a=3, b=2), topology=topology, links={"b": "eth1g"}).graph_json()
    json.dumps(drawn)
    assert not drawn["collapsed"]
    assert [node["id"] for node in drawn["nodes"]] == [
        "server",
        *[f"gateway:{k}" for k in range(2)],
        *[f"device:{i}" for i in range(5)],
    ]
    assert len(drawn["edges"]) == 7
    assert drawn["edges"][4] == {
        "source": "device:4",
        "target": "gateway:0",
        "link": "eth1g",
        "down_link": "eth1g",
        "up_bps": 941e6,
        "down_bps": 941e6,
        "latency_s": 0.00015,
        "shared": False,
    }
    assert drawn["edges"][0]["shared"]


@pytest.mark.parametrize("gateways", [1, 7, 5000])
def test_a_large_network_is_drawn_in_groups(gateways: int) -> None:
    groups = Groups(a=30_000, b=10)
    drawn = network_of(groups, topology={"kind": "hierarchical", "gateways": gateways}).graph_json()
    assert drawn["collapsed"]
    assert len(drawn["nodes"]) <= 1000
    if not drawn["hidden_gateways"]:
        assert sum(node["count"] for node in drawn["nodes"] if node["kind"] == "devices") == 30_010
    ids = {node["id"] for node in drawn["nodes"]}
    assert all(edge["source"] in ids and edge["target"] in ids for edge in drawn["edges"])
