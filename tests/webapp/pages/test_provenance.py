"""Recalled figures are marked wherever they are shown, and results say how much of their cost rests on them."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from engine.core.figure import Figure
from engine.fleet.catalogue import devices
from engine.fleet.group import FleetSpec
from tests.webapp.people import People
from tests.webapp.rows import make_run
from webapp.catalogue.prediction import predictions, summaries
from webapp.catalogue.provenance import recalled_range, recalled_sentence
from webapp.experiments.models import RunState
from webapp.library import services as library
from webapp.library.parts import group_rows, totals

SignIn = Callable[[str], Client]
MARK = '<abbr class="tag recalled"'


def recalled_of(device: str) -> tuple[int, int]:
    entry = devices()[device]
    found = [value for name in type(entry).model_fields if isinstance(value := getattr(entry, name), Figure)]
    return sum(figure.provenance == "recalled" for figure in found), len(found)


def test_sums_are_marked_where_a_part_is_recalled() -> None:
    device = {
        "name": "own", "conv_rate": {"value": 2e9, "unit": "MAC/s", "provenance": "read", "source": "sheet"},
        "ram_bytes": {"value": 100.0, "unit": "B", "provenance": "recalled"},
        "active_power_w": {"value": 3.0, "unit": "W", "provenance": "read", "source": "sheet"}, "idle_power_w": 1.0,
    }  # fmt: skip
    groups = [{"name": "a", "device": device, "count": 2}, {"name": "b", "device": {**device, "ram_bytes": 50.0}}]
    fleet = FleetSpec.model_validate({"groups": tuple({**group, "count": 2} for group in groups)}).resolve()
    first, second = group_rows(fleet)
    assert (first["ram_bytes"].value, first["ram_bytes"].recalled) == (200.0, True)
    assert (second["ram_bytes"].value, second["ram_bytes"].recalled) == (100.0, False)
    whole = totals(fleet)
    assert (whole["ram_bytes"].value, whole["ram_bytes"].recalled) == (300.0, True)
    assert (whole["active_power_w"].value, whole["active_power_w"].recalled) == (12.0, False)
    assert whole["rates"][0].value == 8e9
    assert not whole["rates"][0].recalled


@pytest.mark.parametrize("key", ["rpi_4b_4gb", "stm32l4r5"])
def test_an_entry_says_of_each_figure_where_it_comes_from(client_of: SignIn, key: str) -> None:
    html = client_of("viewer").get(f"/catalogue/devices/{key}/").content.decode()
    recalled, total = recalled_of(key)
    assert f"{recalled} of {total} are recalled" in html
    table = html[html.index("<tbody>") : html.index("</tbody>")]
    assert table.count('class="tag recalled"') == recalled
    assert "What the words mean" in html


def test_lists_and_designs_mark_recalled_figures(client_of: SignIn, people: People) -> None:
    client, editor = client_of("viewer"), people["editor"]
    for family in ("devices", "links"):
        html = client.get(f"/catalogue/{family}/").content.decode()
        assert MARK in html
        assert re.search(r"\d+ of all \d+ figures", html.replace("\u202f", ""))
    fleet = library.create("fleets", people.team, editor, "F", {"groups": [{"name": "boards"}]})
    network = library.create("networks", people.team, editor, "N", {"links": {"boards": "ble5_1m"}})
    assert recalled_of("rpi_4b_4gb")[0]
    for path in (f"/fleets/{fleet.pk}/", f"/networks/{network.pk}/"):
        assert MARK in client.get(path).content.decode()
    html = client_of("editor").get(f"/fleets/{fleet.pk}/edit").content.decode()
    recalled, total = recalled_of("rpi_4b_4gb")
    assert f"{recalled} of {total} figures recalled" in html


def test_results_say_in_words_how_much_is_recalled(client_of: SignIn, people: People) -> None:
    result: dict[str, Any] = {
        "seed": 0, "state": "done", "reason": "all_rounds", "metrics": {"accuracy": 0.5}, "baselines": {},
        "costs": {"time_s": 1.0, "share_recalled": 0.25}, "wall_s": 1.0, "published": [],
    }  # fmt: skip
    run = make_run(people.team, RunState.DONE, result=result)
    client, words = client_of("viewer"), "25.0\u202f% of this cost rests on recalled figures"
    for path in (f"/runs/{run.pk}/", f"/experiments/{run.cell.experiment_id}/"):
        assert words in client.get(path).content.decode()
    html = client.get(f"/compare?cells={run.cell.experiment_id}").content.decode()
    assert "25.0\u202f% of each of these costs rests on recalled figures" in html


def test_the_words_fit_the_share() -> None:
    assert recalled_sentence(None) == recalled_range([]) == ""
    assert recalled_sentence(0.0).startswith("Nothing of this cost")
    assert recalled_sentence(1.0).startswith("The whole of this cost")
    assert recalled_range([0.1, 0.5]).startswith("10.0\u202f% to 50.0\u202f% of these costs rest on")


def test_the_page_of_compute_time_shows_every_prediction(client_of: SignIn) -> None:
    html = client_of("viewer").get("/catalogue/devices/compute-time").content.decode()
    rows = predictions()
    own, everything = summaries(rows)
    assert html.count("<tr><td>") == len(rows) + 2
    assert 0 < own.num_predictions < everything.num_predictions == len(rows)
    # The goal of the catalogue: a third workload within a quarter, in the median.
    assert own.error < 0.25
