"""How a page is judged: by axe, by what sticks out, and by people who look at the pictures.

``EDGELOOM_PICTURES`` names a folder for a picture of each page.
"""

import os
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

ALL_LOOKS = [(1366, "light"), (390, "dark"), (390, "light"), (1366, "dark")]
LOOKS = ALL_LOOKS if os.environ.get("EDGELOOM_PICTURES") else ALL_LOOKS[:2]
"""Each page is judged in both themes and at both widths; all four pairs only where somebody wants the pictures."""

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def judge(page: Page, name: str, width: int, scheme: str) -> list[str]:
    """What is wrong with a page as it stands."""
    page.wait_for_load_state("load")
    page.wait_for_timeout(300)  # charts draw in the next frames
    take_picture(page, f"{name}-{width}-{scheme}")
    problems = []
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if wide > 0:
        problems.append(f"{name} at {width}: sticks out by {wide} pixels")
    for violation in Axe().run(page, options=RULES).response["violations"]:
        places = "; ".join(f"{node['html'][:160]} {node['failureSummary']}" for node in violation["nodes"][:4])
        problems.append(f"{name} {width} {scheme}: {violation['id']}: {places}")
    return problems


def take_picture(page: Page, name: str) -> None:
    """A picture of the whole page, if somebody wants to look."""
    folder = os.environ.get("EDGELOOM_PICTURES")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
