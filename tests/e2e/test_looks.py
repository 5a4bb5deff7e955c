"""Every page, full, in both themes and at both widths: nothing that axe or the console complains about."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.looks import judge
from tests.e2e.rest import Rest
from tests.environment import ROOT

OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def pages(rest: Rest) -> list[tuple[str, str]]:
    """Name and address of every page, full of something."""
    fleet = rest.save("fleets", "Boards", {"groups": [{"name": "boards", "count": 12}]})
    network = rest.save("networks", "Wi-Fi", {"links": {"boards": "wifi4_linux"}})
    task = rest.save("tasks", "Digits", {"kind": "federated", "dataset": {"kind": "digits"}})
    text = (ROOT / "examples" / "fedmax-vs-fedavg.yaml").read_text().replace("rounds: 40", "rounds: 8")
    experiment = rest.submit(text, launch=True)
    runs = rest.wait_for_runs(experiment["id"], {"done"})
    draft = rest.submit(text.replace("name: FedMAX", "name: A draft of FedMAX"))
    return [
        ("home", "/"),
        ("fleets", "/fleets/"),
        ("fleet", f"/fleets/{fleet['id']}/"),
        ("fleet-new", "/fleets/new"),
        ("fleet-edit", f"/fleets/{fleet['id']}/edit"),
        ("fleet-delete", f"/fleets/{fleet['id']}/delete"),
        ("network", f"/networks/{network['id']}/"),
        ("network-edit", f"/networks/{network['id']}/edit"),
        ("task", f"/tasks/{task['id']}/"),
        ("task-edit", f"/tasks/{task['id']}/edit"),
        ("experiments", "/experiments/"),
        ("experiment-new", "/experiments/new"),
        ("experiment-clone", f"/experiments/new?clone={experiment['id']}"),
        ("experiment", f"/experiments/{experiment['id']}/"),
        ("experiment-draft", f"/experiments/{draft['id']}/"),
        ("runs", "/runs/"),
        ("run", f"/runs/{runs[0]['id']}/"),
        ("catalogue", "/catalogue/"),
        ("devices", "/catalogue/devices/"),
        ("device", "/catalogue/devices/rpi_4b_4gb/"),
        ("strategies", "/catalogue/strategies/"),
        ("strategy", "/catalogue/strategies/fedmax/"),
        ("tokens", "/account/tokens/"),
        ("password", "/accounts/password/set/"),
        ("system", "/system/"),
        ("rest", "/api/v1/docs"),
    ]


def test_full_pages_pass(open_page: OpenPage, pages: list[tuple[str, str]]) -> None:
    page, problems = open_page("/"), []
    base = page.url.rstrip("/")
    for name, path in pages:
        page.goto(base + path)
        problems += judge(page, name)
    assert not problems, "\n".join(problems)


def test_pages_before_signing_in_pass(browser: Browser, base: str) -> None:
    page, problems = browser.new_page(), []
    for name, path in (
        ("login", "/accounts/login/"),
        ("spent-link", "/sign-in/nothing/"),
        ("reset", "/accounts/password/reset/"),
    ):
        page.goto(base + path)
        problems += judge(page, name)
    page.close()
    assert not problems, "\n".join(problems)
