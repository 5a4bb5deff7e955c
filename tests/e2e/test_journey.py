"""The main job from end to end: design in the browser, watch it live, and get the numbers that everybody else gets."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.rest import Rest
from tests.environment import ROOT

OpenPage = Callable[..., Page]
ROUNDS = 60


@pytest.fixture(scope="module")
def journal() -> dict[str, str]:
    """Addresses that later steps of the journey go on from."""
    return {}


def test_a_fleet_a_network_and_a_task_are_made_by_form(open_page: OpenPage) -> None:
    page = open_page("/")
    page.get_by_role("link", name="Save a fleet first").click()
    page.get_by_label("Name", exact=True).first.fill("Boards and phones")
    page.locator("#f-fleet-groups-0-name").fill("boards")
    page.locator("#f-fleet-groups-0-count").fill("6")
    page.get_by_role("button", name="Add to groups").click()
    page.locator("#f-fleet-groups-1-name").fill("phones")
    page.locator("#f-fleet-groups-1-device").select_option("phone_mid_sd765g")
    page.locator("#f-fleet-groups-1-count").fill("4")
    expect(page.locator("#f-fleet-groups-0-count")).to_have_value("6")
    page.get_by_role("button", name="Save fleet").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Boards and phones")
    expect(page.locator(".kpi").first).to_contain_text("10")

    page.goto(page.url.split("/fleets")[0] + "/networks/new")
    page.locator("#name").fill("Wi-Fi and LTE")
    page.get_by_role("button", name="Add to links").click()
    page.locator("#f-network-links-0-key").fill("phones")
    page.locator("#f-network-links-0").select_option("lte4g_modern")
    page.get_by_role("button", name="Save network").click()
    expect(page.locator("svg.network [data-node]")).to_have_count(11)  # ten devices and the hub

    page.goto(page.url.split("/networks")[0] + "/tasks/new")
    page.locator("#name").fill("Digits, two classes each")
    page.locator("#f-task-federated-dataset-kind").select_option("digits")
    page.locator("#f-task-federated-partition-kind").select_option("shards")
    expect(page.locator("#f-task-federated-partition-shards-classes-per-client")).to_be_visible()
    page.locator("#f-task-federated-sampler-kind").select_option("uniform")
    page.locator("#f-task-federated-sampler-uniform-num-clients").fill("4")
    page.locator("#f-task-federated-local-epochs").fill("150")  # long enough to be looked at
    page.locator("#f-task-federated-rounds").fill(str(ROUNDS))
    page.get_by_role("button", name="Save task").click()
    expect(page.get_by_role("link", name="shards")).to_be_visible()


def test_an_experiment_is_launched_and_its_chart_moves_before_it_ends(
    open_page: OpenPage, journal: dict[str, str]
) -> None:
    page = open_page("/experiments/new")
    page.locator("#f-name").fill("FedAvg against FedMAX")
    page.locator("#f-seeds").fill("0..1")
    page.get_by_role("button", name="Vary a field").click()
    page.locator("#f-sweep-0-path").fill("task.strategy")
    page.locator("#f-sweep-0-path").press("Tab")
    page.get_by_role("button", name="fedavg", exact=True).click()
    page.get_by_role("button", name="fedmax", exact=True).click()
    expect(page.locator("#f-sweep-0-path-values")).to_have_value("{kind: fedavg}\n{kind: fedmax}")
    expect(page.locator("#estimate")).to_contain_text("Simulated time")
    expect(page.locator("#estimate")).to_contain_text("2 settings")
    page.get_by_role("button", name="Launch").click()
    page.wait_for_url(re.compile(r"/experiments/[0-9a-f-]{36}/"))
    journal["experiment"] = page.url.rstrip("/").rsplit("/", 1)[-1]

    page.locator("#settings .pill.running").first.wait_for(timeout=180_000)
    page.locator("#settings .pill.running").first.click()
    page.wait_for_url(re.compile(r"/runs/[0-9a-f-]{36}/"))
    journal["run"] = page.url.rstrip("/").rsplit("/", 1)[-1]
    page.get_by_text("Show as table").nth(1).click()
    rows = page.locator("#twin tbody tr")
    expect(rows.first).to_be_visible(timeout=180_000)
    before = rows.count()
    expect(page.locator("#run-head .pill")).to_have_text("Running")
    expect(rows).not_to_have_count(before, timeout=60_000)
    assert page.locator("#run-head .pill").inner_text() == "Running", "the curve moved while the run was at work"
    expect(page.locator("#live")).to_have_attribute("data-state", "live")
    expect(page.locator("svg.network .node.active").first).to_be_visible()


def test_a_reload_in_the_middle_loses_nothing(open_page: OpenPage, journal: dict[str, str], rest: Rest) -> None:
    page = open_page(f"/runs/{journal['run']}/")
    page.reload()
    expect(page.locator("#run-head .pill")).to_have_text("Done", timeout=300_000)
    page.get_by_text("Show as table").nth(1).click()
    expect(page.locator("#twin tbody tr")).to_have_count(ROUNDS)
    shown = page.locator("#twin tbody tr td:first-child").all_inner_texts()
    assert [int(text) for text in shown] == list(range(1, ROUNDS + 1))
    events = rest.get(f"/runs/{journal['run']}/events?after=0&limit=1000")["items"]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))


def test_page_rest_and_command_line_give_the_same_numbers(
    open_page: OpenPage, journal: dict[str, str], rest: Rest, tmp_path: Path
) -> None:
    rest.end_all_runs()  # the others would only take the cores
    experiment = rest.get(f"/experiments/{journal['experiment']}")
    spec = tmp_path / "spec.yaml"
    spec.write_text(experiment["text"] if "text" in experiment else json.dumps(experiment["spec"]))
    run = rest.get(f"/runs/{journal['run']}")
    headless = tmp_path / "headless"
    command = [
        sys.executable,
        "-m",
        "engine",
        "run",
        str(spec),
        "--out",
        str(headless),
        "--set",
        f"seeds=[{run['seed']}]",
    ]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True, timeout=300)
    cells = json.loads((headless / "result.json").read_text())["cells"]
    page = open_page(f"/runs/{journal['run']}/")
    title = page.locator("h1").inner_text()
    (cell,) = [cell for cell in cells if title.endswith(cell["label"])]
    for name in ("accuracy", "loss"):
        assert run["result"]["metrics"][name] == cell["metrics"][name]["mean"], name
    for name in ("time_s", "energy_j", "bytes_up", "bytes_down"):
        assert run["result"]["costs"][name] == cell["costs"][name], name
    shown = page.locator("[data-kpi=accuracy]").inner_text()
    assert shown.replace("\u202f", "").replace("%", "").strip() == f"{100 * cell['metrics']['accuracy']['mean']:.1f}"
