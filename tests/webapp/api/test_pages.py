"""Lists: complete, stable while others write, filtered, and with a fixed number of queries."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.webapp.api.conftest import SPEC, Lab
from webapp.experiments.models import Cell, Experiment, Run, RunState
from webapp.library.models import Fleet

NOW = timezone.now()


def fleets(lab: Lab, number: int) -> list[Fleet]:
    """Fleets, some of them made at the same instant."""
    return Fleet.objects.bulk_create(
        Fleet(team=lab.team, name=f"Fleet {index}", body={}, created_at=NOW - timedelta(minutes=index // 3))
        for index in range(number)
    )


Items = list[dict[str, Any]]


def walk(lab: Lab, path: str, between: Callable[[Items], None] = lambda _: None, **query: Any) -> Items:
    """All items, page by page; ``between`` happens after each page, with what was found so far."""
    found: Items = []
    cursor: str | None = None
    for _ in range(100):
        page = lab.by("viewer").get(path, **query, **({} if cursor is None else {"cursor": cursor}))
        found += page["items"]
        cursor = page["next"]
        between(found)
        if cursor is None:
            return found
    raise AssertionError("the pages do not end")


@pytest.mark.parametrize("limit", [1, 3, 7, 10, 11])
def test_pages_together_are_the_list(limit: int, lab: Lab) -> None:
    made = {str(fleet.pk) for fleet in fleets(lab, 10)}
    found = walk(lab, "/fleets", limit=limit)
    assert len(found) == 10
    assert {item["id"] for item in found} == made
    assert found == sorted(found, key=lambda item: item["created_at"], reverse=True)


def test_pages_do_not_shift_when_others_create_and_delete(lab: Lab) -> None:
    made = fleets(lab, 9)

    def disturb(shown: Items) -> None:
        Fleet.objects.create(team=lab.team, name="New", body={})
        Fleet.objects.filter(pk=shown[0]["id"]).delete()

    found = walk(lab, "/fleets", disturb, limit=2)
    assert {item["id"] for item in found} == {str(fleet.pk) for fleet in made}
    assert len(found) == 9


def test_next_page_stands_in_the_link_header_with_the_filters(lab: Lab) -> None:
    fleets(lab, 3)
    response = lab.by("viewer")("GET", "/fleets", query={"limit": 2, "text": "fleet"})
    address = response["Link"].removeprefix("</api/v1").removesuffix('>; rel="next"')
    assert "text=fleet" in address
    following = lab.by("viewer")("GET", address)
    assert len(following.json()["items"]) == 1
    assert "Link" not in following


@pytest.mark.parametrize("cursor", ["", "x", "bm90IGpzb24", "WyJhIiwiYiJd", "WyIyMDI2LTAxLTAxIiwieCJd", "ä"])
def test_foreign_cursors(cursor: str, lab: Lab) -> None:
    response = lab.by("viewer")("GET", "/runs", query={"cursor": cursor})
    assert (response.status_code, response.json()["code"]) == (400, "invalid_cursor")


def test_filters(lab: Lab) -> None:
    fleets(lab, 9)
    viewer = lab.by("viewer")
    assert [item["name"] for item in viewer.get("/fleets", text="FLEET 4")["items"]] == ["Fleet 4"]
    middle = viewer.get(
        "/fleets",
        created_after=(NOW - timedelta(minutes=1)).isoformat(),
        created_before=NOW.isoformat(),
    )
    assert {item["name"] for item in middle["items"]} == {"Fleet 3", "Fleet 4", "Fleet 5"}
    assert viewer.get("/fleets", team="elsewhere")["items"] == []


def test_filters_of_experiments_and_runs(lab: Lab, submit: Callable[..., Experiment]) -> None:
    first, second = submit(), submit(SPEC.replace("Two strategies", "Another"))
    second.parent = first
    second.save()
    Run.objects.filter(cell__experiment=first, seed=0).update(state=RunState.DONE)
    viewer = lab.by("viewer")

    def experiments(**query: str) -> set[str]:
        return {item["name"] for item in viewer.get("/experiments", **query)["items"]}

    assert experiments(state="done") == {"Two strategies on digits"}
    assert experiments(state="done,draft") == {"Two strategies on digits", "Another on digits"}
    assert experiments(parent=str(first.pk)) == {"Another on digits"}
    assert experiments(text="another") == {"Another on digits"}
    assert len(viewer.get("/runs", experiment=str(first.pk))["items"]) == 4
    assert {item["seed"] for item in viewer.get("/runs", state="done")["items"]} == {0}
    assert len(viewer.get("/runs", text="another", seed="1")["items"]) == 2


def many(lab: Lab, number: int) -> None:
    """Experiments with a cell and a run each."""
    experiments = Experiment.objects.bulk_create(
        Experiment(team=lab.team, name=f"E{index}", text="version: 1", created_by=lab.users["editor"])
        for index in range(number)
    )
    cells = Cell.objects.bulk_create(
        Cell(experiment=experiment, index=0, digest="0" * 64, text="version: 1") for experiment in experiments
    )
    Run.objects.bulk_create(Run(team=lab.team, cell=cell, seed=0) for cell in cells)


@pytest.mark.parametrize("path", ["/experiments", "/runs", "/fleets", "/tokens", "/artifacts"])
def test_number_of_queries_does_not_grow_with_the_list(path: str, lab: Lab) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as context:
            lab.by("viewer").get(path, limit=100)
        return len(context)

    many(lab, 2)
    fleets(lab, 2)
    queries()  # notes the token's use, once a minute
    few = queries()
    many(lab, 60)
    fleets(lab, 60)
    assert queries() == few
    assert few <= 6


def test_only_asked_fields_are_read(lab: Lab, experiment: Experiment) -> None:
    with CaptureQueriesContext(connection) as context:
        assert lab.by("viewer").get("/runs", fields="id,state", limit=1)["items"][0].keys() == {"id", "state"}
    statement = context.captured_queries[-1]["sql"]
    assert "result" not in statement
    assert "failure" not in statement
