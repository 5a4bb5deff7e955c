"""The main job by keyboard alone: every stop of the focus is seen, and nothing needs a mouse."""

import re

from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.inside import run_inside
from tests.e2e.keys import Hands
from tests.launcher.platform import Platform

LINK = """
from webapp.system.preparation import sign_in_link
print(sign_in_link(sys.argv[1]))
"""


def test_the_main_job_by_keyboard_alone(browser: Browser, platform: Platform, base: str) -> None:
    (link,) = run_inside(platform, LINK, base)
    page = browser.new_page(viewport={"width": 1366, "height": 860})
    page.set_default_timeout(30_000)
    page.goto(link)
    hands = Hands(page)
    hands.enter(page.get_by_role("button", name="Sign in"))
    page.wait_for_url(f"{base}/")
    make_a_team(hands)
    make_a_fleet(hands)
    make_a_network(hands)
    make_a_task(hands)
    launch(hands)
    watch(hands)
    compare(hands)
    page.close()


def make_a_team(hands: Hands) -> None:
    page = hands.page
    hands.press("Tab", "Enter")
    expect(page.locator("#main")).to_be_focused()
    hands.enter(page.locator(".top details.menu summary").last)
    expect(page.get_by_role("link", name="REST API")).to_be_visible()
    hands.press("Tab", "Escape")
    expect(page.get_by_role("link", name="REST API")).to_be_hidden()
    expect(page.locator(".top details.menu summary").last).to_be_focused()
    hands.enter(page.get_by_role("navigation", name="Main").get_by_role("link", name="Members"))
    page.wait_for_url("**/team/")
    hands.enter(page.get_by_role("link", name="New team"))
    page.wait_for_url("**/team/new")
    hands.reach(page.get_by_label("Name"))
    hands.type("By keyboard")
    hands.press("Enter")
    expect(title(page)).to_have_text("By keyboard")


def make_a_fleet(hands: Hands) -> None:
    page = hands.page
    go(hands, "f", "/fleets/")
    hands.leave("c")
    expect(page.locator("#name")).to_be_focused()
    hands.type("Boards and phones")
    hands.reach(page.locator("#f-fleet-groups-0-name"))
    hands.type("boards")
    hands.reach(page.locator("#f-fleet-groups-0-count"))
    hands.type("6")
    hands.enter(page.get_by_role("button", name="Add to groups"))
    expect(page.locator("#f-fleet-groups-1-name")).to_be_focused()
    hands.type("phones")
    hands.choose(page.locator("#f-fleet-groups-1-device"), "Mid-range phone")
    hands.reach(page.locator("#f-fleet-groups-1-count"))
    hands.type("4")
    hands.press("Control+Enter")
    expect(title(page)).to_have_text("Boards and phones")
    expect(page.locator(".kpi").first).to_contain_text("10")


def make_a_network(hands: Hands) -> None:
    page = hands.page
    go(hands, "n", "/networks/")
    hands.leave("c")
    expect(page.locator("#name")).to_be_focused()
    hands.type("Everything by Wi-Fi")
    hands.enter(page.get_by_role("button", name="Add to links"))
    expect(page.locator("#f-network-links-0-key")).to_be_focused()
    hands.type("phones")
    hands.enter(page.get_by_role("button", name="Remove", exact=False).first)
    expect(page.get_by_role("button", name="Add to links")).to_be_focused()
    hands.press("Control+Enter")
    expect(title(page)).to_have_text("Everything by Wi-Fi")


def make_a_task(hands: Hands) -> None:
    page = hands.page
    go(hands, "t", "/tasks/")
    hands.leave("c")
    expect(page.locator("#name")).to_be_focused()
    hands.type("Digits, few rounds")
    hands.choose(page.locator("#f-task-federated-dataset-kind"), "digits")
    hands.choose(page.locator("#f-task-federated-sampler-kind"), "uniform")
    hands.reach(page.locator("#f-task-federated-sampler-uniform-num-clients"))
    hands.type("4")
    hands.reach(page.locator("#f-task-federated-rounds"))
    hands.type("8")
    hands.press("Enter")
    expect(title(page)).to_have_text("Digits, few rounds")


def launch(hands: Hands) -> None:
    page = hands.page
    go(hands, "e", "/experiments/")
    hands.leave("c")
    page.wait_for_url("**/experiments/new")
    hands.reach(page.locator("#f-name"))
    hands.type("FedAvg against FedMAX")
    hands.reach(page.locator("#f-seeds"))
    hands.type("0..1")
    hands.enter(page.get_by_role("button", name="Vary a field"))
    expect(page.locator("#f-sweep-0-path")).to_be_focused()
    page.keyboard.type("task.strategy")
    for name in ("fedavg", "fedmax"):
        hands.enter(page.get_by_role("button", name=name, exact=True))
        expect(page.locator("#f-sweep-0-path-values")).to_have_value(re.compile(rf"kind: {name}\}}$"))
    expect(page.locator("#estimate")).to_contain_text("Simulated time")
    hands.press("Control+Enter")
    page.wait_for_url(re.compile(r"/experiments/[0-9a-f-]{36}/"))


def watch(hands: Hands) -> None:
    page = hands.page
    hands.enter(page.locator("#settings a.cell-run").first)
    page.wait_for_url(re.compile(r"/runs/[0-9a-f-]{36}/"))
    expect(page.locator("#run-head .pill")).to_have_text("Done", timeout=180_000)
    expect(page.locator("#chart canvas")).to_be_visible()
    hands.reach(page.locator("#chart"))
    hands.press("End")
    expect(page.locator("#readout")).to_contain_text("Round 8")
    hands.enter(page.locator("#twin-fold summary"))
    expect(page.locator("#twin tbody tr")).to_have_count(8)


def compare(hands: Hands) -> None:
    page = hands.page
    go(hands, "e", "/experiments/")
    hands.press("j", "Enter")
    page.wait_for_url(re.compile(r"/experiments/[0-9a-f-]{36}/"))
    expect(page.locator("#summary")).to_contain_text("4 of 4 runs done", timeout=180_000)
    hands.enter(page.get_by_role("link", name="Compare", exact=True).last)
    page.wait_for_url("**/compare?cells=*")
    expect(title(page)).to_have_text("Compare 2 settings")
    hands.enter(page.get_by_role("link", name="Joules"))
    page.wait_for_url("**x=joules*")
    expect(page.locator("#x-joules")).to_be_focused()  # the new page has come, and hands are where they were
    expect(page.locator("#chart canvas")).to_be_visible()
    hands.reach(page.locator("#chart"))
    hands.press("End")
    expect(page.locator("#readout")).to_contain_text("fedmax")
    hands.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    hands.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def go(hands: Hands, key: str, path: str) -> None:
    """By the two keys of a section."""
    hands.leave("g", key)
    hands.page.wait_for_url(f"**{path}")


def title(page: Page) -> Locator:
    """The first heading."""
    return page.get_by_role("heading", level=1)
