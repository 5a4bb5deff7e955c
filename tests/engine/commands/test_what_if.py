"""Changes of a fleet and network by factors and by choice."""

from typing import Any

import pytest

from engine.core.errors import SpecError
from engine.network.catalogue import links
from engine.specs.experiment import ExperimentSpec
from engine.specs.recosting import checked, elsewhere
from engine.specs.text import by_value, parse

SPEC = """\
fleet: {groups: [{name: boards, device: rpi_4b_4gb, count: 2}, {name: sensors, device: rpi_3bplus, count: 2}]}
network: {links: {boards: wifi4_linux, sensors: ble5_1m}, backhaul: wifi4_linux}
task: {kind: federated, dataset: {kind: digits}, sampler: {kind: uniform, num_clients: 2}}
"""

OWN: dict[str, Any] = {"name": "own", "up_rate": 1e6, "down_rate": 2e6, "rtt": 0.1, "loss": 0.01}


def changed(tree: dict[str, Any], text: str = SPEC) -> ExperimentSpec:
    """The experiment elsewhere, as runs are stored: by value."""
    return elsewhere(by_value(parse(text)), checked(tree))


def test_factors_hold_for_the_links_of_devices() -> None:
    before = links()["ble5_1m"]
    network = changed({"bandwidth": 0.5, "latency": 3, "loss": 0.1}).network
    link = network.links["sensors"]
    assert not isinstance(link, str)
    assert link.up_rate.value == pytest.approx(before.up_rate.value / 2)
    assert link.down_rate.value == pytest.approx(before.down_rate.value / 2)
    assert link.rtt.value == pytest.approx(before.rtt.value * 3)
    assert (link.loss.value, link.loss.provenance) == (0.1, "user")
    assert network.backhaul == links()["wifi4_linux"]
    everywhere = changed({"bandwidth": 0.5, "backhaul": True}).network.backhaul
    assert everywhere is not None
    assert not isinstance(everywhere, str)
    assert everywhere.up_rate.value == pytest.approx(links()["wifi4_linux"].up_rate.value / 2)


def test_what_was_recalled_stays_recalled_and_what_was_read_is_the_users() -> None:
    before, after = links()["ble5_1m"], changed({"bandwidth": 2, "latency": 2}).network.links["sensors"]
    assert not isinstance(after, str)
    for name in ("up_rate", "rtt"):
        old, new = getattr(before, name), getattr(after, name)
        assert new.provenance == ("recalled" if old.provenance == "recalled" else "user")
        assert new.source.startswith("2 times what was")


def test_speed_changes_every_rate_and_no_power() -> None:
    before = parse(SPEC).fleet.groups[0].resolved_device()
    group = changed({"speed": {"boards": 4}}).fleet.groups[0]
    after = group.resolved_device()
    for name in type(before).model_fields:
        old, new = getattr(before, name), getattr(after, name)
        if name.endswith("_rate") and old is not None:
            assert new.value == pytest.approx(4 * old.value)
        elif name.endswith("_w"):
            assert new == old
    assert (
        changed({"devices": {"boards": "rpi_5_8gb"}}).fleet.groups[0].resolved_device().name == "Raspberry Pi 5 (8 GB)"
    )


def test_nothing_changed_is_the_same() -> None:
    assert changed({}) == by_value(parse(SPEC))
    assert changed({"bandwidth": 1, "latency": 1.0, "speed": {"boards": 1}}) == by_value(parse(SPEC))


def test_links_of_drawn_connections_are_changed_too() -> None:
    text = SPEC.replace(
        "network: {",
        "network: {topology: {kind: custom, nodes: [{name: s, role: server}, {name: b, group: boards}, {name: x, "
        f"group: sensors}}], edges: [{{start: b, end: s, link: {OWN}}}, {{start: x, end: s}}]}}, ",
    )
    edges = changed({"bandwidth": 10}, text).network.topology.model_dump()["edges"]
    assert edges[0]["link"]["up_rate"]["value"] == pytest.approx(1e7)
    assert edges[1]["link"] is None


def test_links_of_hubs_are_changed_with_the_backhaul() -> None:
    levels = f"{{kind: hierarchical, gateways: 2, levels: [{{count: 1, link: {OWN}}}]}}"
    text = SPEC.replace("network: {", f"network: {{topology: {levels}, ")
    for backhaul, rate in ((False, 1e6), (True, 1e7)):
        found = changed({"bandwidth": 10, "backhaul": backhaul}, text).network.topology.model_dump()["levels"]
        assert found[0]["link"]["up_rate"]["value"] == pytest.approx(rate)


@pytest.mark.parametrize(
    ("tree", "path"),
    [
        ({"latency": 1001}, "latency"),
        ({"speed": {"cars": 2}}, "speed.cars"),
        ({"devices": {"boards": 3}}, "devices.boards"),
    ],
)
def test_what_is_wrong_is_said_at_its_place(tree: dict[str, Any], path: str) -> None:
    with pytest.raises(SpecError) as caught:
        changed(tree)
    assert [problem.path for problem in caught.value.problems] == [path]
