"""Compression without data in a real browser: designed, watched, read, and its models used again."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from safetensors.numpy import save_file

from tests.e2e.looks import judge
from tests.e2e.rest import Rest

OpenPage = Callable[..., Page]

SPEC = """\
name: Small without data
fleet: {groups: [{name: boards, device: rpi_4b_4gb, count: 3}, {name: sensors, device: stm32g0b1, count: 4}]}
network: {links: {default: wifi4_linux}}
task:
  kind: datafree
  dataset: {kind: digits}
  teacher: {kind: train, model: {kind: mlp, hidden: [32]}, training: {epochs: 3, batch_size: 64}}
  student: {kind: mlp, hidden: [8]}
  metadata: {kind: activation_clusters, share: 0.5, num_clusters: 2, num_components: 2}
  synthesizer: {kind: dream_distillation, batch_size: 32, steps: 20}
  num_images: 96
  distillation: {steps: 60, batch_size: 32}
  quantizer: {kind: dfq}
  audit: {num_samples: 100, num_images: 60}
"""


@pytest.fixture(scope="module")
def finished(rest: Rest) -> Any:
    """A finished run."""
    return rest.wait_for_runs(rest.submit(SPEC, launch=True)["id"], {"done"})[0]


def contenders(rest: Rest, run: Any) -> dict[str, Any]:
    """The rows of the table by name, as REST tells them."""
    events = rest.get(f"/runs/{run['id']}/events?after=0&limit=1000")["items"]
    return {event["body"]["name"]: event["body"] for event in events if event["kind"] == "contender"}


def test_a_run_is_watched_and_read(open_page: OpenPage, rest: Rest, finished: Any) -> None:
    page = open_page(f"/runs/{finished['id']}/")
    told = contenders(rest, finished)
    rows = page.locator("#compared tbody tr")
    expect(rows).to_have_count(len(told))
    final = "quantized" if "quantized" in told else "student"
    assert f"{100 * told[final]['accuracy']:.1f}" in page.locator("[data-kpi=final]").inner_text()
    expect(page.locator(".stage.done")).to_have_count(page.locator(".stage").count())
    expect(page.locator("#chart-terms .uplot")).to_be_visible()
    page.locator("#chart-learning summary").click()
    expect(page.locator("#chart-learning tbody tr").first).to_be_visible()
    expect(page.locator(".size-plot .point").first).to_be_visible()
    expect(page.get_by_role("heading", name="Privacy audit")).to_be_visible()
    file = page.get_by_role("region", name="Files and how they were checked").get_by_role(
        "link", name="student.safetensors"
    )
    with page.expect_download() as download:
        file.click()
    assert Path(download.value.path()).stat().st_size > 0


def test_the_gallery_is_read_by_class_and_by_keyboard(open_page: OpenPage, finished: Any) -> None:
    page = open_page(f"/runs/{finished['id']}/")
    rows, note = page.locator(".dream-row"), page.locator("#dreams-note")
    expect(rows.first).to_be_visible()
    last = note.inner_text()
    strip = page.locator(".dream-strip").first
    assert re.fullmatch(r"\d+ synthetic images? of class .+, .+, step \d+", strip.get_attribute("aria-label") or "")
    painted = (
        "canvas => [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data].some(Boolean)"
    )
    assert page.locator(".dream-tile").first.evaluate(painted)
    slider = page.get_by_role("slider", name="Sheet of images")
    slider.focus()
    page.keyboard.press("Home")
    expect(note).not_to_have_text(last)
    expect(page.locator("#dreams-latest")).to_have_attribute("aria-pressed", "false")
    one = page.locator("#dreams-classes button").nth(1)
    one.focus()
    page.keyboard.press("Enter")
    expect(rows).to_have_count(1)
    page.locator("#dreams-latest").click()
    expect(note).to_have_text(last)


def test_a_run_shows_itself_while_it_works(open_page: OpenPage, rest: Rest) -> None:
    longer = SPEC.replace("name: Small without data", "name: Watched").replace("epochs: 3", "epochs: 4")
    run = rest.get(f"/runs?experiment={rest.submit(longer, launch=True)['id']}")["items"][0]
    page = open_page(f"/runs/{run['id']}/")
    expect(page.locator(".stage").first).to_be_visible(timeout=60_000)
    expect(page.locator(".dream-row").first).to_be_visible(timeout=60_000)
    expect(page.locator("#compared tbody tr", has_text="Teacher").first).to_be_visible(timeout=60_000)
    expect(page.locator(".pill.done").first).to_be_visible(timeout=60_000)
    expect(page.locator("#audit-title")).to_be_visible(timeout=60_000)
    expect(page.locator(".stage.done")).to_have_count(page.locator(".stage").count())


def test_a_model_of_a_run_becomes_the_teacher_of_another(open_page: OpenPage, rest: Rest, finished: Any) -> None:
    page = open_page("/models/")
    page.get_by_role("link", name="Small without data, seed 0: teacher").click()
    page.get_by_role("link", name="Use as teacher").click()
    expect(page.locator(".picked")).to_contain_text("mlp for digits")
    page.locator("#f-name").fill("Smaller still")
    page.locator("[name='task:datafree.student@kind']").select_option("mlp")
    hidden = page.locator("[name='task:datafree.student:mlp.hidden']")
    expect(hidden).to_be_visible()
    hidden.fill("4")
    page.locator("[name='task:datafree.synthesizer@kind']").select_option("noise")
    expect(page.locator("#panel-fit + p, #panels .fits").first).to_be_visible()
    expect(page.locator("#estimate .fits-line")).to_contain_text("fits as", timeout=30_000)
    page.get_by_role("button", name="Save", exact=True).last.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Smaller still")
    experiment = page.url.rstrip("/").rsplit("/", 1)[-1]
    spec = rest.get(f"/experiments/{experiment}")["spec"]
    teachers = [model["sha256"] for model in rest.get("/models")["items"] if model["name"].endswith(": teacher")]
    assert spec["task"]["teacher"]["sha256"] in teachers


CHOSEN_EARLY = """
document.addEventListener("DOMContentLoaded", () => {
  const list = document.querySelector("[name='task:datafree.student@kind']");
  if (list) list.value = "mlp";
});
"""


def test_a_choice_made_while_the_page_loads_counts(open_page: OpenPage) -> None:
    page = open_page("/")
    page.add_init_script(CHOSEN_EARLY)
    page.goto(f"{page.url.rstrip('/')}/experiments/new?kind=datafree")
    expect(page.locator("[name='task:datafree.student:mlp.hidden']")).to_be_visible()


def test_weights_are_uploaded_and_refused_at_the_field(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page("/models/new")
    page.locator("#name").fill("From elsewhere")
    page.locator("[name='model@kind']").select_option("mlp")
    hidden = page.locator("[name='model:mlp.hidden']")
    expect(hidden).to_be_visible()
    hidden.fill("3")
    page.locator("[name='dataset@kind']").select_option("digits")
    shapes = {"fc1.weight": (3, 64), "fc1.bias": (3,), "head.weight": (10, 3), "head.bias": (10,)}
    file = tmp_path / "w.safetensors"
    save_file({name: np.full(shape, 0.5, dtype=np.float32) for name, shape in shapes.items()}, file)
    page.locator("#file").set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("From elsewhere")
    expect(page.get_by_text("not measured here")).to_be_visible()


def test_what_was_refused_says_why(browser: Any, session: Any, base: str, tmp_path: Path) -> None:
    context = browser.new_context(storage_state=session)  # browsers report a 422 as an error on the console
    page = context.new_page()
    page.goto(f"{base}/models/new")
    (tmp_path / "model.pt").write_bytes(b"PK\x03\x04")
    page.locator("#file").set_input_files(tmp_path / "model.pt")
    page.get_by_role("button", name="Upload").click()
    expect(page.locator("#file-problems")).to_contain_text("save_file")
    problems = judge(page, "model-refused")
    context.close()
    assert not problems, "\n".join(problems)


def test_pages_pass(open_page: OpenPage, rest: Rest, finished: Any) -> None:
    models = rest.get("/models")["items"]
    paths = {
        "datafree-run": f"/runs/{finished['id']}/",
        "datafree-experiment": f"/experiments/{finished['experiment']}/",
        "datafree-designer": f"/experiments/new?kind=datafree&teacher={models[0]['id']}",
        "models": "/models/",
        "model": f"/models/{models[0]['id']}/",
        "model-new": "/models/new",
    }
    page, problems = open_page("/"), []
    base = page.url.rstrip("/")
    for name, path in paths.items():
        page.goto(base + path)
        if name == "datafree-run":
            page.locator("#chart-terms .uplot").wait_for()
        problems += judge(page, name)
    assert not problems, "\n".join(problems)
