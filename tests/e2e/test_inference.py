"""A distributed inference in a real browser: its plans, and devices that are taken away."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.looks import judge
from tests.e2e.rest import Rest

OpenPage = Callable[..., Page]

SPEC = """\
name: Small network of networks
fleet: {groups: [{name: hub, device: rpi_3bplus, count: 1}, {name: boards, device: rpi_3bplus, count: 4}]}
network: {links: {default: wifi4_linux}}
task:
  kind: inference
  dataset: {kind: digits}
  teacher: {kind: train, model: {kind: mlp, hidden: [64]}, training: {epochs: 3, batch_size: 32}}
  splitter: {kind: nonn, num_students: 3, students: [{kind: mlp, hidden: [12]}], num_learned: 60}
  placer: {kind: exhaustive}
  objective: memory
  origin: hub
  training: {steps: 100, batch_size: 64}
  requests: {count: 100, arrivals: poisson, rate_rps: 10}
  failures: {most_lost: 1, renew: false}
"""


@pytest.fixture(scope="module")
def finished(rest: Rest) -> Any:
    """A finished run."""
    return rest.wait_for_runs(rest.submit(SPEC, launch=True)["id"], {"done"})[0]


def bodies(rest: Rest, run: Any, kind: str) -> list[Any]:
    """What the events of a kind say, in order."""
    events = rest.get(f"/runs/{run['id']}/events?after=0&limit=1000")["items"]
    return [event["body"] for event in events if event["kind"] == kind]


def percent(share: float) -> str:
    """A share as pages write it."""
    return f"{100 * share:.1f}\u202f%"


def test_plans_are_drawn_and_devices_are_taken_away(open_page: OpenPage, rest: Rest, finished: Any) -> None:
    page = open_page(f"/runs/{finished['id']}/")
    (failures,) = bodies(rest, finished, "failures")
    plan = bodies(rest, finished, "plan")[-1]
    said, rows = page.locator("#plan-said"), page.locator("[data-stages] tr")
    expect(rows).to_have_count(len(plan["stages"]))
    page.get_by_role("button", name="All on the best device").click()
    expect(said).to_contain_text("of the plan that is carried out")
    expect(page.locator(".plan-node.computes")).to_have_count(2)  # one has all students, the hub joins them
    page.get_by_role("button", name="Plan", exact=True).click()
    first, second = [loss for loss in failures["losses"] if len(loss["devices"]) == 1][:2]
    (device,) = first["devices"]
    page.locator(f".plan-node[data-node='{device}'] .node").click()
    expect(said).to_contain_text(f"accuracy {percent(first['accuracy'])}")
    expect(rows).to_have_count(sum(one >= 0 for one in first["device_of"]))
    expect(page.get_by_role("checkbox", name=f"boards {device} is lost")).to_be_checked()
    for share in first["shares"]:
        row = page.locator(
            ".plan-devices tbody tr", has_text="hub" if share["device"] == 0 else f"boards {share['device']}"
        )
        expect(row.locator(".bar + .note")).to_contain_text(" of ")
        expect(row.locator("td").last).to_contain_text("J")
    other = page.get_by_role("checkbox", name=f"boards {second['devices'][0]} is lost")
    other.focus()
    page.keyboard.press("Space")
    expect(said).to_contain_text("not computed: the run tried every loss of up to 1 device")
    expect(other).to_be_focused()
    page.get_by_role("button", name="All devices back").click()
    expect(page.locator(".plan-node.lost")).to_have_count(0)


def test_pages_pass(open_page: OpenPage, finished: Any) -> None:
    page = open_page(f"/runs/{finished['id']}/")
    expect(page.locator("#chart-losses .uplot")).to_be_visible()
    problems = judge(page, "inference-run")
    page.goto(f"{page.url.split('/runs/')[0]}/experiments/{finished['experiment']}/")
    expect(page.get_by_role("heading", name="Plans by setting")).to_be_visible()
    problems += judge(page, "inference-experiment")
    page.goto(f"{page.url.split('/experiments/')[0]}/compare?cells={finished['experiment']}")
    expect(page.locator("#chart canvas")).to_be_visible()
    problems += judge(page, "inference-compare")
    assert not problems, "\n".join(problems)
