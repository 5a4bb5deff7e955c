"""What every topology must do, tested on every member."""

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

from engine.core.nodes import SERVER
from engine.costs.model import CostModel
from engine.costs.trace import TraceBuilder
from engine.fleet.group import FleetSpec
from engine.network.network import Network
from engine.network.routes import Hop
from engine.network.spec import NetworkSpec
from engine.network.topology import topologies

MEMBERS = list(topologies.members())
BACKHAULS = ["wan_fibre", None]
FLEET = FleetSpec.model_validate({"groups": [{"name": "a", "count": 7}, {"name": "b", "count": 6}]})


def network_of(kind: str, backhaul: str | None, seed: int = 0) -> Network:
    """The member with its default parameters over two kinds of links, one of them a shared medium."""
    spec = {"topology": {"kind": kind}, "links": {"a": "wifi4_linux", "b": "eth1g"}, "backhaul": backhaul}
    return NetworkSpec.model_validate(spec).resolve(FLEET, seed)


def both_ways(network: Network) -> tuple[np.ndarray, np.ndarray]:
    """Every device to the server, and back."""
    devices, server = np.arange(13, dtype=np.int32), np.full(13, SERVER, dtype=np.int32)
    return np.concatenate([devices, server]), np.concatenate([server, devices])


def hops_of(network: Network, sources: np.ndarray, targets: np.ndarray) -> list[list[Hop]]:
    """The hops of each message, passed on by devices or not."""
    message = np.arange(len(sources))
    if network.relays is not None:
        steps = network.relays.steps(sources, targets)
        sources, targets, message = steps.start, steps.end, steps.message
    routes = network.routes(sources, targets)
    assert routes.media.max() < network.num_media
    ways: list[list[Hop]] = [[] for _ in range(int(message.max()) + 1)]
    for number, pattern in zip(message, routes.pattern, strict=True):
        ways[number] += [hop for segment in network.patterns[pattern] for hop in segment.hops]
    return ways


@pytest.mark.parametrize("kind", MEMBERS)
@pytest.mark.parametrize("backhaul", BACKHAULS)
class TestTopology:
    """The laws."""

    def test_it_is_connected_and_of_the_right_size(self, kind: str, backhaul: str | None) -> None:
        network = network_of(kind, backhaul)
        assert network.num_devices == 13
        joined: dict[int, set[int]] = {}
        for edge in network.edges():
            joined.setdefault(edge.lower, set()).add(edge.upper)
            joined.setdefault(edge.upper, set()).add(edge.lower)
        assert {node for node in joined if node >= 0} == set(range(13))
        reached, waiting = {SERVER}, [SERVER]
        while waiting:
            new = joined[waiting.pop()] - reached
            reached |= new
            waiting += new
        assert reached == set(joined)
        assert len(network.gateway_of) == 13
        assert network.gateway_of.max() < network.num_gateways

    def test_every_device_reaches_the_server_and_back_over_its_own_link(self, kind: str, backhaul: str | None) -> None:
        network = network_of(kind, backhaul)
        ways = hops_of(network, *both_ways(network))
        assert len(ways) == 26
        for number, hops in enumerate(ways):
            own = network.table.of_group[0 if number % 13 < 7 else 1]
            up = number < 13
            assert (hops[0] if up else hops[-1]).link == own
            assert (hops[0].device_sends, hops[-1].device_receives) == (up, not up)
            assert all(hop.up == up for hop in hops)
            assert (network.table.backhaul in [hop.link for hop in hops]) == (backhaul is not None)

    def test_the_same_seed_gives_the_same_network(self, kind: str, backhaul: str | None) -> None:
        one, two = network_of(kind, backhaul, seed=4), network_of(kind, backhaul, seed=4)
        assert one.edges() == two.edges()
        assert hops_of(one, *both_ways(one)) == hops_of(two, *both_ways(two))

    @pytest.mark.parametrize("devices", [[0], [12], list(range(13))])
    def test_time_and_energy_grow_with_bytes(self, kind: str, backhaul: str | None, devices: list[int]) -> None:
        """For one device, and for the round of all; in a crowd, one of many may gain when others change places."""
        fleet = FLEET.resolve()
        model = CostModel(fleet, network_of(kind, backhaul))
        costs = []
        for payload in (0, 1, 1448, 1449, 10_000, 1_000_000):
            builder = TraceBuilder()
            down = builder.send(SERVER, devices, payload, new_connection=True, phase="download")
            builder.send(devices, SERVER, payload, new_connection=False, after=down)
            costs.append(model.cost(builder.build()))
        for less, more in pairwise(costs):
            assert less.end_s_total <= more.end_s_total * (1 + 1e-12)
            assert less.ledger.totals()["energy_j"] <= more.ledger.totals()["energy_j"]

    def test_it_can_be_drawn(self, kind: str, backhaul: str | None) -> None:
        drawn = network_of(kind, backhaul).graph_json()
        ids = [node["id"] for node in drawn["nodes"]]
        assert len(ids) == len(set(ids))
        assert {node for edge in drawn["edges"] for node in (edge["source"], edge["target"])} == set(ids)


@pytest.mark.parametrize("kind", MEMBERS)
def test_it_says_what_it_is(kind: str) -> None:
    member = topologies[kind]
    assert member.source
    assert member.__doc__
    assert all(field.description for name, field in member.model_fields.items() if name != "kind")


@pytest.mark.slow
def test_members_load_nothing_heavy() -> None:
    code = (
        "import sys; from engine.network.topology import topologies; topologies.members(); "
        "import engine.costs.model, engine.costs.estimate, engine.fleet.group; "
        "print([m for m in ('torch', 'scipy', 'networkx', 'sklearn') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
