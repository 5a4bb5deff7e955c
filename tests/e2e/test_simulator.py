"""The page about the simulator's errors, in a real browser."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.e2e.looks import judge

OpenPage = Callable[..., Page]


def test_errors_chart_and_table(open_page: OpenPage) -> None:
    page = open_page("/catalogue/")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Simulator").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("How good is the simulator?")
    expect(page.locator(".accuracy-chart")).to_have_count(3)
    page.get_by_text("All scenarios as a table").click()
    expect(
        page.get_by_role("table", name="Measured and predicted median latency").locator("tbody tr").first
    ).to_be_visible()
    problems = judge(page, "simulator-table")
    assert not problems, "\n".join(problems)
