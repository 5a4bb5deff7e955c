"""What crossed which connection in which round, and how busy it was."""

from typing import Any

import numpy as np
import pytest

from engine.costs.model import CostModel
from engine.costs.usage import by_link, usage_of
from tests.engine.costs.worlds import FRAMES, fleet_of, model_of, network_of, round_trace

WIRE = FRAMES | {"name": "wire", "up_rate": 80_000.0, "down_rate": 80_000.0}


def used(model: CostModel, trace: Any) -> Any:
    """Crossings and use by link."""
    usage = usage_of(trace, model.network)
    return usage, by_link(usage, model.cost(trace).round_s, len(model.network.links))


def test_each_device_has_its_own_radio() -> None:
    # 1,000 bytes are ten frames of 125 bytes: a second on air up, half a second down
    trace, model = round_trace([0, 1], rounds=3), model_of(FRAMES, count=2)
    usage, (link,) = used(model, trace)
    assert link.wire_bytes.tolist() == [[2500.0, 2500.0]] * 3
    assert link.air_s == pytest.approx(np.array([[2.0, 1.0]] * 3), rel=1e-12)
    round_s = model.cost(trace).round_s
    # both directions could be used at once
    assert link.busiest == pytest.approx(1.0 / round_s, rel=1e-12)
    assert link.num_connections == 2
    assert sorted(set(zip(usage.lower.tolist(), usage.upper.tolist(), strict=True))) == [(0, -1), (1, -1)]


def test_a_room_takes_turns_on_one_channel() -> None:
    model = model_of(FRAMES | {"shared_medium": True}, count=2, topology={"kind": "star", "one_room": True})
    trace = round_trace([0, 1])
    _, (link,) = used(model, trace)
    assert link.busiest == pytest.approx(3.0 / model.cost(trace).round_s, rel=1e-12)


def test_bytes_pass_gateways_on_connections_of_their_own() -> None:
    model = model_of(FRAMES, count=4, topology={"kind": "hierarchical", "gateways": 2}, backhaul=WIRE)
    usage, (radio, wire) = used(model, round_trace([0, 1, 2]))
    gateways = model.network.gateway_of
    carried: dict[tuple[int, int], float] = {}
    for lower, upper, amount in zip(usage.lower, usage.upper, usage.wire_bytes, strict=True):
        carried[int(lower), int(upper)] = carried.get((int(lower), int(upper)), 0.0) + float(amount)
    expected = {(device, -2 - int(gateways[device])): 2500.0 for device in range(3)}
    for device in range(3):
        gateway = -2 - int(gateways[device])
        expected[gateway, -1] = expected.get((gateway, -1), 0.0) + 2500.0
    assert carried == expected
    assert (radio.num_connections, wire.num_connections) == (3, 2)


def test_bytes_climb_all_levels() -> None:
    levels = [{"count": 2, "link": WIRE | {"name": "edge"}}]
    topology = {"kind": "hierarchical", "gateways": 4, "levels": levels}
    usage, _ = used(model_of(FRAMES, count=8, topology=topology, backhaul=WIRE), round_trace([1, 6]))
    # gateways are hubs 0 to 3, those above them 4 and 5: device 1 by 1 and 5, device 6 by 2 and 4
    ways = {(1, -3), (-3, -7), (-7, -1), (6, -4), (-4, -6), (-6, -1)}
    assert set(zip(usage.lower.tolist(), usage.upper.tolist(), strict=True)) == ways
    assert usage.wire_bytes.sum() == pytest.approx(2 * 3 * 2500)


@pytest.mark.parametrize(
    "topology",
    [
        {"kind": "star"},
        {"kind": "star", "one_room": True},
        {"kind": "hierarchical", "gateways": 3},
        {"kind": "hierarchical", "gateways": 4, "levels": [{"count": 2, "link": WIRE | {"name": "edge"}}]},
        {"kind": "ring"},
        {"kind": "tree"},
        {"kind": "random_geometric", "gateways": 2},
    ],
)
@pytest.mark.parametrize("backhaul", [None, WIRE, FRAMES])
def test_crossings_add_up_to_the_ledger(topology: dict[str, Any], backhaul: Any) -> None:
    fleet = fleet_of(12).resolve()
    network = network_of(FRAMES | {"loss": 0.05}, topology=topology, backhaul=backhaul and backhaul | {"loss": 0.05})
    model = CostModel(fleet, network.resolve(fleet))
    trace = round_trace([0, 3, 4, 9, 11], rounds=4)
    ledger, links = model.cost(trace).ledger, used(model, trace)[1]
    for place, link in enumerate(links):
        assert link.wire_bytes.sum(axis=0) == pytest.approx(ledger.link_values["wire_bytes"][place], rel=1e-9)
        assert link.air_s.sum(axis=0) == pytest.approx(ledger.link_values["time_s"][place], rel=1e-9)
        # nobody is on air longer than all together, nor longer than the round where turns are taken
        assert np.all(link.busiest >= 0)


def test_nothing_sent_is_nothing_used() -> None:
    model = model_of(FRAMES)
    _, (link,) = used(model, round_trace([0], rounds=1).concat([]))
    assert link.wire_bytes.shape == (1, 2)
    assert (link.wire_bytes.sum(), link.num_connections) == (0, 0)
