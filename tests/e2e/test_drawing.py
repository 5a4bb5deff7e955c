"""Networks drawn by hand: with keys alone, with a pointer, on a phone; what is saved is what was drawn."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.looks import judge
from tests.e2e.rest import Rest
from tests.webapp.library.drawings import DRAWN

OpenPage = Callable[..., Page]


def body_of(rest: Rest, page: Page) -> Any:
    """The topology of the network whose page is open."""
    found = re.search(r"/networks/([0-9a-f-]{36})/$", page.url)
    assert found, page.url
    return rest.get(f"/networks/{found[1]}")["body"]["topology"]


def test_a_network_is_drawn_with_keys_alone(open_page: OpenPage, rest: Rest) -> None:
    page = open_page("/networks/draw")
    page.get_by_label("Name", exact=True).fill("By keys")
    page.get_by_role("button", name="Add gateway").press("Enter")
    page.get_by_role("button", name="gateway 1, gateway").focus()
    said = page.locator("[data-said]")
    expect(said).to_have_text("Added gateway 1")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("l")
    expect(said).to_have_text("Choose what gateway 1 is connected to")
    while page.evaluate("document.activeElement.getAttribute('aria-label')").split(",")[0] != "gateway":
        page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(said).to_have_text("Connected gateway 1 and gateway")
    page.locator("[data-inspector]").get_by_label("Link", exact=True).fill("wan_fibre")
    page.get_by_role("button", name="boards, devices").focus()
    page.keyboard.press("PageDown")
    assert "boards to gateway" in page.evaluate("document.activeElement.getAttribute('aria-label')")
    page.keyboard.press("Delete")
    expect(said).to_have_text("Removed the connection")
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/networks/*-*/")
    topology = body_of(rest, page)
    assert [node["name"] for node in topology["nodes"]] == ["server", "gateway", "boards", "gateway 1"]
    assert topology["edges"][-1] == {"start": "gateway 1", "end": "gateway", "link": "wan_fibre"}
    assert len(topology["edges"]) == 3


@pytest.mark.parametrize("width", [1366, 390])
def test_nodes_are_moved_connected_and_renamed_by_pointer(open_page: OpenPage, rest: Rest, width: int) -> None:
    network = rest.save("networks", f"Farm {width}", DRAWN)
    page = open_page(f"/networks/{network['id']}/draw", width=width)
    shed = page.get_by_role("button", name="shed, devices")
    shed.scroll_into_view_if_needed()
    box = shed.locator(".reach").bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + 30, middle[1] - 20, steps=4)
    page.mouse.up()
    page.locator("[data-inspector]").get_by_label("Name").fill("barn")
    page.get_by_role("button", name="Connect", exact=True).click()
    page.get_by_role("button", name="gate post, devices").locator(".reach").click()
    expect(page.locator("[data-said]")).to_have_text("Connected barn and gate post")
    page.get_by_role("button", name="Save network").first.click()
    page.wait_for_url("**/networks/*-*/")
    topology = body_of(rest, page)
    barn = next(node for node in topology["nodes"] if node["name"] == "barn")
    assert barn["x"] > 0.2
    assert barn["y"] < 0.8
    assert {(edge["start"], edge["end"]) for edge in topology["edges"]} == {
        ("cloud", "roof"),
        ("roof", "barn"),
        ("roof", "gate post"),
        ("barn", "gate post"),
    }


def test_the_pages_pass(open_page: OpenPage, rest: Rest) -> None:
    network = rest.save("networks", "Farm", DRAWN)
    page, problems = open_page("/"), []
    base = page.url.rstrip("/")
    for name, path in (
        ("network-drawn", f"/networks/{network['id']}/"),
        ("network-draw", f"/networks/{network['id']}/draw"),
        ("network-import", "/networks/import"),
    ):
        page.goto(base + path)
        if name == "network-draw":
            page.get_by_role("button", name="roof to gate post").locator(".reach").click(force=True)
        problems += judge(page, name)
    assert not problems, "\n".join(problems)
