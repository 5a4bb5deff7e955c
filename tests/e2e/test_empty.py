"""Pages of a platform that nobody used yet (this file runs first): each teaches what to do, with one button."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.e2e.looks import LOOKS, judge

EMPTY = ("/", "/fleets/", "/networks/", "/tasks/", "/experiments/", "/runs/")


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_empty_pages_teach_and_pass(open_page: Callable[..., Page], width: int, scheme: str) -> None:
    problems = []
    for path in EMPTY:
        page = open_page(path, width=width, scheme=scheme)
        assert page.locator(".empty .btn.primary").count() == 1, path
        problems += judge(page, f"empty-{path.strip('/') or 'home'}", width, scheme)
    assert not problems, "\n".join(problems)
