"""Rounds over links that change: the same learning, other times."""

from pathlib import Path
from typing import Any

import pytest

from engine.network.spec import NetworkSpec
from tests.engine.federated.worlds import context, run, task


def round_times(folder: Path, schedules: list[dict[str, Any]]) -> list[tuple[float, float]]:
    """Accuracy and seconds of each round."""
    spec = NetworkSpec.model_validate({"schedules": schedules})
    _, events = run(task(rounds=4), context(folder, network=spec))
    values: list[Any] = [event.body["values"] for event in events if event.kind == "metrics"]
    return [(value["accuracy"], value["round_time_s"]) for value in values]


def test_rounds_of_a_run_go_by_their_number(tmp_path: Path) -> None:
    slow = {"link": "wifi4_linux", "clock": "round", "period": 4, "steps": [{}, {"start": 2, "rate": 0.001}]}
    plain, changed = round_times(tmp_path, []), round_times(tmp_path, [slow])
    assert [accuracy for accuracy, _ in changed] == [accuracy for accuracy, _ in plain]
    assert [seconds for _, seconds in changed[:2]] == pytest.approx([seconds for _, seconds in plain[:2]])
    assert all(late > 1.2 * early for (_, late), (_, early) in zip(changed[2:], plain[2:], strict=True))


def test_rounds_of_a_run_go_by_the_time_of_day(tmp_path: Path) -> None:
    plain = [seconds for _, seconds in round_times(tmp_path, [])]
    later = plain[0] * 0.5
    changed = [
        seconds
        for _, seconds in round_times(tmp_path, [{"period": 1e6, "steps": [{}, {"start": later, "rate": 0.001}]}])
    ]
    assert changed[0] == pytest.approx(plain[0])
    assert all(late > 1.2 * early for late, early in zip(changed[1:], plain[1:], strict=True))
