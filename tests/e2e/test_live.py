"""Runs at work: the live stream where sockets do not get through and where they break, and a run that is cancelled."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.rest import Rest
from tests.environment import ROOT

ROUNDS = 8
NO_SOCKETS = """
window.WebSocket = class extends EventTarget {
  constructor() {
    super();
    setTimeout(() => this.dispatchEvent(Object.assign(new Event("close"), { code: 1006 })), 5);
  }
  close() {}
};
"""
"""Every handshake fails, as behind a proxy that does not let upgrades through."""


TWO_SHORT_ONE_ENDLESS = """\
version: 1
name: Two short runs and an endless one
fleet: {groups: [{name: boards, count: 10}]}
task: {kind: federated, dataset: {kind: digits}}
sweep:
  task.rounds: [3, 4, 100000]
"""


@pytest.fixture(scope="module")
def run(rest: Rest) -> str:
    """A finished run."""
    text = (ROOT / "examples" / "digits-quick.yaml").read_text().replace("rounds: 30", f"rounds: {ROUNDS}")
    experiment = rest.submit(text.replace("seeds: [0, 1, 2]", "seeds: [11]"), launch=True)
    return str(rest.wait_for_runs(experiment["id"], {"done"})[0]["id"])


def test_polling_shows_the_same_where_a_proxy_blocks_sockets(
    browser: Browser, session: Any, base: str, run: str
) -> None:
    context = browser.new_context(storage_state=session)
    context.add_init_script(NO_SOCKETS)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/events?after=" in request.url else None)
    page.goto(f"{base}/runs/{run}/")
    expect(page.locator("#net-round")).to_have_text(f", round {ROUNDS}", timeout=30_000)
    expect(page.locator("#ledger-note")).to_contain_text(f"Mean of {ROUNDS} rounds")
    assert asked
    context.close()


def test_a_broken_socket_goes_on_where_it_stopped(open_page: Callable[..., Page], run: str) -> None:
    page = open_page("/")
    opened: list[str] = []
    page.on("websocket", lambda socket: opened.append(socket.url))
    is_first = True

    def relay(route: Any) -> None:
        nonlocal is_first
        server = route.connect_to_server()
        if not is_first:
            return
        is_first = False
        count = 0

        def forward(message: str | bytes) -> None:
            nonlocal count
            count += 1
            if count <= 10:
                route.send(message)
            elif count == 11:
                route.close(code=1012)

        server.on_message(forward)

    page.route_web_socket(lambda url: "/ws/runs/" in url, relay)
    page.goto(page.url.rstrip("/") + f"/runs/{run}/")
    expect(page.locator("#ledger-note")).to_contain_text(f"Mean of {ROUNDS} rounds", timeout=30_000)
    page.get_by_text("Show as table").nth(1).click()
    expect(page.locator("#twin tbody tr")).to_have_count(ROUNDS)


def test_one_run_is_cancelled_and_the_others_go_on(open_page: Callable[..., Page], rest: Rest) -> None:
    experiment = rest.submit(TWO_SHORT_ONE_ENDLESS, launch=True)
    runs = rest.get(f"/runs?experiment={experiment['id']}")["items"]
    (endless,) = (run for run in runs if "100000" in run["cell"]["label"])
    page = open_page(f"/runs/{endless['id']}/")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#run-head .pill")).to_have_text("Cancelled", timeout=60_000)
    found = rest.wait_for_runs(experiment["id"], {"done", "cancelled"})
    assert sorted(run["state"] for run in found) == ["cancelled", "done", "done"]
    page = open_page(f"/experiments/{experiment['id']}/")
    expect(page.locator("#summary")).to_contain_text("2 of 3 runs done")
