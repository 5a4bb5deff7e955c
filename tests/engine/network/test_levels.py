"""Sensor, gateway, edge, cloud: hierarchies of several levels."""

from typing import Any

import numpy as np
import pytest

from engine.core.errors import EngineError
from engine.costs.model import CostModel
from engine.costs.trace import TraceBuilder
from engine.fleet.group import FleetSpec
from engine.network.network import Network
from engine.network.spec import NetworkSpec
from tests.engine.network.test_network import OWN, Groups

RADIO = OWN | {"name": "radio", "shared_medium": True}
LEVELS = [{"count": 4, "link": "eth100"}, {"count": 2, "link": RADIO | {"name": "mast"}}]


def spec_of(gateways: int, levels: list[dict[str, Any]], **more: Any) -> NetworkSpec:
    """A hierarchy."""
    topology = {"kind": "hierarchical", "gateways": gateways, "levels": levels}
    return NetworkSpec.model_validate({"topology": topology, "links": {"a": RADIO, "b": OWN}} | more)


def crossing(network: Network, source: int, target: int) -> list[str]:
    """The links of a route with their directions."""
    found = network.routes(np.array([source], dtype=np.int32), np.array([target], dtype=np.int32))
    hops = [hop for segment in network.patterns[int(found.pattern[0])] for hop in segment.hops]
    return [f"{network.table.names[hop.link]} {'up' if hop.up else 'down'}" for hop in hops]


def media(network: Network, source: int, target: int) -> list[int]:
    """The channels of a route."""
    found = network.routes(np.array([source], dtype=np.int32), np.array([target], dtype=np.int32))
    return [int(channel) for channel in found.media[0]]


def test_a_hierarchy_by_hand() -> None:
    """Eight gateways, four edge nodes, two regions; device 13 is at gateway 5, edge 1 (-11) and region 1 (-15)."""
    network = spec_of(8, LEVELS).resolve(Groups(a=12, b=8))
    climb = ["own up", "eth100 up", "mast up", "wan_fibre up"]
    assert crossing(network, 13, -1) == climb
    assert crossing(network, -1, 13) == [hop.replace("up", "down") for hop in climb[::-1]]
    assert crossing(network, 13, -7) == climb[:1]
    assert crossing(network, 13, -11) == climb[:2]
    assert crossing(network, -7, -15) == ["eth100 up", "mast up"]
    assert crossing(network, -15, -1) == ["wan_fibre up"]
    assert crossing(network, -1, -15) == ["wan_fibre down"]
    assert network.num_gateways == 14
    assert {(edge.lower, edge.upper) for edge in network.edges() if edge.lower in {13, -7, -11, -15}} == {
        (13, -7),
        (-7, -11),
        (-11, -15),
        (-15, -1),
    }


@pytest.mark.parametrize(("source", "target"), [(13, -2), (13, -10), (-7, -10), (0, 1), (-7, -7), (-16, -1), (20, -1)])
def test_what_is_not_above_one_another_is_refused(source: int, target: int) -> None:
    with pytest.raises(EngineError, match="messages go between"):
        crossing(spec_of(8, LEVELS).resolve(Groups(a=12, b=8)), source, target)


def test_channels_are_shared_around_the_hub_above() -> None:
    network = spec_of(8, LEVELS).resolve(Groups(a=12, b=8))
    up, down = media(network, 1, -1), media(network, -1, 1)
    assert up[0] == media(network, 9, -1)[0] == down[3]  # both at gateway 1, over one radio
    assert up[0] != media(network, 2, -1)[0]
    assert up[1] != down[2]  # cable: each direction for itself
    assert up[1] == media(network, 9, -1)[1]
    assert up[2] == down[1] == media(network, 3, -1)[2]  # edges 1 and 3 share the mast of region 1
    assert up[3] != down[0]
    assert max(*up, *down) < network.num_media
    assert media(network, 13, -1)[0] == -1  # no shared medium


def test_without_a_backhaul_the_highest_level_is_the_server() -> None:
    network = spec_of(8, LEVELS, backhaul=None).resolve(Groups(a=12, b=8))
    assert crossing(network, 13, -1) == ["own up", "eth100 up", "mast up"]
    assert network.num_gateways == 12
    flat = spec_of(3, [], backhaul=None).resolve(Groups(a=3, b=3))
    assert crossing(flat, 4, -1) == ["own up"]
    assert flat.trunk() == []


def test_levels_add_up() -> None:
    """One device alone: its time is the sum of the times of its hops."""
    fleet = FleetSpec.model_validate({"groups": [{"name": "a", "count": 8}]}).resolve()

    def seconds(network: Network, source: int, target: int) -> float:
        builder = TraceBuilder()
        builder.send(source, target, 100_000, new_connection=False)
        return CostModel(fleet, network).cost(builder.build()).end_s_total

    network = spec_of(8, LEVELS, links={"a": OWN}).resolve(Groups(a=8))
    hops = [(5, -7), (-7, -11), (-11, -15), (-15, -1)]
    assert seconds(network, 5, -1) == pytest.approx(sum(seconds(network, *hop) for hop in hops), rel=1e-12)


def test_levels_that_grow_are_refused() -> None:
    spec = spec_of(2, [{"count": 3}, {"count": 4}])
    assert {problem.path: problem.message for problem in spec.check(Groups(a=2, b=2))} == {
        "topology.levels.0.count": "should be at most the number of hubs in the level below, 2; given: 3",
        "topology.levels.1.count": "should be at most the number of hubs in the level below, 3; given: 4",
    }


def test_levels_keep_their_figures() -> None:
    spec = spec_of(4, LEVELS)
    alone = NetworkSpec.model_validate_json(spec.with_figures().model_dump_json(), strict=True)
    assert alone.resolve(Groups(a=4, b=4)).table == spec.resolve(Groups(a=4, b=4)).table
    drawn = spec.resolve(Groups(a=300, b=300)).graph_json()
    assert {edge["link"] for edge in drawn["edges"]} == {"radio", "own", "eth100", "mast", "wan_fibre"}
    names = {node["id"] for node in drawn["nodes"]}
    assert {end for edge in drawn["edges"] for end in (edge["source"], edge["target"])} == names
    assert sum(node["count"] for node in drawn["nodes"] if node["kind"] == "devices") == 600


def test_a_million_devices_over_three_levels_are_routed_at_once() -> None:
    network = spec_of(15_625, [{"count": 500, "link": "eth1g"}, {"count": 10, "link": "eth1g"}]).resolve(
        Groups(a=500_000, b=500_000)
    )
    devices = np.arange(1_000_000, dtype=np.int32)
    routes = network.routes(devices, np.full(1_000_000, -1, dtype=np.int32))
    assert routes.media.shape == (1_000_000, 4)
    assert len(np.unique(routes.media[:, 3])) == 10
    assert len(np.unique(routes.media[:, 2])) == 500
