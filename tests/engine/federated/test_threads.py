"""Several threads for one run: the same state and the same events, whichever way clients are computed."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.core.threads import Team
from engine.training import cohort, plans
from tests.engine.federated.worlds import as_json, context, run, same_tensors, task

WAYS: dict[str, dict[str, Any]] = {
    "stacks": {"sampler": {"kind": "uniform", "num_clients": 8}},
    "single weights": {"strategy": {"kind": "scaffold"}},
    "clients side by side": {"model": {"kind": "resnet8"}, "sampler": {"kind": "uniform", "num_clients": 3}},
    "losses first": {"sampler": {"kind": "power_of_choice", "num_clients": 3, "candidates": 6}},
    "asynchronous": {"scheduler": {"kind": "buffered", "buffer_size": 2}, "rounds": 4},
}


@pytest.mark.parametrize("way", WAYS)
def test_threads_change_nothing(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cohort, "PART_ROWS", 20)
    monkeypatch.setattr(plans, "CLIENTS_PER_BLOCK", 4)
    work = task(**WAYS[way])
    state, events = run(work, context(tmp_path))
    again, told = run(work, replace(context(tmp_path), team=Team(3)))
    assert same_tensors(state, again)
    assert as_json(events) == as_json(told)
