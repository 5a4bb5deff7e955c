"""How a page is judged: by axe, by what sticks out, and by people who look at the pictures.

A page is loaded once and looked at on a screen, light and dark, and on a phone.
``EDGELOOM_PICTURES`` names a folder for a picture of each look.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from zlib import crc32

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize

SCREEN, PHONE = 1366, 390
HEIGHT = 860
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLORS = ["color-contrast", "link-in-text-block"]
"""What hangs on the theme. All else hangs on the page and its width, so it is asked once for each width."""

REPEATED = "[id^=schema-] ~ [id^=schema-], article.card ~ article.card"
"""Of the operations and schemas of REST, hundreds from one template, the first of each group is asked about."""

THIN = "(repeated) => { for (const one of document.querySelectorAll(repeated)) one.remove(); }"
ASK = """(rules) => axe.run({ runOnly: rules, resultTypes: ["violations"] }).then((found) => found.violations)"""
FIRST_MS = 200
"""What a page that has loaded gets for asking the server for more of it."""

DRAWN = """async () => {
  const frame = () => new Promise(requestAnimationFrame);
  for (let left = 1800; left && document.querySelector(".htmx-request"); left--) await frame();
  await document.fonts.ready;
  await frame(); await frame();
}"""
"""Nothing is under way any more, and charts, which draw in the next frame, have drawn."""

TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def looks_of(name: str) -> tuple[tuple[int, Any, list[str]], ...]:
    """Width, theme and rules of each look at a page.

    Contrast takes most of the time. On a phone every page is asked about it in one theme, half of the pages in each:
    they share their styles, and both themes were asked about on the screen.
    """
    on_phone = "light" if crc32(name.encode()) % 2 else "dark"
    return (SCREEN, "light", RULES), (SCREEN, "dark", COLORS), (PHONE, on_phone, RULES)


def judge(page: Page, name: str) -> list[str]:
    """What is wrong with a page as it stands, in any of its looks; the page has its old size afterwards."""
    page.wait_for_load_state("load")
    before = page.viewport_size
    page.evaluate(Axe().axe_script)
    page.wait_for_timeout(FIRST_MS)
    problems: list[str] = []
    for width in (SCREEN, PHONE):
        _show(page, width, "light")
        wide = page.evaluate(TOO_WIDE)
        problems += [f"{name} {width}: sticks out by {wide} pixels"] if wide > 0 else []
    page.evaluate(THIN, REPEATED)
    for width, scheme, rules in looks_of(name):
        _show(page, width, scheme)
        problems += [f"{name} {width} {scheme}: {problem}" for problem in _ask(page, rules)]
        take_picture(page, f"{name}-{width}-{scheme}")
    page.emulate_media(reduced_motion="null")
    if before:
        page.set_viewport_size(before)
    return problems


def judge_all(page: Page, base: str, pages: Iterable[tuple[str, str]]) -> list[str]:
    """What is wrong with pages by name and address."""
    problems = []
    for name, path in pages:
        page.goto(base + path)
        problems += judge(page, name)
    return problems


def _show(page: Page, width: int, scheme: Any) -> None:
    """Turn a page to one of its looks and wait until it is drawn so."""
    page.set_viewport_size(ViewportSize(width=width, height=HEIGHT))
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # nothing is judged in mid-change
    page.evaluate(DRAWN)


def _ask(page: Page, rules: list[str]) -> list[str]:
    """What axe has to say."""
    problems = []
    for violation in page.evaluate(ASK, rules):
        places = "; ".join(f"{node['html'][:160]} {node['failureSummary']}" for node in violation["nodes"][:4])
        problems.append(f"{violation['id']}: {places}")
    return problems


def take_picture(page: Page, name: str) -> None:
    """A picture of the whole page, if somebody wants to look."""
    folder = os.environ.get("EDGELOOM_PICTURES")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
