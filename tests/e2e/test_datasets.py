"""Data sets and previews in a browser: upload in parts that breaks off, a live heat map, and how the pages look."""

import hashlib
import re
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.looks import judge
from tests.e2e.rest import Rest

OpenPage = Callable[..., Page]
SCRIPT = re.compile(r"/upload[^/]*\.js$")
SECOND_PART = re.compile(r"/parts/2$")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Arrays that come in three parts."""
    path = tmp_path_factory.mktemp("upload") / "waves.npz"
    x = np.arange(1_300_000, dtype=np.int64).reshape(13_000, 100) % 251 / 251
    np.savez(path, x=x.astype(np.float64), y=np.arange(13_000) % 5)
    return path


def test_an_upload_that_breaks_off_goes_on_where_it_stopped(open_page: OpenPage, file: Path) -> None:
    page = open_page("/datasets/new")
    held: list[Route] = []
    page.route(SECOND_PART, lambda route: held.append(route))  # it never gets through
    page.get_by_label("File").set_input_files(file)
    expect(page.get_by_label("Name")).to_have_value("waves")
    expect(page.get_by_role("radio", name="arrays")).to_be_checked()
    page.get_by_role("button", name="Upload").click()
    expect(page.locator("[data-said]")).to_contain_text("Sent 8.39", timeout=90_000)
    page.goto(page.url.replace("/new", "/"))
    late: list[Route] = []
    page.route(SCRIPT, lambda route: late.append(route))
    page.get_by_role("link", name="waves").click()
    expect(page.get_by_text("2 of 3 parts have arrived")).to_be_visible()
    page.unroute(SECOND_PART)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url[-1]) if "/parts/" in request.url else None)
    page.get_by_label("File").set_input_files(file)  # before the script is there, as on a slow line
    while not late:
        page.wait_for_timeout(50)
    late[0].continue_()
    expect(page.get_by_text("10\u202f400 for training, 2\u202f600 for testing")).to_be_visible(timeout=90_000)
    assert sent == ["2"]


def test_the_heat_map_follows_what_is_typed(open_page: OpenPage, rest: Rest) -> None:
    task = {"kind": "federated", "dataset": {"kind": "digits"}, "partition": {"kind": "dirichlet", "alpha": 100}}
    saved = rest.save("tasks", "Live", task)
    page = open_page(f"/tasks/{saved['id']}/edit")
    facts = page.locator(".map-facts strong")
    expect(facts).to_be_visible(timeout=60_000)
    even = float(facts.inner_text())
    page.get_by_label("Alpha").fill("0.05")
    expect(facts).not_to_have_text(f"{even:.2f}", timeout=60_000)
    assert float(facts.inner_text()) > even + 0.3
    page.locator("canvas[data-class-map]").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".map-readout")).to_contain_text("Client 1:")


def upload(rest: Rest) -> str:
    """Id of a small table that was uploaded and looked through."""
    rows = "".join(f"{number % 7},{number % 5},{number % 2}\n" for number in range(40)).encode()
    table = b"height,width,label\n" + rows
    asked = {"name": "Measured by hand", "kind": "arrays", "license": "CC0-1.0", "size_bytes": len(table)}
    made = rest.post("/datasets", {**asked, "sha256": hashlib.sha256(table).hexdigest()})
    rest.send(f"/datasets/{made['id']}/parts/0", table)
    deadline = time.monotonic() + 120
    while rest.post(f"/datasets/{made['id']}/complete")["state"] != "ready":
        assert time.monotonic() < deadline, "nobody looks through the upload"
        time.sleep(0.5)
    return str(made["id"])


def test_pages_of_data_and_previews_pass(open_page: OpenPage, rest: Rest) -> None:
    groups = [{"name": "boards", "count": 12}, {"name": "sensors", "device": "stm32l4r5", "count": 6}]
    task = {
        "kind": "federated",
        "dataset": {"kind": "digits"},
        "partition": {"kind": "shards"},
        "model": {"kind": "mlp"},
    }
    fleet = rest.save("fleets", "Boards and sensors", {"groups": groups})
    network = rest.save("networks", "Around", {"topology": {"kind": "small_world"}})
    saved = rest.save("tasks", "Digits", task)
    own = upload(rest)
    pages = {
        "datasets": "/datasets/",
        "upload": "/datasets/new",
        "uploaded": f"/datasets/{own}/",
        "upload-edit": f"/datasets/{own}/edit",
        "upload-delete": f"/datasets/{own}/delete",
        "digits": "/datasets/built-in/digits/",
        "cifar100": "/datasets/built-in/cifar100/",
        "fleet-fit": f"/fleets/{fleet['id']}/",
        "network-measures": f"/networks/{network['id']}/",
        "task-panels": f"/tasks/{saved['id']}/",
        "task-form": f"/tasks/{saved['id']}/edit",
    }
    page, problems = open_page("/"), []
    base = page.url.rstrip("/")
    for name, path in pages.items():
        page.goto(base + path)
        expect(page.locator(".waiting-for")).to_have_count(0, timeout=60_000)
        problems += judge(page, name)
    assert not problems, "\n".join(problems)
