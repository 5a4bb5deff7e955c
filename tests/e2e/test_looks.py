"""Every page, full, in both themes and at both widths: nothing that axe or the console complains about."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.inside import run_inside
from tests.e2e.looks import judge, judge_all
from tests.e2e.rest import Rest, Team
from tests.environment import ROOT
from tests.launcher.platform import Platform

OpenPage = Callable[..., Page]

UNHAPPY = """
from tests.webapp.comparison.study import FEDAVG, make_experiment, run_of
from webapp.experiments.models import RunState
from webapp.teams.models import Team
experiment = make_experiment(Team.objects.get(slug=sys.argv[1]), [FEDAVG], range(3), name="Not everything ends well")
failure = {
    "code": "data_unavailable",
    "message": "the data set mnist is not on this machine and could not be fetched",
    "remedy": "Put train-images-idx3-ubyte.gz into the folder that EDGELOOM_DATA names, then resume.",
    "log_tail": ["fetching train-images-idx3-ubyte.gz", "no answer from any of 3 addresses"],
    "trace": "Traceback (most recent call last):\\n  DataUnavailable: mnist",
}
for seed, state in enumerate((RunState.FAILED, RunState.CANCELLED, RunState.PAUSED)):
    run = run_of(experiment, 0, seed)
    run.state, run.failure = state, failure if state == RunState.FAILED else None
    run.save()
print(experiment.pk, run_of(experiment, 0, 0).pk, run_of(experiment, 0, 2).pk)
"""
"""An experiment whose runs failed, were cancelled and pause, as workers leave them."""


ALWAYS = [
    ("home", "/"),
    ("fleets", "/fleets/"),
    ("fleet-new", "/fleets/new"),
    ("networks", "/networks/"),
    ("network-new", "/networks/new"),
    ("tasks", "/tasks/"),
    ("task-new", "/tasks/new"),
    ("experiments", "/experiments/"),
    ("experiment-new", "/experiments/new"),
    ("experiment-gallery", "/experiments/new?gallery=fedmax"),
    ("runs", "/runs/"),
    ("catalogue", "/catalogue/"),
    ("devices", "/catalogue/devices/"),
    ("device", "/catalogue/devices/rpi_4b_4gb/"),
    ("prediction", "/catalogue/devices/compute-time"),
    ("simulator", "/simulator/"),
    ("links", "/catalogue/links/"),
    ("models", "/catalogue/models/"),
    ("strategies", "/catalogue/strategies/"),
    ("strategy", "/catalogue/strategies/fedmax/"),
    ("tokens", "/account/tokens/"),
    ("password", "/accounts/password/set/"),
    ("sign-out", "/accounts/logout/"),
    ("trash", "/trash/"),
    ("system", "/system/"),
    ("rest", "/api/v1/docs"),
]
"""Pages that are at the same address on every platform."""


@pytest.fixture(scope="module")
def pages(platform: Platform, team: Team, rest: Rest) -> list[tuple[str, str]]:
    """Name and address of every page, full of something."""
    fleet = rest.save("fleets", "Boards", {"groups": [{"name": "boards", "count": 12}]})
    network = rest.save("networks", "Wi-Fi", {"links": {"boards": "wifi4_linux"}})
    task = rest.save("tasks", "Digits", {"kind": "federated", "dataset": {"kind": "digits"}})
    text = (ROOT / "examples" / "fedmax-vs-fedavg.yaml").read_text().replace("rounds: 40", "rounds: 8")
    experiment = rest.submit(text, launch=True)
    runs = rest.wait_for_runs(experiment["id"], {"done"})
    draft = rest.submit(text.replace("name: FedMAX", "name: A draft of FedMAX"))
    unhappy, failed, paused = run_inside(platform, UNHAPPY, team.slug)
    for number in range(3):
        old = rest.save("fleets", f"Boards of year {number + 1}", {"groups": [{"name": "boards", "count": 12}]})
        rest.delete(f"/fleets/{old['id']}")
    (trashed, *_) = rest.get("/trash")["items"]
    return [
        *ALWAYS,
        ("fleet", f"/fleets/{fleet['id']}/"),
        ("fleet-edit", f"/fleets/{fleet['id']}/edit"),
        ("fleet-delete", f"/fleets/{fleet['id']}/delete"),
        ("network", f"/networks/{network['id']}/"),
        ("network-edit", f"/networks/{network['id']}/edit"),
        ("task", f"/tasks/{task['id']}/"),
        ("task-edit", f"/tasks/{task['id']}/edit"),
        ("experiment-clone", f"/experiments/new?clone={experiment['id']}"),
        ("experiment", f"/experiments/{experiment['id']}/"),
        ("experiment-draft", f"/experiments/{draft['id']}/"),
        ("experiment-delete", f"/experiments/{experiment['id']}/delete"),
        ("experiment-unhappy", f"/experiments/{unhappy}/"),
        ("run-failed", f"/runs/{failed}/"),
        ("run-paused", f"/runs/{paused}/"),
        ("run", f"/runs/{runs[0]['id']}/"),
        ("trash-delete", f"/trash/{trashed['id']}/delete"),
    ]


def test_full_pages_pass(open_page: OpenPage, pages: list[tuple[str, str]]) -> None:
    page = open_page("/")
    problems = judge_all(page, page.url.rstrip("/"), pages)
    assert not problems, "\n".join(problems)


def test_forms_that_were_refused_pass(browser: Browser, session: Any, base: str) -> None:
    context = browser.new_context(storage_state=session)  # browsers report a 422 as an error on the console
    page = context.new_page()
    page.goto(f"{base}/fleets/new")
    page.locator("#f-fleet-groups-0-count").fill("-3")
    page.get_by_role("button", name="Save fleet").click()
    expect(page.locator("#problems")).to_be_visible()
    problems = judge(page, "fleet-refused")
    page.get_by_role("button", name="YAML").click()
    expect(page.locator("#f-yaml")).to_be_visible()
    problems += judge(page, "fleet-yaml")
    page.locator("#f-yaml").fill("groups: [")
    page.get_by_role("button", name="Save fleet").click()
    expect(page.locator("#problems")).to_be_visible()
    problems += judge(page, "fleet-yaml-refused")
    context.close()
    assert not problems, "\n".join(problems)


def test_pages_of_errors_pass(browser: Browser, session: Any, base: str) -> None:
    context = browser.new_context(storage_state=session)
    page, problems = context.new_page(), []
    page.goto(f"{base}/nowhere/")
    expect(page.get_by_role("heading", level=1)).to_have_text("There is nothing here")
    problems += judge(page, "nothing-here")
    page.set_content(f'<form method="post" action="{base}/accounts/login/"><button>Send</button></form>')
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/accounts/login/")
    problems += judge(page, "form-refused")
    context.close()
    assert not problems, "\n".join(problems)


def test_pages_before_signing_in_pass(browser: Browser, base: str) -> None:
    page = browser.new_page()
    problems = judge_all(
        page, base,
        (("login", "/accounts/login/"), ("link", "/sign-in/nothing/"), ("reset", "/accounts/password/reset/")),
    )  # fmt: skip
    page.goto(f"{base}/sign-in/nothing/")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("has been used or has expired")
    problems += judge(page, "link-spent")
    page.goto(f"{base}/accounts/login/")
    page.get_by_label("Email").fill("nobody@example.org")
    page.get_by_label("Password").fill("not a password of anybody")
    page.get_by_label("Password").press("Enter")
    expect(page.locator(".problem").first).to_be_visible()
    problems += judge(page, "login-refused")
    page.close()
    assert not problems, "\n".join(problems)
