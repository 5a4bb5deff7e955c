"""``./edgeloom screenshots``: the pictures of the documents, taken from a platform that runs an example.

Starts a platform on a folder of its own, submits an example by REST, waits until its charts have something to show, and
photographs the pages in Chromium.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests.conftest import find_browser
from tests.e2e.rest import Rest
from tests.environment import ROOT
from tests.launcher.platform import Platform

EXAMPLE = ROOT / "examples" / "fedmax-vs-fedavg.yaml"
TIME_LIMIT_S = 600.0
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-sync"]


@dataclass(frozen=True)
class Picture:
    """One file of the pictures' folder.

    Attributes:
        name: file name without ``.png``.
        path: address of the page; ``{experiment}`` and ``{run}`` stand for ids.
        width: of the window, in CSS pixels.
        scheme: light or dark.
    """

    name: str
    path: str
    width: int = 1366
    scheme: str = "light"


PICTURES = (
    Picture("experiment", "/experiments/{experiment}/"),
    Picture("run", "/runs/{run}/"),
    Picture("run-dark-phone", "/runs/{run}/", width=390, scheme="dark"),
    Picture("fleet-form", "/fleets/new"),
    Picture("catalogue", "/catalogue/strategies/"),
)


def rest_of(platform: Platform) -> Rest:
    """The platform's REST interface with a token of the first owner."""
    command = [sys.executable, str(ROOT / "manage.py"), "token", "create", "--name", "screenshots"]
    environment = {**os.environ, "EDGELOOM_HOME": str(platform.folder.root)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return Rest(f"http://127.0.0.1:{platform.port}", done.stdout.split()[-1])


def run_example(rest: Rest) -> dict[str, str]:
    """Submit the example and wait for its end.

    Returns:
        Ids of the experiment and of its first run.
    """
    experiment = rest.submit(EXAMPLE.read_text(), launch=True)
    runs = rest.wait_for_runs(experiment["id"], {"done", "failed", "cancelled"}, TIME_LIMIT_S)
    if any(run["state"] != "done" for run in runs):
        raise SystemExit(f"the example did not end well: {[run['state'] for run in runs]}")
    return {"experiment": experiment["id"], "run": runs[-1]["id"]}


@contextmanager
def running_platform() -> Iterator[Platform]:
    """A platform on a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="edgeloom-pictures-") as folder:
        platform = Platform(Path(folder) / "home", "--workers", str(os.cpu_count() or 1))
        try:
            platform.wait_until_ready()
            yield platform
        finally:
            platform.stop()
            platform.destroy()


def photograph(browser: Browser, session: Any, address: str, picture: Picture, folder: Path) -> None:
    """Take one picture."""
    viewport: Any = {"width": picture.width, "height": 860}
    scheme: Any = picture.scheme
    context = browser.new_context(storage_state=session, viewport=viewport, color_scheme=scheme)
    page: Page = context.new_page()
    answer = page.goto(address)
    if answer is None or not answer.ok:
        raise SystemExit(f"{address} answers with {answer.status if answer else 'nothing'}; no picture of that")
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(500)  # charts draw in the next frame
    page.screenshot(path=folder / f"{picture.name}.png")
    context.close()


def main(arguments: Sequence[str]) -> int:
    """Take all pictures."""
    parser = argparse.ArgumentParser(prog="edgeloom screenshots", description="Make the pictures of the documents.")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images", metavar="FOLDER")
    folder = parser.parse_args(arguments).out
    executable = find_browser()
    if executable is None:
        print("No Chromium found. Debian: apt-get install chromium; or name one by EDGELOOM_CHROMIUM.")
        return 2
    folder.mkdir(parents=True, exist_ok=True)
    with running_platform() as platform, sync_playwright() as playwright:
        ids = run_example(rest_of(platform))
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        link = re.search(r"http://\S+/sign-in/\S+", platform.said())
        assert link, platform.said()
        context = browser.new_context()
        page = context.new_page()
        page.goto(link[0])
        if page.locator("form button").count():  # the link asks before it signs in
            page.locator("form button").first.click()
            page.wait_for_load_state("networkidle")
        session = context.storage_state()
        for picture in PICTURES:
            base = f"http://127.0.0.1:{platform.port}"
            photograph(browser, session, base + picture.path.format(**ids), picture, folder)
            print(f"{folder / picture.name}.png")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
