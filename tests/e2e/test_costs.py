"""What a run cost, in a real browser: what if, where it went, the network round by round."""

import json
import re
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.looks import judge
from tests.e2e.rest import Rest

OpenPage = Callable[..., Page]

SPEC = """\
name: Boards and phones
fleet:
  groups:
    - {name: boards, device: rpi_4b_4gb, count: 8}
    - {name: phones, device: rpi_3bplus, count: 4}
network: {links: {boards: wifi4_linux, phones: ble5_1m}}
task:
  kind: federated
  dataset: {kind: digits}
  model: {kind: mlp, hidden: [32]}
  sampler: {kind: uniform, num_clients: 5}
  rounds: 12
"""


@pytest.fixture(scope="module")
def run(rest: Rest) -> Any:
    """A finished run of two groups over two links."""
    experiment = rest.submit(SPEC, launch=True)
    return rest.wait_for_runs(experiment["id"], {"done"})[0]


def test_sliders_answer_like_rest(open_page: OpenPage, rest: Rest, run: Any) -> None:
    rest.save("networks", "Faster", {"links": {"default": "wifi6"}})
    page = open_page(f"/runs/{run['id']}/")
    said = page.locator("#what-if-said")
    expect(said).to_contain_text("As it ran")
    slider = page.get_by_label("Bandwidth", exact=True)
    slider.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#wi-bandwidth-out")).to_have_text("× 0.5")
    assert slider.get_attribute("aria-valuetext") == "× 0.5"
    expect(said).to_contain_text("→")
    found = rest.post(f"/runs/{run['id']}/recost", {"bandwidth": 0.5})
    ratio = found["after"]["totals"]["time_s"] / found["before"]["totals"]["time_s"]
    row = page.locator("#what-if-totals tbody tr", has_text="Simulated time")
    assert float(row.locator("td").nth(3).inner_text().removeprefix("× ")) == pytest.approx(ratio, rel=5e-3)
    page.get_by_label("Network", exact=True).select_option(label="Faster")
    expect(row.locator("td").nth(3)).not_to_contain_text(f"{ratio:.2f}")
    page.get_by_text("By link", exact=True).click()
    expect(page.locator("#what-if-links tbody tr").first).to_be_visible()


def test_the_command_says_the_same(open_page: OpenPage, run: Any) -> None:
    page = open_page(f"/runs/{run['id']}/")
    page.locator("fieldset", has_text="phones").get_by_label("Speed").press("ArrowRight")
    page.locator("#what-if summary", has_text="As a command").click()
    command = page.locator("#what-if-curl")
    expect(command).to_contain_text('{"speed":{"phones":1.5}}')
    page.get_by_role("button", name="Copy as curl").first.click()
    copied = page.evaluate("navigator.clipboard.readText()")
    words = subprocess.run(
        ["bash", "-c", f"printf '%s\\n' {copied.removeprefix('curl ')}"], capture_output=True, text=True, check=True
    )
    assert json.loads(words.stdout.splitlines()[-2]) == {"speed": {"phones": 1.5}}
    assert words.stdout.splitlines()[-1].endswith(f"/api/v1/runs/{run['id']}/recost")


def test_what_is_refused_says_why(browser: Browser, session: Any, base: str, run: Any) -> None:
    context = browser.new_context(storage_state=session)  # browsers report a 422 as an error on the console
    page = context.new_page()
    page.goto(f"{base}/runs/{run['id']}/")
    device = page.locator("fieldset", has_text="phones").get_by_label("Device")
    device.select_option(value="stm32g0b1")
    expect(page.locator("#what-if-problems")).to_contain_text(re.compile("memory|speed"))
    page.locator("#what-if").get_by_role("button", name="As it ran").click()
    expect(page.locator("#what-if-problems")).to_be_hidden()
    expect(page.locator("#what-if-said")).to_contain_text("As it ran")
    context.close()


def test_what_is_slid_is_kept(open_page: OpenPage, rest: Rest, run: Any) -> None:
    page = open_page(f"/runs/{run['id']}/")
    page.get_by_label("Latency", exact=True).press("ArrowRight")
    expect(page.locator("#what-if-said")).to_contain_text("→")
    page.locator("#what-if summary", has_text="As a command").click()
    page.get_by_label("Name", exact=True).fill("Later")
    page.get_by_role("button", name="Save as network").click()
    page.locator("#what-if-saved").get_by_role("link", name="Later").click()
    expect(page.get_by_role("heading", name="Later", level=1)).to_be_visible()
    kept = rest.get("/networks?text=Later&fields=body")["items"][0]["body"]
    assert kept == rest.post(f"/runs/{run['id']}/recost", {"latency": 1.5})["network"]


def test_pages_about_costs_pass(open_page: OpenPage, run: Any) -> None:
    page = open_page(f"/runs/{run['id']}/")
    page.get_by_label("Bandwidth", exact=True).press("ArrowLeft")
    expect(page.locator("#what-if-said")).to_contain_text("→")
    problems = judge(page, "run-what-if")
    page.get_by_role("link", name="By term, link and round").click()
    page.get_by_text("Show rounds as table").click()
    problems += judge(page, "run-costs")
    assert not problems, "\n".join(problems)
