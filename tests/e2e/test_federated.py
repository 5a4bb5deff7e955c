"""Runs with privacy, attackers, encoded messages and late updates, in a real browser: what their pages tell."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.looks import judge
from tests.e2e.rest import Rest

OpenPage = Callable[..., Page]

PLACE = """\
fleet: {groups: [{name: boards, device: rpi_4b_4gb, count: 12}]}
network: {links: {boards: wifi4_linux}}
task:
  kind: federated
  dataset: {kind: digits}
  model: {kind: mlp, hidden: [16]}
  sampler: {kind: uniform, num_clients: 6}
  rounds: 6
"""
PRIVATE = f"""\
name: Private
{PLACE}\
  privacy: {{kind: dp_fedavg, noise_multiplier: 1.0, clip: {{kind: adaptive, count_noise: 0.3}}}}
"""
ATTACKED = f"""\
name: Attacked
{PLACE}\
  strategy: {{kind: fedprox, mu: 0.1}}
  evaluation: {{fairness: true}}
  attack: {{kind: backdoor, fraction: 0.25}}
"""
LATE = f"""\
name: Whoever comes first
{PLACE}\
  scheduler: {{kind: buffered, buffer_size: 3}}
  encoding: {{up: {{kind: top_k, fraction: 0.1}}, error_feedback: true}}
"""


@pytest.fixture(scope="module")
def private(rest: Rest) -> Any:
    """A finished run with differential privacy."""
    return rest.wait_for_runs(rest.submit(PRIVATE, launch=True)["id"], {"done"})[0]


@pytest.fixture(scope="module")
def attacked(rest: Rest) -> Any:
    """A finished run with a backdoor, measured on each client."""
    return rest.wait_for_runs(rest.submit(ATTACKED, launch=True)["id"], {"done"})[0]


@pytest.fixture(scope="module")
def late(rest: Rest) -> Any:
    """A finished asynchronous run with sparse updates."""
    return rest.wait_for_runs(rest.submit(LATE, launch=True)["id"], {"done"})[0]


def values_of(rest: Rest, run: Any, name: str) -> list[float]:
    """A metric by round, as REST tells it."""
    events = rest.get(f"/runs/{run['id']}/events?after=0&limit=1000")["items"]
    return [event["body"]["values"][name] for event in events if event["kind"] == "metrics"]


def test_privacy_is_told_with_its_numbers(open_page: OpenPage, rest: Rest, private: Any) -> None:
    page = open_page(f"/runs/{private['id']}/")
    gauge = page.locator("#privacy-gauge")
    expect(gauge).to_contain_text("ε =")
    spent = values_of(rest, private, "epsilon")
    assert spent == sorted(spent)
    assert float(gauge.locator("meter").evaluate("meter => meter.value")) == pytest.approx(spent[-1])
    for name in ("staleness", "consensus", "attack"):
        assert page.locator(f"#track-{name}").is_hidden(), name


def test_an_attack_is_told_with_its_success(open_page: OpenPage, rest: Rest, attacked: Any) -> None:
    page = open_page(f"/runs/{attacked['id']}/")
    expect(page.locator("#track-attack")).to_contain_text("3 clients are malicious")
    fold = page.locator("#track-attack details")
    fold.locator("summary").click()
    rows = fold.locator("tbody tr")
    expect(rows).to_have_count(6)
    last = values_of(rest, attacked, "attack_success")[-1]
    assert float(rows.last.locator("td").nth(1).inner_text().removesuffix("%").strip()) == pytest.approx(
        100 * last, abs=0.06
    )


def test_methods_stand_with_equation_and_source(open_page: OpenPage, attacked: Any) -> None:
    page = open_page(f"/runs/{attacked['id']}/")
    methods = page.locator(".methods")
    expect(methods).to_contain_text("μ/2")
    expect(methods).to_contain_text("MLSys 2020")
    expect(methods).to_contain_text("Bagdasaryan")
    page.get_by_role("link", name="FedProx").click()
    expect(page.locator("h1")).to_have_text("FedProx")


def test_the_clients_map_reads_who_took_part_and_how_they_fare(open_page: OpenPage, attacked: Any) -> None:
    page = open_page(f"/runs/{attacked['id']}/")
    page.get_by_role("button", name="Accuracy", exact=True).click()
    canvas, said = page.locator("#heat"), page.locator("#heat-readout")
    canvas.focus()
    page.keyboard.press("ArrowRight")
    expect(said).to_contain_text("Round 2, boards 0: accuracy on its own samples")
    page.get_by_role("button", name="Taking part").click()
    canvas.focus()
    page.keyboard.press("ArrowDown")
    expect(said).to_contain_text("Round 2, boards 1:")
    page.locator("#heat-fold summary").click()
    rows = page.locator("#heat-twin tbody tr")
    expect(rows).to_have_count(12)
    counts = [int(text) for text in rows.locator("td:nth-child(2)").all_inner_texts()]
    assert sum(counts) == 6 * 6, "six clients in six rounds"


def test_late_updates_and_small_messages(open_page: OpenPage, rest: Rest, late: Any) -> None:
    page = open_page(f"/runs/{late['id']}/")
    expect(page.locator("#track-staleness")).to_be_visible()
    fold = page.locator("#track-bytes details")
    fold.locator("summary").click()
    expect(fold.locator("tbody tr")).not_to_have_count(0)
    up, down = (values_of(rest, late, name)[-1] for name in ("bytes_up", "bytes_down"))
    assert up < 0.5 * down, "a tenth of the values goes up, all of them down"


def test_pages_pass(open_page: OpenPage, private: Any, attacked: Any, late: Any) -> None:
    problems = []
    for name, run in (("run-private", private), ("run-attacked", attacked), ("run-late", late)):
        page = open_page(f"/runs/{run['id']}/")
        page.locator("#track-bytes .uplot").wait_for()
        problems += judge(page, name)
    assert not problems
