"""How a page is judged: by axe, by what sticks out, and by people who look at the pictures.

A page is loaded once and looked at on a screen and on a phone, light and dark.
``EDGELOOM_PICTURES`` names a folder for a picture of each look.
"""

import os
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize

SCREEN, PHONE = 1366, 390
HEIGHT = 860
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLORS = ["color-contrast", "link-in-text-block"]
"""What hangs on the theme. All else hangs on the page and its width, so it is asked once for each width."""

LOOKS: tuple[tuple[int, Any, list[str]], ...] = (
    (SCREEN, "light", RULES),
    (SCREEN, "dark", COLORS),
    (PHONE, "dark", RULES),
    (PHONE, "light", COLORS),
)
REPEATED = ["[id^=schema-] ~ [id^=schema-]", "article.card ~ article.card"]
"""Of the operations and schemas of REST, hundreds from one template, the first of each group is looked at."""

ASK = """([repeated, rules]) => axe.run(
  { exclude: repeated.map((selector) => [selector]) }, { runOnly: rules, resultTypes: ["violations"] }
).then((found) => found.violations)"""
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def judge(page: Page, name: str) -> list[str]:
    """What is wrong with a page as it stands, in any of its looks; the page has its old size afterwards."""
    page.wait_for_load_state("load")
    before = page.viewport_size
    page.evaluate(Axe().axe_script)
    problems: list[str] = []
    for width, scheme, rules in LOOKS:
        page.set_viewport_size(ViewportSize(width=width, height=HEIGHT))
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(200)  # charts draw in the next frames
        problems += [f"{name} {width} {scheme}: {problem}" for problem in _judge_look(page, rules)]
        take_picture(page, f"{name}-{width}-{scheme}")
    if before:
        page.set_viewport_size(before)
    return problems


def _judge_look(page: Page, rules: list[str]) -> list[str]:
    wide = page.evaluate(TOO_WIDE)
    problems = [f"sticks out by {wide} pixels"] if wide > 0 else []
    for violation in page.evaluate(ASK, [REPEATED, rules]):
        places = "; ".join(f"{node['html'][:160]} {node['failureSummary']}" for node in violation["nodes"][:4])
        problems.append(f"{violation['id']}: {places}")
    return problems


def take_picture(page: Page, name: str) -> None:
    """A picture of the whole page, if somebody wants to look."""
    folder = os.environ.get("EDGELOOM_PICTURES")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
