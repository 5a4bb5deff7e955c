"""The panel of plans in the designer: propose, move a piece, evaluate, keep; a device that is not there."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.rest import Rest

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]

DESIGN = """
version: 1
name: Cameras
seeds: [0]
fleet:
  groups:
    - {name: cameras, device: stm32f746, count: 1}
    - {name: boards, device: rpi_4b_4gb, count: 3}
network: {links: {cameras: wifi4_esp32, boards: wifi4_linux}}
task:
  kind: inference
  dataset: {kind: digits}
  teacher: {kind: train, model: {kind: mlp, hidden: [64]}}
"""


def test_a_piece_is_moved_evaluated_and_kept(open_page: OpenPage, rest: Rest) -> None:
    experiment = rest.submit(DESIGN, launch=False)
    page = open_page(f"/experiments/new?clone={experiment['id']}")
    piece = page.get_by_label("Device of fc1")
    expect(piece).to_be_visible()
    before = page.locator("#planner-draw .plan-devices tbody tr").count()
    piece.select_option(label="boards 3")
    said = page.locator(".planner-said")
    expect(said).to_contain_text("1 piece moved")
    expect(page.get_by_role("button", name="Plan by hand")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#planner-draw .plan-devices tbody tr")).not_to_have_count(before)
    page.get_by_role("button", name="Re-evaluate").click()
    expect(said).to_contain_text("1 piece moved")
    page.get_by_role("button", name="Bandwidth and devices").click()
    expect(page.locator(".winners td")).to_have_count(20, timeout=90_000)
    expect(page.locator("#winners-old")).to_be_hidden()
    count = page.locator("#spec-form input[name='fleet.groups.1.count']")
    keep = page.get_by_role("button", name="Keep this plan in the design")
    count.fill("1")
    count.press("Tab")
    expect(page.locator(".planner-pieces .problem")).to_have_text("The fleet has the devices 0 to 1; given: 3")
    expect(piece).to_have_attribute("aria-invalid", "true")
    expect(keep).to_have_count(0)
    expect(page.locator("#winners-old")).to_be_visible()
    count.fill("3")
    count.press("Tab")
    expect(said).to_contain_text("1 piece moved")
    keep.click()
    expect(page.locator("select[name='task:inference.placer@kind']")).to_have_value("given")
    expect(page.locator(".planner-plans tbody tr").first).to_contain_text("chosen by hand")
    expect(piece.locator("option:checked")).to_have_text("boards 3")
