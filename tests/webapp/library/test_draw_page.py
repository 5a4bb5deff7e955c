"""The page on which networks are drawn, used without scripts: the table is the drawing."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from tests.webapp.library.drawings import DRAWN
from tests.webapp.people import People
from webapp.library.models import Network
from webapp.library.services import create
from webapp.library.sheet import EDGE_FIELDS, NODE_FIELDS, Sheet

SignIn = Callable[[str], Client]


def posted(nodes: list[dict[str, str]], edges: list[dict[str, str]], **more: str) -> dict[str, Any]:
    """The fields that a browser sends for these rows."""
    data: dict[str, Any] = {f"node-{name}": [row.get(name, "") for row in nodes] for name in NODE_FIELDS}
    data |= {f"edge-{name}": [row.get(name, "") for row in edges] for name in EDGE_FIELDS}
    return data | {"routes": "hops", "name": "Drawn"} | more


SERVER = {"name": "cloud", "role": "server", "x": "50", "y": "12.5"}
FIELD = {"name": "field", "role": "devices", "group": "boards"}
WIRE = {"start": "field", "end": "cloud", "link": "nbiot"}


def test_a_new_drawing_is_saved(client_of: SignIn, people: People) -> None:
    answer = client_of("editor").post("/networks/draw", posted([SERVER, FIELD], [WIRE], routes="latency"))
    network = Network.objects.of(people.team).get()
    assert answer["Location"] == f"/networks/{network.pk}/"
    assert network.body == {
        "topology": {
            "kind": "custom",
            "nodes": [
                {"name": "cloud", "role": "server", "x": 0.5, "y": 0.125},
                {"name": "field", "role": "devices", "group": "boards"},
            ],
            "edges": [{"start": "field", "end": "cloud", "link": "nbiot"}],
            "routes": "latency",
        }
    }


def test_saving_an_unchanged_drawing_changes_nothing(client_of: SignIn, people: People) -> None:
    own = {"name": "cable of ours", "up_rate": 1e6, "down_rate": 1e6, "rtt": 0.01}
    edges = [edge | ({"link": own} if edge["end"] == "shed" else {}) for edge in DRAWN["topology"]["edges"]]
    design = create(
        "networks", people.team, people["editor"], "Farm", DRAWN | {"topology": DRAWN["topology"] | {"edges": edges}}
    )
    client, before = client_of("editor"), design.body["topology"]
    page = client.get(f"/networks/{design.pk}/draw")
    sheet = page.context["sheet"]
    html = page.content.decode()
    assert 'value="cable of ours"' in html
    data = posted(sheet.nodes, sheet.edges, own=sheet.own_json, name="Farm", version="1")
    assert client.post(f"/networks/{design.pk}/draw", data).status_code == 302
    design.refresh_from_db()
    after = design.body["topology"]
    assert [node | {"role": node.get("role", "devices")} for node in before["nodes"]] == after["nodes"]
    assert [edge.get("down_link") for edge in after["edges"]] == ["wan_fibre", None, None]
    figures = after["edges"][1]["link"]
    assert (figures["name"], figures["up_rate"]["value"]) == ("cable of ours", 1e6)
    old = client.post(f"/networks/{design.pk}/draw", data)
    assert (old.status_code, "somebody changed it" in old.content.decode()) == (409, True)


def test_another_topology_is_taken_device_by_device(client_of: SignIn, people: People) -> None:
    design = create("networks", people.team, people["editor"], "Ring", {"topology": {"kind": "ring"}, "backhaul": None})
    create("fleets", people.team, people["editor"], "Four", {"groups": [{"name": "boards", "count": 4}]})
    page = client_of("editor").get(f"/networks/{design.pk}/draw")
    assert "turns topology ring into custom" in page.content.decode()
    sheet: Sheet = page.context["sheet"]
    assert [row["name"] for row in sheet.nodes] == ["server", *(f"device:{k}" for k in range(4))]
    assert len({(row["x"], row["y"]) for row in sheet.nodes}) == 5
    assert len(sheet.edges) == 5


def test_rows_are_added_and_removed_without_scripts(client_of: SignIn) -> None:
    client = client_of("editor")
    page = client.post("/networks/draw", posted([SERVER, FIELD], [WIRE], _edit="add-node"))
    assert [row["name"] for row in page.context["sheet"].nodes] == ["cloud", "field", ""]
    page = client.post("/networks/draw", posted([SERVER, FIELD], [WIRE], _edit="remove-edge:0"))
    assert page.context["sheet"].edges == []
    assert client.post("/networks/draw", posted([], [], _edit="remove-node:9")).status_code == 200


@pytest.mark.parametrize(
    ("nodes", "edges", "more", "said"),
    [
        ([FIELD], [], {}, "should hold one node of role server"),
        ([SERVER, FIELD | {"number": "x"}], [WIRE], {}, "should be a whole number from 0; given: &#x27;x&#x27;"),
        ([SERVER | {"x": "101"}, FIELD], [WIRE], {}, "should be a number from 0 to 100"),
        ([SERVER, FIELD], [WIRE | {"link": "wifi99"}], {}, "no link of the catalogue"),
        ([SERVER, FIELD], [WIRE], {"name": ""}, "a name has 1 to 120 characters"),
        ([SERVER, FIELD], [WIRE], {"routes": "fast"}, "topology.routes"),
        ([SERVER] * 301, [], {}, "up to 300 are drawn by hand"),
        ([SERVER, FIELD], [WIRE], {"own": "[" * 100_000}, ""),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_lost(
    client_of: SignIn, nodes: list[dict[str, str]], edges: list[dict[str, str]], more: dict[str, str], said: str
) -> None:
    answer = client_of("editor").post("/networks/draw", posted(nodes, edges, **more))
    if not said:
        assert answer.status_code == 302
        return
    html = answer.content.decode()
    assert answer.status_code == 422
    assert said in html
    if len(nodes) < 301:
        assert [row["name"] for row in answer.context["sheet"].nodes] == [node["name"] for node in nodes]


@pytest.mark.slow
def test_what_is_too_large_for_the_board_is_said(client_of: SignIn, people: People) -> None:
    create("fleets", people.team, people["editor"], "Many", {"groups": [{"name": "boards", "count": 900}]})
    design = create("networks", people.team, people["editor"], "Star", {"links": {"boards": "wifi4_linux"}})
    answer = client_of("editor").get(f"/networks/{design.pk}/draw", follow=True)
    assert "up to 300 are drawn by hand" in answer.content.decode()
