"""A real platform (server, worker, broker, sockets) and a real browser, shared by all journeys.

Each file works in a team of its own, which is empty at first and whose runs are over when the next file begins. So no
file depends on another one, nor on their order.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.e2e.rest import Rest, Team
from tests.launcher.platform import Platform

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic", "--no-first-run",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip

expect.set_options(timeout=30_000)  # what is expected comes, however busy the machine is

ABORTED = ("htmx:afterRequest,", "htmx:sendAbort,")
"""What htmx says of a request that it gave up for a newer one; of one that failed it says htmx:sendError as well."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs a browser."""
    for item in items:
        if Path(item.fspath).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """One platform for all tests of this folder."""
    platform = Platform(tmp_path_factory.mktemp("platform") / "home")
    try:
        platform.wait_until_ready(300.0)
        yield platform
        platform.stop()
    finally:
        platform.destroy()


@pytest.fixture(scope="session")
def base(platform: Platform) -> str:
    """Address of the platform."""
    return f"http://127.0.0.1:{platform.port}"


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """The system's Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def owner(platform: Platform, base: str, browser: Browser) -> Iterator[BrowserContext]:
    """A window of a user who came in by the link that the platform printed."""
    link = re.search(r"http://\S+/sign-in/\S+/", platform.said())
    assert link, platform.said()
    context = browser.new_context()
    page = context.new_page()
    page.goto(link[0])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{base}/")
    yield context
    context.close()


@pytest.fixture(scope="module")
def team(request: pytest.FixtureRequest, base: str, owner: BrowserContext) -> Iterator[Team]:
    """A new team for the tests of one file; the user's session works in it, and a token of its own reaches it."""
    name = f"Team of {request.path.stem.removeprefix('test_')}"
    page = owner.new_page()
    page.goto(f"{base}/team/new")
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Make team").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    headers = json.loads(page.locator("body").get_attribute("hx-headers") or "{}")
    asked = {"name": "a script", "scopes": ["read", "run", "write", "admin"]}
    answer = page.request.post(f"{base}/api/v1/tokens", data=asked, headers=headers)
    assert answer.ok, answer.text()
    made = answer.json()
    page.close()
    team = Team(name, made["team"], Rest(base, made["secret"]))
    yield team
    team.rest.end_all_runs()


@pytest.fixture(scope="module")
def rest(team: Team) -> Rest:
    """The same team by REST, as a script uses it."""
    return team.rest


@pytest.fixture
def session(team: Team, owner: BrowserContext) -> Any:
    """The cookies of the user, who works in the team of this file."""
    return owner.storage_state()


def is_error(message: ConsoleMessage) -> bool:
    """Whether a console speaks of an error. That a newer request takes the place of one under way is none."""
    return message.type == "error" and not message.text.startswith(ABORTED)


@pytest.fixture
def open_page(browser: Browser, session: Any, base: str) -> Iterator[Callable[..., Page]]:
    """Opens pages in fresh windows; at the end no window may have reported an error of its own."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def open_(path: str = "/", *, width: int = 1366, height: int = 860, scheme: Any = "light", **options: Any) -> Page:
        viewport: Any = {"width": width, "height": height}
        context = browser.new_context(storage_state=session, viewport=viewport, color_scheme=scheme, **options)
        contexts.append(context)
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=base)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(f"{page.url}: {error}"))
        page.on("console", lambda message: errors.append(f"{page.url}: {message.text}") if is_error(message) else None)
        page.set_default_timeout(30_000)
        answer = page.goto(base + path)
        assert answer is not None
        assert answer.ok, (path, answer.status)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert errors == []
