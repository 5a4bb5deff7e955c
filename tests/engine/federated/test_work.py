"""What strategies compute beside plain local steps counts in time and energy."""

from pathlib import Path

import pytest

from tests.engine.federated import worlds


@pytest.mark.parametrize(
    ("strategy", "factor"),
    [
        ({"kind": "ditto"}, 2.0),
        ({"kind": "moon"}, 5 / 3),
        ({"kind": "moon", "mu": 0}, 1.0),
        ({"kind": "qfedavg"}, 1 + 1 / 6),
        ({"kind": "ifca", "num_models": 3}, 1.5),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else f"{value:.2f}",
)
def test_computing_counts(strategy: dict[str, object], factor: float, tmp_path: Path) -> None:
    """Forward passes are a third of a training pass; two epochs, so a pass over the samples is half of that."""
    local = {"epochs": 2, "batch_size": 16, "lr": 0.1}
    plain = worlds.task(local=local).expected_trace(worlds.context(tmp_path))
    other = worlds.task(local=local, strategy=strategy).expected_trace(worlds.context(tmp_path))
    counted = [sum(work.macs.values()) for trace in (plain, other) for work in trace.works]
    assert counted[1] / counted[0] == pytest.approx(factor, rel=1e-3)
