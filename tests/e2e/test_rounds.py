"""The network of a run, round by round, in a real browser: while it works and afterwards, small and large."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.looks import judge
from tests.e2e.rest import Rest

OpenPage = Callable[..., Page]

SMALL = """\
name: Boards that fail
fleet: {groups: [{name: boards, count: 10, availability: {kind: markov, mean_up: 4, mean_down: 2}}]}
task:
  kind: federated
  dataset: {kind: digits}
  model: {kind: mlp, hidden: [16]}
  sampler: {kind: uniform, num_clients: 3}
  rounds: 30
"""

LARGE = """\
name: Many sensors
fleet: {groups: [{name: boards, count: 300}, {name: sensors, device: rpi_3bplus, count: 600}]}
network: {topology: {kind: hierarchical, gateways: 4}}
task:
  kind: federated
  dataset: {kind: synthetic, num_clients: 900}
  model: {kind: mlp, hidden: [8]}
  sampler: {kind: uniform, num_clients: 40}
  rounds: 4
"""


@pytest.fixture(scope="module")
def runs(rest: Rest) -> dict[str, Any]:
    """A finished run of each fleet."""
    made = {name: rest.submit(text, launch=True) for name, text in (("small", SMALL), ("large", LARGE))}
    return {name: rest.wait_for_runs(experiment["id"], {"done"})[0] for name, experiment in made.items()}


def test_the_slider_goes_back_to_any_round(open_page: OpenPage, rest: Rest, runs: dict[str, Any]) -> None:
    run = runs["small"]["id"]
    page = open_page(f"/runs/{run}/")
    expect(page.locator("#net-round")).to_have_text(", round 30")
    expect(page.locator("#net-said")).to_contain_text("took part")
    rounds = [rest.get(f"/runs/{run}/rounds/{number}") for number in (30, 29, 1)]
    for place, found in enumerate(rounds):
        if place == 1:
            page.get_by_label("Round", exact=True).press("ArrowLeft")
        if place == 2:
            page.get_by_label("Round", exact=True).press("Home")
        expect(page.locator("#net-round")).to_have_text(f", round {found['round']}")
        for state, shown in (("active", "took part"), ("dropped", "away")):
            expect(page.locator(f"#network .node.{state}")).to_have_count(found["counts"][shown])
        # the hub reaches the server, and every device that took part the hub
        expect(page.locator("#network .edge.active")).to_have_count(found["counts"]["took part"] + 1)
    expect(page.get_by_role("button", name="Latest")).to_have_attribute("aria-pressed", "false")
    page.get_by_text("Show as table").first.click()
    expect(page.locator("#edge-table tbody tr")).to_have_count(rounds[-1]["counts"]["took part"] + 1)
    expect(page.locator("#net-table caption")).to_contain_text("round 1;")
    page.get_by_role("button", name="Latest").click()
    expect(page.locator("#net-round")).to_have_text(", round 30")
    away = [
        found
        for found in (rest.get(f"/runs/{run}/rounds/{number}") for number in range(1, 31))
        if found["counts"]["away"]
    ]
    assert away
    page.get_by_label("Round", exact=True).fill(str(away[0]["round"]))
    expect(page.locator("#net-table")).to_contain_text("away: failed")


def test_the_picture_follows_a_run_at_work(open_page: OpenPage, rest: Rest) -> None:
    experiment = rest.submit(SMALL.replace("rounds: 30", "rounds: 4000"), launch=True)
    run = rest.wait_for_runs(experiment["id"], {"running"})[0]["id"]
    page = open_page(f"/runs/{run}/")
    expect(page.locator("#net-said")).to_contain_text("took part", timeout=60_000)
    first = int(page.locator("#net-round").inner_text().removeprefix(", round "))
    page.wait_for_function("number => Number(document.getElementById('round').value) > number", arg=first + 2)
    slider = page.get_by_label("Round", exact=True)
    slider.press("Home")
    expect(page.locator("#net-round")).to_have_text(", round 1")
    page.wait_for_timeout(1500)  # more rounds end meanwhile, and the slider stays where it was put
    expect(page.locator("#net-round")).to_have_text(", round 1")
    rest.post(f"/runs/{run}/cancel")


def test_a_large_fleet_stands_together(open_page: OpenPage, rest: Rest, runs: dict[str, Any]) -> None:
    run = runs["large"]["id"]
    page = open_page(f"/runs/{run}/")
    expect(page.locator("#net-said")).to_contain_text("40 took part, 860 not sampled")
    found = rest.get(f"/runs/{run}/rounds/4")
    assert found["gathered"]
    expect(page.locator("#network .edge.active")).to_have_count(len(found["edges"]))
    page.get_by_text("Show as table").first.click()
    expect(page.locator("#net-table tbody tr")).to_have_count(len(found["nodes"]))


def test_pages_with_networks_pass(open_page: OpenPage, runs: dict[str, Any]) -> None:
    page = open_page(f"/runs/{runs['small']['id']}/")
    problems = []
    for name, run in runs.items():
        page.goto(page.url.partition("/runs/")[0] + f"/runs/{run['id']}/")
        expect(page.locator("#net-said")).to_contain_text("took part")
        page.get_by_text("Show as table").first.click()
        problems += judge(page, f"run-network-{name}")
    assert not problems, "\n".join(problems)
