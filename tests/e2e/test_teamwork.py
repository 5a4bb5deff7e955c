"""Working together, in real browsers: a link for a guest's phone, people who come and go, notes, versions."""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.keys import follow
from tests.e2e.looks import judge, judge_all
from tests.e2e.rest import Rest, Team

OpenPage = Callable[..., Page]
PASSWORD = "correct horse battery"
SPEC = """\
version: 1
name: Shared while it runs
seeds: [0]
fleet: {groups: [{name: boards, count: 20}]}
task:
  kind: federated
  dataset: {kind: digits}
  partition: {kind: iid}
  model: {kind: mlp, hidden: [64]}
  sampler: {kind: uniform, num_clients: 10}
  local: {epochs: 5}
  rounds: 4000
"""


@pytest.fixture(scope="module")
def working(rest: Rest) -> Iterator[dict[str, str]]:
    """An experiment whose run works for as long as the tests of this file need."""
    experiment = rest.submit(SPEC, launch=True)
    (run,) = rest.wait_for_runs(experiment["id"], {"running"})
    deadline = time.monotonic() + 240
    while not rest.get(f"/runs/{run['id']}")["progress"]["done"]:
        assert time.monotonic() < deadline, "the run does not get on"
        time.sleep(0.5)
    yield {"experiment": experiment["id"], "run": run["id"]}
    rest.post(f"/runs/{run['id']}/cancel")


@pytest.fixture
def guest(browser: Browser) -> Iterator[OpenPage]:
    """Opens pages in windows of somebody who never signed in."""
    contexts: list[BrowserContext] = []

    def open_(address: str, *, width: int = 390, scheme: Any = "light") -> Page:
        viewport: Any = {"width": width, "height": 780}
        context = browser.new_context(viewport=viewport, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.goto(address)
        return page

    yield open_
    for context in contexts:
        context.close()


def make_link(open_page: OpenPage, experiment: str, scope: str) -> str:
    """Share by the page, as an owner does it by keyboard."""
    page = open_page(f"/experiments/{experiment}/")
    follow(page.get_by_role("link", name="Share", exact=True))
    page.get_by_label("What it shows").select_option(scope)
    page.get_by_label("For whom").fill(f"a guest ({scope})")
    page.get_by_label("For whom").press("Control+Enter")
    return page.locator("#address").inner_text()


def invite(open_page: OpenPage, role: str) -> str:
    page = open_page("/team/")
    page.get_by_role("link", name="Invite people").press("Enter")
    page.get_by_label("Role").select_option(role)
    page.get_by_role("button", name="Make invitation").press("Enter")
    return page.locator("#address").inner_text()


def join(guest: OpenPage, team: Team, email: str, address: str) -> Page:
    page = guest(address, width=1366)
    page.get_by_label("Email address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make an account and join").press("Enter")
    expect(page.locator(".message.success")).to_contain_text(f"You are in {team.name} now.")
    return page


def see_a_later_round(page: Page, limit_s: float) -> None:
    """Wait until the table of the curves ends with another round; their number stays once a long series is thinned."""
    last = page.locator("#twin tbody tr:last-child td:first-child")
    expect(last).to_be_visible()
    expect(last).not_to_have_text(last.inner_text(), timeout=1000 * limit_s)


def test_a_guest_watches_a_run_on_a_phone_until_the_link_is_ended(
    open_page: OpenPage, guest: OpenPage, working: dict[str, str]
) -> None:
    address = make_link(open_page, working["experiment"], "runs")
    page = guest(address)
    expect(page.get_by_role("heading", level=1)).to_have_text("Shared while it runs")
    expect(page.locator("#live")).to_have_attribute("data-state", "live")
    page.locator("#settings a.cell-run").press("Enter")
    page.wait_for_url(re.compile(r"/shared/[^/]+/runs/"))
    page.get_by_text("Show as table").nth(1).click()
    see_a_later_round(page, limit_s=30.0)
    expect(page.locator("#live")).to_have_text("live")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")

    page.goto(address)
    base = address.split("/shared/")[0]
    guest_page = page.context.new_page()
    for path in ("/", f"/experiments/{working['experiment']}/", f"/runs/{working['run']}/", "/team/", "/shares/"):
        guest_page.goto(base + path)
        assert "/accounts/login/" in guest_page.url, path
    guest_page.close()

    page.locator("#settings a.cell-run").click()
    expect(page.locator("#live")).to_have_text("live")
    owner = open_page("/shares/")
    owner.get_by_role("button", name="End the link for a guest (runs)").click()
    expect(page.locator("#live")).to_have_text("gone")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("This link was ended")


def test_a_summary_moves_by_polling_and_leads_nowhere(
    open_page: OpenPage, guest: OpenPage, working: dict[str, str]
) -> None:
    page = guest(make_link(open_page, working["experiment"], "summary"))
    expect(page.locator("#live")).to_have_text("live, by polling")
    page.get_by_text("Show as table").click()
    see_a_later_round(page, limit_s=30.0)
    assert page.locator("main a").count() == page.locator("main .seg a").count(), "only the axes can be chosen"


def test_who_is_removed_sees_the_open_page_stop(
    open_page: OpenPage, guest: OpenPage, team: Team, working: dict[str, str]
) -> None:
    page = join(guest, team, "ada@example.org", invite(open_page, "runner"))
    base = page.url.rstrip("/")
    page.goto(f"{base}/runs/{working['run']}/")
    expect(page.locator("#live")).to_have_text("live")
    owner = open_page("/team/")
    owner.get_by_role("combobox", name="Role of ada@example.org").select_option("viewer")
    owner.get_by_role("button", name="Change the role of ada@example.org").press("Enter")
    expect(owner.locator(".message.success")).to_have_text("ada@example.org is viewer now.")
    expect(page.locator("#live")).to_have_text("live")
    owner.get_by_role("link", name="Remove ada@example.org").press("Enter")
    owner.get_by_role("button", name="Remove member").press("Enter")
    expect(owner.locator(".message.success")).to_contain_text(f"is not in {team.name} any more")
    expect(page.locator("#live")).to_have_text("gone")
    page.goto(f"{base}/")
    expect(page.get_by_role("heading", level=1)).to_have_text("You are in no team")
    assert judge(page, "no-team") == []
    page.get_by_role("link", name="Make a team").click()
    page.get_by_label("Name").fill("Ada's own")
    page.get_by_role("button", name="Make team").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Ada's own")
    page.goto(f"{base}/runs/{working['run']}/")
    expect(page.get_by_role("heading", level=1)).to_have_text("There is nothing here")


def test_a_note_is_written_changed_and_deleted_by_keyboard(open_page: OpenPage, working: dict[str, str]) -> None:
    page = open_page(f"/runs/{working['run']}/")
    page.get_by_label("New note").fill("Odd in round 3.\nTry a smaller step.")
    page.get_by_label("New note").press("Control+Enter")
    expect(page.locator(".written-text")).to_have_text("Odd in round 3.\nTry a smaller step.")
    follow(page.get_by_role("link", name="Edit your note"))
    page.get_by_label("Text").fill("Fine after all.")
    page.get_by_label("Text").press("Control+Enter")
    expect(page.locator(".written-text")).to_have_text("Fine after all.")
    page.get_by_role("link", name="Delete the note").press("Enter")
    page.get_by_role("button", name="Delete note").press("Enter")
    expect(page.locator(".written")).to_have_count(0)


def test_an_old_version_comes_back(open_page: OpenPage, rest: Rest) -> None:
    fleet = rest.save("fleets", "Boards of the lab", {"groups": [{"name": "boards", "count": 12}]})
    page = open_page(f"/fleets/{fleet['id']}/edit")
    page.locator("#f-fleet-groups-0-count").fill("30")
    page.get_by_role("button", name="Save fleet").press("Enter")
    page.get_by_role("link", name="Version 2").press("Enter")
    expect(page.locator(".compared .added")).to_contain_text("30")
    page.get_by_role("button", name="Restore version 1").press("Enter")
    expect(page.locator(".message.success")).to_have_text("Version 1 is back, as version 3.")
    expect(page.locator(".kpi").first).to_contain_text("12")
    page.get_by_role("button", name="Clone").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Edit Copy of Boards of the lab")


@pytest.fixture(scope="module")
def pages(rest: Rest, team: Team, working: dict[str, str]) -> list[tuple[str, str]]:
    """Name and address of every page of this file, full of something."""
    rest.post(f"/runs/{working['run']}/notes", {"text": "Accuracy stands still from round 20.\nTry a smaller step."})
    groups = [{"name": "boards", "device": "rpi_4b_4gb", "count": 12}, {"name": "phones", "count": 4}]
    fleet = rest.save("fleets", "Two groups", {"groups": groups[:1]})
    rest.put(f"/fleets/{fleet['id']}", {"name": "Two groups", "body": {"groups": groups}})
    later = "2999-01-01T00:00:00Z"
    rest.post(f"/teams/{team.slug}/invitations", {"role": "editor", "expires_at": later, "max_uses": 5})
    share = {"experiment": working["experiment"], "scope": "artifacts", "name": "the reviewers", "expires_at": later}
    link = rest.post("/shares", share)["url"]
    path = "/shared/" + link.split("/shared/")[1]
    members = rest.get(f"/teams/{team.slug}/members")
    versions = f"/fleets/{fleet['id']}/versions/"
    return [
        ("team", "/team/"),
        ("team-new", "/team/new"),
        ("team-leave", f"/team/members/{members[0]['id']}/remove"),
        ("invitations", "/team/invitations/"),
        ("trail", "/team/trail/"),
        ("shares", "/shares/"),
        ("share-experiment", f"/experiments/{working['experiment']}/share"),
        ("shared", path),
        ("shared-run", f"{path}runs/{working['run']}/"),
        ("versions", versions),
        ("version", f"{versions}1/"),
        ("fleet-versioned", f"/fleets/{fleet['id']}/"),
        ("run-notes", f"/runs/{working['run']}/"),
    ]


def test_pages_of_working_together_pass(open_page: OpenPage, pages: list[tuple[str, str]]) -> None:
    page = open_page("/")
    problems = judge_all(page, page.url.rstrip("/"), pages)
    assert not problems, "\n".join(problems)


def test_the_pages_of_links_pass(open_page: OpenPage, guest: OpenPage) -> None:
    address = invite(open_page, "viewer")
    base = address.split("/join/")[0]
    problems = []
    for name, place in (("join", address), ("join-ended", f"{address[:-9]}x/"), ("share-ended", f"{base}/shared/x/")):
        problems += judge(guest(place), name)
    assert not problems, "\n".join(problems)
