"""The list of scenarios, what is predicted, how it is scored, and the short validation itself."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.__main__ import main
from engine.commands.output import DONE, FAILED
from engine.emulation import tables
from engine.emulation.fabric import FabricName
from engine.emulation.prediction import predict
from engine.emulation.scenarios import FILE, LOSS_CLASSES, Scenario, chosen, scenarios
from engine.emulation.scores import errors, measured, meets_floors, summary


def named(name: str) -> Scenario:
    return next(one for one in scenarios() if one.id == name)


def row(name: str, *, median: float, closed: float, loss_class: str = "none", **more: Any) -> dict[str, Any]:
    """A scenario of which ten samples are alike."""
    found = measured([median] * 10)
    predicted = {"closed_s": closed, "monte_carlo_s": closed, "naive_s": 0.5, "monte_carlo_p95_s": closed}
    told = {"id": name, "held_out": False, "unstable": False, "invalid": [], "loss_class": loss_class}
    return told | {"measured": found, "errors": errors(found, predicted)} | more


def test_the_list_is_what_was_promised() -> None:
    lines = {one.line.name: one.line for one in scenarios()}
    assert len(lines) >= 4
    assert sum(line.held_out for line in lines.values()) >= 2
    assert len({one.id for one in scenarios()}) == len(scenarios()) == len(json.loads(FILE.read_bytes())["scenarios"])
    assert all(one.samples >= (150 if one.loss >= 0.05 else 40) for one in scenarios())
    assert {one.workload.kind for one in scenarios()} == {
        "star", "shared_medium", "line", "split", "federated_round", "bulk", "stream",
    }  # fmt: skip
    assert any(one.transport == "coap" and one.loss for one in scenarios())
    assert any(one.line.jitter_s for one in scenarios())
    assert any(one.line.fragment_payload and one.loss for one in scenarios())
    unstable = [one for one in scenarios() if one.unstable]
    assert unstable == [one for one in scenarios() if one.workload.kind == "line" and one.loss >= 0.05]
    for name in LOSS_CLASSES:
        assert any(one.line.held_out for one in scenarios() if one.loss_class == name)


def test_the_short_one_is_part_of_the_long_one() -> None:
    ids = {one.id for one in scenarios()}
    assert {one.id for one in chosen(quick=True)} < ids
    assert {one.loss_class for one in chosen(quick=True)} == set(LOSS_CLASSES)
    assert len(chosen(quick=False)) == len(ids)


def test_the_naive_formula() -> None:
    scenario = named("ble_1m/line/0%")
    payload_rate = 1e6 * 1228 / 1280
    assert predict(scenario).naive_s == pytest.approx(0.02 + 8 * 1024 / payload_rate + 4 * 0.03)


def test_the_closed_form_of_a_star() -> None:
    found = predict(named("wifi_20m/star/0%"))
    # Computation, the segment with its header of 52 bytes, the delay, and 0.3 ms for the host.
    assert found.closed_s == pytest.approx(0.02 + 8 * (256 + 52) / 20e6 + 0.005 + 0.0003, abs=1e-6)
    assert found.monte_carlo_s == pytest.approx(found.closed_s, rel=1e-3)


def test_the_same_seed_predicts_the_same() -> None:
    assert predict(named("wifi_20m/split-8k/1%")) == predict(named("wifi_20m/split-8k/1%"))


def test_errors_and_means() -> None:
    rows = [row("a", median=1.0, closed=1.1), row("b", median=2.0, closed=1.6), row("c", median=1.0, closed=9.0)]
    rows[2]["invalid"] = ["packets were late"]
    found = summary([*rows, row("d", median=1.0, closed=5.0, unstable=True)])
    assert found["classes"]["none"]["mape"]["closed"] == pytest.approx(0.15)
    assert found["classes"]["none"]["mape"]["naive"] == pytest.approx((0.5 + 0.75) / 2)
    assert (found["scenarios"], found["counted"]) == (4, 2)
    assert (found["invalid"], found["unstable"]) == (["c"], ["d"])
    assert found["classes"]["low"]["scenarios"] == 0


def test_intervals_hold_the_statistic() -> None:
    found = measured([0.1 * k for k in range(1, 101)])
    assert found["median_s"] == pytest.approx(5.05)
    low, high = found["median_ci95_s"]
    assert 3.8 < low < 5.05 < high < 6.3
    low, high = found["p95_ci95_s"]
    assert 8.5 < low < found["p95_s"] < high <= 10.0


def test_floors() -> None:
    good = [row("a", median=1.0, closed=1.09), row("b", median=1.0, closed=1.14, loss_class="low")]
    assert meets_floors(summary(good))
    assert not meets_floors(summary(good[:1])), "a class without a scenario shows nothing"
    assert not meets_floors(summary([*good, row("c", median=1.0, closed=1.2)]))


def test_the_page_names_what_was_not_counted() -> None:
    rows = [row("a", median=1.0, closed=1.1), row("b", median=1.0, closed=1.1, invalid=["packets were late"])]
    more = {
        "title": "link",
        "transport": "tcp",
        "workload": {"kind": "bulk", "size": 128_000, "devices": 1},
        "loss": 0.0,
        "load": 1.0,
    }
    rows = [one | more for one in rows] + [{**rows[1], **more, "id": "c", "measured": None, "invalid": ["no answer"]}]
    host = {"processors": 2, "system": "Linux", "kernel": "6"}
    result = {"at": "2030-01-02", "seconds": 60.0, "fabric": "tun", "host": host, "rows": rows}
    text = tables.page(result | {"summary": summary(rows)})
    assert "- `b`: INVALID, packets were late" in text
    assert "- `c`: INVALID, no answer" in text
    assert "| link | bulk, 128 kB | 0 % | 10 | 1000.0 (1000.0 to 1000.0) |" in text
    assert "+10.0 %" in text


@pytest.mark.slow
@pytest.mark.alone
def test_the_short_validation(real_fabric: FabricName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it on real packets; how close the models come on a calm machine is told by the page of results."""
    if real_fabric != "tun":
        pytest.skip("once is enough: on the best tier")
    monkeypatch.setenv("EDGELOOM_HOME", str(tmp_path))
    code = main(["emulate", "validate", "--quick", "--results", str(tmp_path / "results"), "--json", "-"])
    result = json.loads((tmp_path / "validation.json").read_bytes())
    assert code == (DONE if meets_floors(result["summary"]) else FAILED)
    assert [one["id"] for one in result["rows"]] == [one.id for one in chosen(quick=True)]
    for one in result["rows"]:
        watched = one["watched"]
        assert watched["failures"] == watched["dropped"] == 0
        assert watched["wire_bytes"] > watched["payload_bytes"] > 0
        if one["loss"] == 0:
            # A busy host makes packets late, which is found and told; nothing makes them early.
            assert watched["lost"] == 0
            assert one["measured"]["median_s"] >= 0.95 * one["predicted"]["monte_carlo_s"]
    assert (tmp_path / "results" / "emulation.md").read_text() == tables.page(result)
