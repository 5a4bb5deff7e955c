"""Pages of a team that did nothing yet: each teaches what to do, with one button."""

from collections.abc import Callable

from playwright.sync_api import Page

from tests.e2e.looks import judge

EMPTY = ("/", "/fleets/", "/networks/", "/tasks/", "/experiments/", "/runs/")
QUIET = ("/compare", "/compare/pick", "/datasets/", "/shares/", "/trash/")
"""Nothing is begun on these, or something is there from the start."""


def test_empty_pages_teach_and_pass(open_page: Callable[..., Page]) -> None:
    page, problems = open_page("/"), []
    base = page.url.rstrip("/")
    for path in EMPTY + QUIET:
        page.goto(base + path)
        assert page.locator(".empty .btn.primary").count() == 1 or path in QUIET, path
        problems += judge(page, f"empty-{path.strip('/').replace('/', '-') or 'home'}")
    assert not problems, "\n".join(problems)
