"""Comparing in a real browser: choosing by keyboard, reading the curves, pinning, files, and how it all looks."""

import csv
import io
import os
import re
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.inside import run_inside
from tests.e2e.looks import judge
from tests.e2e.rest import Rest, Team
from tests.launcher.platform import Platform

OpenPage = Callable[..., Page]

SCRIPT = """
from tests.webapp.comparison.study import FEDAVG, FEDMAX, FEDPROX, make_study
from webapp.teams.models import Team
team = Team.objects.get(slug=sys.argv[1])
print(make_study(team, [FEDAVG, FEDMAX, FEDPROX], range(5)).pk, make_study(team, [FEDAVG], range(3, 8)).pk)
"""


@pytest.fixture(scope="module")
def studies(platform: Platform, team: Team) -> list[str]:
    """Two finished experiments, written straight into the platform's database."""
    return run_inside(platform, SCRIPT, team.slug)


@pytest.fixture
def address(studies: list[str]) -> str:
    return f"/compare?cells={studies[0]}"


def test_pages_of_comparing_pass(open_page: OpenPage, address: str, studies: list[str]) -> None:
    page = open_page(address)
    base = page.url.split("/compare")[0]
    expect(page.locator("#chart canvas")).to_be_visible()
    page.locator("#clients").scroll_into_view_if_needed()
    expect(page.locator("canvas[data-map]")).to_have_count(3)
    problems = judge(page, "compare")
    page.goto(f"{base}/compare?cells={','.join(studies)}&lines=each&x=time")
    expect(page.locator(".notes")).to_contain_text("only of")
    problems += judge(page, "compare-many")
    page.goto(f"{base}/compare/pick?cells={studies[0]}.1")
    expect(page.locator("[data-count]")).to_have_text("1 selected")
    problems += judge(page, "compare-pick")
    page.goto(f"{base}/experiments/")
    page.locator(".pick input").first.check()
    problems += judge(page, "experiments-selected")
    assert not problems, "\n".join(problems)


def test_settings_are_compared_by_keyboard_alone(open_page: OpenPage, studies: list[str]) -> None:
    page = open_page("/experiments/")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator("#to-compare [data-count]")).to_have_text("2 selected")
    page.keyboard.press("c")
    page.wait_for_url("**/compare?cells=*")
    expect(page.get_by_role("heading", level=1)).to_have_text("Compare 4 settings")
    page.get_by_role("link", name="Joules").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**x=joules*")
    expect(page.locator("#x-joules")).to_be_focused()
    expect(page.locator("#chart canvas")).to_be_visible()
    page.locator("#chart").focus()
    page.keyboard.press("End")
    expect(page.locator("#readout")).to_contain_text("Energy")
    expect(page.locator("#readout")).to_contain_text("n = 5")
    page.keyboard.press("c")
    page.wait_for_url("**/compare/pick*")


def test_axis_metric_and_baseline_live_in_the_address(open_page: OpenPage, address: str) -> None:
    page = open_page(address)
    page.get_by_role("link", name="Time", exact=True).click()
    page.wait_for_url("**x=time*")
    page.locator("#metric").select_option("loss")
    page.wait_for_url("**metric=loss*")
    expect(page.locator("#table-title")).to_have_text("Loss at the end")
    page.locator("tr", has_text="fedmax").get_by_role("link", name="as baseline").click()
    page.wait_for_url("**baseline=*")
    expect(page.locator("tr.baseline")).to_contain_text("fedmax")
    shared = page.url
    page.reload()
    assert page.url == shared
    expect(page.locator("tr.baseline")).to_contain_text("fedmax")
    expect(page.locator("#x-time")).to_have_attribute("aria-current", "true")
    expect(page.locator("#chart canvas")).to_be_visible()
    page.locator("tr", has_text="fedprox").get_by_role("link", name="Remove").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Compare 2 settings")


CHOOSE_AT_ONCE = """() => document.body.addEventListener("htmx:afterSwap", () => setTimeout(() => {
  const list = document.getElementById("metric");
  list.value = "loss";
  list.dispatchEvent(new Event("change", { bubbles: true }));
}), { once: true })"""
"""Somebody who chooses as soon as the new page can be seen, sooner than any later turn of the browser."""


def wait_for(page: Page, condition: Callable[[], bool]) -> None:
    """Let the browser go on until something holds that this process is told."""
    for _ in range(1500):
        if condition():
            return
        page.wait_for_timeout(20)
    raise AssertionError("not within 30 s")


def test_what_the_server_has_just_drawn_hears_at_once(open_page: OpenPage, address: str) -> None:
    page = open_page(address)
    page.evaluate(CHOOSE_AT_ONCE)
    page.get_by_role("link", name="Time", exact=True).click()
    expect(page.locator("#table-title")).to_have_text("Loss at the end")
    expect(page.locator("#x-time")).to_have_attribute("aria-current", "true")


def test_of_two_quick_choices_the_later_one_counts(open_page: OpenPage, address: str) -> None:
    page = open_page(address)
    held: list[Route] = []
    ended: list[str] = []
    page.on("requestfinished", lambda request: ended.append(request.url))
    page.on("requestfailed", lambda request: ended.append(request.url))
    page.route(re.compile("x=time|metric=loss"), lambda route: held.append(route))
    page.get_by_role("link", name="Time", exact=True).click()
    wait_for(page, lambda: len(held) == 1)
    page.locator("#metric").select_option("loss")
    wait_for(page, lambda: len(held) == 2)
    first, second = held
    first.continue_()
    wait_for(page, lambda: first.request.url in ended)
    second.continue_()
    expect(page.locator("#table-title")).to_have_text("Loss at the end")


def test_the_band_is_read_from_the_table_of_the_curves(open_page: OpenPage, address: str) -> None:
    page = open_page(address)
    page.locator("#twin-fold summary").click()
    expect(page.locator("#twin tbody tr")).to_have_count(40)
    last = page.locator("#twin tbody tr").last.locator("td").all_inner_texts()
    table = page.locator("#results tbody tr").first
    assert last[1].replace("\u202f%", "") == table.locator("[data-column=mean]").inner_text()


def test_clients_are_read_by_keyboard(open_page: OpenPage, address: str) -> None:
    page = open_page(address)
    page.locator("#clients").scroll_into_view_if_needed()
    canvas = page.locator("canvas[data-map]").first
    canvas.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#maps-readout")).to_contain_text("device 0, round 2")
    page.get_by_role("link", name="Ready after").click()
    expect(page.locator("#value-time_s")).to_have_attribute("aria-current", "true")
    expect(page.locator("#value-time_s")).to_be_focused()


@pytest.mark.parametrize("width", [1366, 390])
def test_what_has_the_focus_stays_in_sight_when_the_clients_come(open_page: OpenPage, address: str, width: int) -> None:
    page = open_page(address, width=width)
    expect(page.locator("#chart canvas")).to_be_visible()
    held: list[Route] = []
    page.route("**/compare/clients*", lambda route: held.append(route))
    below = page.locator("#comparison").get_by_role("link", name="API tokens")
    below.focus()
    expect(below).to_be_in_viewport()
    wait_for(page, lambda: len(held) == 1)
    held[0].continue_()
    expect(page.locator("canvas[data-map]")).to_have_count(3)
    expect(below).to_be_focused()
    expect(below).to_be_in_viewport(ratio=1.0)
    page.locator("#clients").evaluate("(card) => { card.style.paddingBottom = '1200px'; }")  # a late picture
    expect(below).to_be_in_viewport(ratio=1.0)


def test_the_command_of_the_page_gives_the_table_of_the_page(
    open_page: OpenPage, address: str, rest: Rest, tmp_path: Any
) -> None:
    page = open_page(address)
    page.get_by_role("button", name="Copy as curl").click()
    command = page.evaluate("navigator.clipboard.readText()")
    done = subprocess.run(
        ["bash", "-c", command],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "EDGELOOM_TOKEN": rest.token},
    )
    assert done.returncode == 0, (command, done.stderr)
    page.locator("details.export summary").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename == "comparison-accuracy.csv"
    assert download.value.path().read_text() == done.stdout
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    shown = page.locator("#results [data-column=setting]").all_inner_texts()
    assert [row["setting"] for row in rows] == shown
