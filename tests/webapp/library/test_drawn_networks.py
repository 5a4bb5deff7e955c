"""Pages of networks that were drawn by hand."""

from collections.abc import Callable

import pytest
from django.test import Client

from engine.core.errors import SpecError
from tests.webapp.library.drawings import DRAWN
from tests.webapp.people import People
from webapp.library.drawing import draw
from webapp.library.parts import edge_rows, fleet_of, network_of
from webapp.library.services import create

SignIn = Callable[[str], Client]
BOARDS = {"groups": [{"name": "boards", "count": 6}]}


def test_flaws_of_a_drawing_are_refused_when_it_is_saved(people: People) -> None:
    nodes = [{"name": "cloud", "role": "server"}, {"name": "shed", "group": "boards"}]
    body = {"topology": {"kind": "custom", "nodes": nodes, "edges": [{"start": "cloud", "end": "shop"}]}}
    with pytest.raises(SpecError) as caught:
        create("networks", people.team, people["editor"], "flawed", body)
    assert [(problem.path, problem.code) for problem in caught.value.problems] == [
        ("topology.edges.0.end", "unknown_node")
    ]


def test_a_drawn_network_is_shown_with_a_fleet_that_fits(client_of: SignIn, people: People) -> None:
    network = create("networks", people.team, people["editor"], "Farm", DRAWN)
    create("fleets", people.team, people["editor"], "Too few", {"groups": [{"name": "boards", "count": 1}]})
    fleet = create("fleets", people.team, people["editor"], "Six boards", BOARDS)
    html = client_of("viewer").get(f"/networks/{network.pk}/").content.decode()
    assert f'value="{fleet.pk}"' in html
    assert "Too few" not in html
    assert "IEEE 802.15.4 / Zigbee / Thread, one hop" in html
    assert "roof" in html


def test_schedules_are_told(client_of: SignIn, people: People) -> None:
    step = {"start": 64_800, "rate": 0.25}
    network = create("networks", people.team, people["editor"], "Evening", {"schedules": [{"steps": [{}, step]}]})
    html = client_of("viewer").get(f"/networks/{network.pk}/").content.decode()
    assert "How links change" in html
    assert "× 0.25" in html


def test_nodes_stand_where_they_were_put_and_hide_none() -> None:
    spec, fleet = network_of(DRAWN), fleet_of(BOARDS)
    network = spec.resolve(fleet)
    drawing = draw(fleet.resolve(), spec.topology, network)
    assert len({(node.x, node.y) for node in (*drawing.devices, *drawing.hubs)}) == 8
    post = next(node for node in drawing.devices if node.id == 1)
    others = [node for node in drawing.devices if node.id != 1]
    assert all(node.x < 310 < post.x for node in others)
    assert {hub.title for hub in drawing.hubs} == {"roof", "cloud"}


def test_connections_are_counted_by_link_and_direction() -> None:
    rows = {row.ends + " " + row.link: row for row in edge_rows(network_of(DRAWN).resolve(fleet_of(BOARDS)))}
    assert rows["device to gateway IEEE 802.15.4 / Zigbee / Thread, one hop"].count == 1
    uplink = next(row for row in rows.values() if row.ends == "gateway to server")
    assert uplink.link.endswith(" up, Internet path, fibre home to cloud region down")
    assert uplink.up_bps.value < uplink.down_bps.value


@pytest.mark.parametrize(
    ("gateways", "levels", "devices", "backhaul"),
    [(8, [3, 2], 40, "wan_fibre"), (1, [1, 1], 5, "wan_fibre"), (4, [4, 4], 20, None)],
)
def test_hierarchies_of_levels_are_drawn_whole(
    gateways: int, levels: list[int], devices: int, backhaul: str | None
) -> None:
    topology = {"kind": "hierarchical", "gateways": gateways, "levels": [{"count": count} for count in levels]}
    spec, fleet = network_of({"topology": topology, "backhaul": backhaul}), fleet_of({"groups": [{"count": devices}]})
    network = spec.resolve(fleet)
    drawing = draw(fleet.resolve(), spec.topology, network)
    nodes = [*drawing.devices, *drawing.hubs]
    assert len({(node.x, node.y) for node in nodes}) == len(nodes)
    assert all(0 < node.x < 620 and 0 < node.y < 380 for node in nodes)
    assert len(drawing.edges) == len(network.edges())
