"""Somebody who has a keyboard and eyes: no mouse, and whatever has the focus can be seen to have it."""

import re

from playwright.sync_api import Locator, Page, expect

MOST_TABS = 200
MOST_LOOKS = 100

LOOK = """() => {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const style = getComputedStyle(element), box = element.getBoundingClientRect();
  const name = element.id || element.getAttribute("aria-label") || element.textContent.trim().slice(0, 60);
  const left = Math.max(box.left, 0), right = Math.min(box.right, innerWidth);
  const top = Math.max(box.top, 0), bottom = Math.min(box.bottom, innerHeight);
  const places = [[0.5, 0.5], [0.1, 0.5], [0.9, 0.5], [0.5, 0.2], [0.5, 0.8]];
  const on_top = right > left && bottom > top && places.some(([x, y]) => {
    const found = document.elementFromPoint(left + x * (right - left), top + y * (bottom - top));
    return found !== null && (element.contains(found) || found.contains(element));
  });
  return {
    what: `${element.tagName.toLowerCase()} ${name}`,
    is_marked: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1,
    is_seen: on_top,
  };
}"""
"""What has the focus, whether a ring marks it, and whether any of it is on the screen and not covered."""


def follow(place: Locator) -> None:
    """Press Enter on a link or a button and wait until the page that it leads to has loaded.

    What can be seen of a page is there before its scripts are, and until then keys of their making do nothing.
    """
    with place.page.expect_event("load"):
        place.press("Enter")


class Hands:
    """Two hands on the keyboard of a page."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, *keys: str) -> None:
        """Press keys one after the other, wherever the focus is."""
        for key in keys:
            self.page.keyboard.press(key)

    def leave(self, *keys: str) -> None:
        """Press keys that lead to another page, and wait until it has loaded."""
        self.page.wait_for_load_state()
        with self.page.expect_event("load"):
            self.press(*keys)

    def type(self, text: str) -> None:
        """Write over what stands in the field that has the focus."""
        self.press("Control+a")
        self.page.keyboard.type(text)

    def reach(self, place: Locator) -> None:
        """Press Tab until this has the focus; on the way every stop must be seen."""
        seen = []
        for _ in range(MOST_TABS):
            self.press("Tab")
            seen.append(self._look())
            if place.evaluate_all("(found) => found.includes(document.activeElement)"):
                return
        raise AssertionError(f"{place} cannot be reached by Tab; passed {seen}")

    def enter(self, place: Locator) -> None:
        """Reach this and press Enter."""
        self.reach(place)
        self.press("Enter")

    def choose(self, select: Locator, words: str) -> None:
        """Reach a list and choose by typing what the choice begins with."""
        self.reach(select)
        self.page.keyboard.type(words)
        expect(select.locator("option:checked")).to_have_text(re.compile(rf"^{re.escape(words)}"))

    def _look(self) -> str:
        found = self.page.evaluate(LOOK)
        for _ in range(MOST_LOOKS):  # a page that scrolls to the focus takes a moment
            if found is None or found["is_seen"]:
                break
            self.page.wait_for_timeout(50)
            found = self.page.evaluate(LOOK)
        if found is None:
            return "nothing"
        assert found["is_marked"], f"nothing marks the focus on {found['what']} of {self.page.url}"
        assert found["is_seen"], f"the focus is out of sight on {found['what']} of {self.page.url}"
        return str(found["what"])
