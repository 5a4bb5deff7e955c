"""Costing a finished run on another fleet or network over REST."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.webapp.api.client import codes
from tests.webapp.api.conftest import Lab
from tests.webapp.finished import finish
from webapp.experiments.models import Experiment, Run, RunState
from webapp.library.models import Fleet, Network
from webapp.recosting import services

SPEC = """\
version: 1
name: Boards and phones
fleet:
  groups:
    - {name: boards, device: rpi_4b_4gb, count: 6}
    - {name: phones, device: rpi_3bplus, count: 4}
network: {links: {boards: wifi4_linux, phones: ble5_1m}}
task:
  kind: federated
  dataset: {kind: digits}
  model: {kind: mlp, hidden: [16]}
  sampler: {kind: uniform, num_clients: 4}
  rounds: 30
"""


@pytest.fixture
def done(submit: Callable[..., Experiment]) -> Run:
    """A finished run of 30 rounds with four of ten devices."""
    run = Run.objects.select_related("cell", "team").get(cell__experiment=submit(SPEC))
    finish(run)
    return run


def recosted(lab: Lab, run: Run, body: Any = None) -> Any:
    """The answer to a viewer."""
    response = lab.by("viewer")("POST", f"/runs/{run.pk}/recost", {} if body is None else body)
    assert response.status_code == 200, response.content
    return response.json()


def phase(sheet: Any, group: str, name: str, quantity: str = "time_s") -> float:
    """An amount of the sheet."""
    rows = [row for row in sheet["groups"] if (row["group"], row["phase"]) == (group, name)]
    return float(sum(row[quantity] for row in rows))


def test_nothing_changed_is_what_the_run_cost(lab: Lab, done: Run) -> None:
    found = recosted(lab, done)
    assert found["before"] == found["after"]
    assert done.result is not None
    assert found["before"]["totals"] == pytest.approx(done.result["costs"])
    rounds = found["before"]["rounds"]
    assert (rounds["num_rounds"], len(rounds["first"])) == (30, 30)
    assert sum(rounds["mean_s"]) == pytest.approx(found["before"]["totals"]["time_s"])
    assert rounds["max_s"] == max(rounds["longest_s"])


def test_a_device_twice_as_fast_computes_half_as_long(lab: Lab, done: Run) -> None:
    found = recosted(lab, done, {"speed": {"boards": 2}})
    before, after = found["before"], found["after"]
    assert phase(after, "boards", "compute") == pytest.approx(phase(before, "boards", "compute") / 2, rel=1e-12)
    assert phase(after, "phones", "compute") == phase(before, "phones", "compute")
    # Power stays the same, so energy goes with time.
    half = phase(before, "boards", "compute", "energy_j") / 2
    assert phase(after, "boards", "compute", "energy_j") == pytest.approx(half, rel=1e-12)
    assert after["totals"]["bytes_up"] == before["totals"]["bytes_up"]


def test_links_changed_by_factors_and_by_choice(lab: Lab, done: Run) -> None:
    slow = recosted(lab, done, {"bandwidth": 0.5})
    assert slow["after"]["totals"]["time_s"] > slow["before"]["totals"]["time_s"]
    lossy = recosted(lab, done, "loss: 0.02\n")
    assert lossy["after"]["totals"]["wire_bytes"] > lossy["before"]["totals"]["wire_bytes"]
    late = recosted(lab, done, {"latency": 10})
    assert late["after"]["totals"]["time_s"] > late["before"]["totals"]["time_s"]
    chosen = recosted(lab, done, {"links": {"phones": "wifi6", "boards": "wifi6"}})
    assert chosen["after"]["totals"]["time_s"] < chosen["before"]["totals"]["time_s"]
    assert [row["serves"] for row in chosen["after"]["links"][::2]] == [["boards", "phones"], ["backhaul"]]
    assert [row["serves"] for row in chosen["before"]["links"][::2]] == [["boards"], ["phones"], ["backhaul"]]


@pytest.mark.slow
def test_saved_and_inline_parts_and_what_comes_back_is_the_same(lab: Lab, done: Run) -> None:
    body = {"groups": [{"name": "all", "device": "rpi_5_8gb", "count": 10}]}
    saved = Fleet.objects.create(team=lab.team, name="F", body=body)
    network = Network.objects.create(team=lab.team, name="N", body={"links": {"default": "eth1g"}})
    by_id = recosted(lab, done, {"fleet": {"saved": str(saved.pk)}, "network": {"saved": str(network.pk)}})
    inline = recosted(lab, done, {"fleet": body, "network": network.body})
    assert by_id["after"] == inline["after"]
    assert {row["group"] for row in inline["after"]["groups"]} == {"all"}
    slid = recosted(lab, done, {"bandwidth": 0.25, "speed": {"boards": 3}, "loss": 0.01, "backhaul": True})
    again = recosted(lab, done, {"fleet": slid["fleet"], "network": slid["network"]})
    assert again["after"] == slid["after"]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"bandwidth": 0}, {"bandwidth": "out_of_range"}),
        ({"loss": 0.5, "latency": -1}, {"loss": "out_of_range", "latency": "out_of_range"}),
        ({"slower": 2}, {"slower": "unknown_field"}),
        ({"speed": {"cars": 2}}, {"speed.cars": "unknown_group"}),
        ({"links": {"boards": "wifi9"}}, {"links.boards": "unknown_id"}),
        ({"devices": {"boards": "stm32g0b1"}}, None),
        ({"fleet": {"groups": [{"count": 11}]}, "network": {}}, {"fleet.groups": "other_devices"}),
        ({"fleet": {"groups": [{"name": "boards", "count": 10}]}}, {"network.links.phones": "unknown_group"}),
        ({"fleet": {"groups": [{"count": "x"}]}}, {"fleet.groups.0.count": "wrong_type"}),
        ({"network": {"links": {"cars": "ble5_1m"}}}, {"network.links.cars": "unknown_group"}),
        ({"fleet": {"saved": "nothing"}}, {"fleet.saved": "unknown_saved"}),
        ("[1, 2]", {"": "wrong_type"}),
        ("a: [", None),
    ],
)
def test_wrong_changes_are_refused_at_their_fields(
    lab: Lab, done: Run, body: Any, found: dict[str, str] | None
) -> None:
    response = lab.by("viewer")("POST", f"/runs/{done.pk}/recost", body)
    assert response.status_code == 422, response.content
    if found is not None:
        assert codes(response) == found


def test_learning_that_followed_time_is_refused_by_name(lab: Lab, done: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.federated.samplers.uniform import Uniform

    monkeypatch.setattr(Uniform, "reads_costs", True)
    response = lab.by("viewer")("POST", f"/runs/{done.pk}/recost", {"bandwidth": 2})
    assert response.status_code == 422
    assert codes(response) == {"task.sampler": "reads_costs"}
    assert "Uniform depends on simulated time" in response.json()["errors"][0]["message"]


def test_only_finished_runs_with_a_trace(lab: Lab, done: Run) -> None:
    Run.objects.filter(pk=done.pk).update(state=RunState.RUNNING)
    response = lab.by("viewer")("POST", f"/runs/{done.pk}/recost", {"bandwidth": 2})
    assert (response.status_code, response.json()["code"]) == (409, "conflict")
    assert "running" in response.json()["detail"]
    Run.objects.filter(pk=done.pk).update(state=RunState.DONE)
    done.artifacts.all().delete()
    assert lab.by("viewer")("POST", f"/runs/{done.pk}/recost", {}).status_code == 409


def test_use_of_links_adds_up_to_the_ledger(lab: Lab, done: Run) -> None:
    found = lab.by("viewer").get(f"/runs/{done.pk}/use")
    assert (found["num_rounds"], found["first"]) == (30, list(range(1, 31)))
    totals = recosted(lab, done)["before"]
    on_wire = {(row["link"], row["direction"]): row["wire_bytes"] for row in totals["links"]}
    for link in found["links"]:
        for way, direction in enumerate(("up", "down")):
            assert link["wire_bytes"][way] == pytest.approx(on_wire[link["link"], direction])
            assert sum(link[f"{direction}_bytes"]) == pytest.approx(link["wire_bytes"][way])
            assert link["payload_bytes"][way] < link["wire_bytes"][way]
        assert max(link["busiest"]) == link["most_busiest"]
    assert [link["serves"] for link in found["links"]] == [["boards"], ["phones"], ["backhaul"]]
    Run.objects.filter(pk=done.pk).update(state=RunState.RUNNING)
    assert lab.by("viewer")("GET", f"/runs/{done.pk}/use").status_code == 409


def test_strangers_learn_nothing(lab: Lab, done: Run) -> None:
    assert lab.by("stranger")("GET", f"/runs/{done.pk}/use").status_code == 404
    assert lab.by("stranger")("POST", f"/runs/{done.pk}/recost", {}).status_code == 404


@pytest.mark.slow
def test_a_large_trace_is_costed_in_a_process_of_its_own(lab: Lab, done: Run, settings: Any) -> None:
    here = recosted(lab, done, {"bandwidth": 0.5, "speed": {"phones": 2}})
    settings.RECOST_AT_ONCE = 10
    services._sheets.clear()
    there = recosted(lab, done, {"bandwidth": 0.5, "speed": {"phones": 2}})
    assert there == here
    use = lab.by("viewer").get(f"/runs/{done.pk}/use")
    services._sheets.clear()
    settings.RECOST_AT_ONCE = 10**6
    assert lab.by("viewer").get(f"/runs/{done.pk}/use") == use
    services._sheets.clear()
    settings.RECOST_AT_ONCE, settings.RECOST_LIMIT_S = 10, 0.01
    response = lab.by("viewer")("POST", f"/runs/{done.pk}/recost", {"bandwidth": 0.3})
    assert codes(response) == {"run": "recost_too_slow"}
