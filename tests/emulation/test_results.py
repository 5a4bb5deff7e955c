"""The committed validation: every scenario of the list, the page that its data give, and every floor met."""

import json

from engine.emulation import tables
from engine.emulation.results import committed_file, read
from engine.emulation.scenarios import scenarios
from engine.emulation.scores import meets_floors, summary


def test_the_page_is_that_of_the_data() -> None:
    assert committed_file().parents[1].joinpath("emulation.md").read_text() == tables.page(read(committed_file()))


def test_no_scenario_was_dropped_or_added() -> None:
    rows = {row["id"]: row for row in read(committed_file())["rows"]}
    assert list(rows) == [one.id for one in scenarios()]
    for one in scenarios():
        found = rows[one.id]
        assert (found["loss"], found["workload"]) == (one.loss, one.workload.model_dump(mode="json"))
        assert found["measured"]["samples"] >= one.samples or found["invalid"]


def test_the_means_are_those_of_the_rows_and_within_the_floors() -> None:
    result = read(committed_file())
    assert result["summary"] == json.loads(json.dumps(summary(result["rows"])))
    assert meets_floors(result["summary"])
