"""Every drift leaves data alone until it begins, keeps numbers and types, and does the same every time."""

import numpy as np
import pytest

from engine.core.registry import kind_of
from engine.core.sample import SampleSpec
from engine.core.streams import stream
from engine.data.drift import Drift, drifts

IMAGES = SampleSpec(kind="image", shape=(1, 6, 6), num_classes=4)
TOKENS = SampleSpec(kind="tokens", shape=(5,), num_classes=9, vocabulary=9, per_position=True)

every = pytest.mark.parametrize("cls", drifts.members().values(), ids=drifts.members())


def samples() -> tuple[np.ndarray, np.ndarray]:
    draw = stream(3, "samples")
    return draw.standard_normal((20, 1, 6, 6), dtype=np.float32), draw.integers(0, 4, 20)


@every
def test_nothing_changes_before_its_time(cls: type[Drift]) -> None:
    drift = cls(start_round=4, groups=3, lag_rounds=2)
    assert [drift.stage_of(0, number) > 0 for number in (1, 3, 4, 5)] == [False, False, True, True]
    assert [drift.stage_of(5, number) > 0 for number in (7, 8)] == [False, True], "group 2 begins four rounds later"
    assert drift.stages(6, 3) == {0.0: 1.0}


@every
def test_shares_of_stages_are_those_of_the_clients(cls: type[Drift]) -> None:
    drift = cls(start_round=2, groups=3, lag_rounds=1)
    for number in range(1, 12):
        counted: dict[float, float] = {}
        for client in range(7):
            stage = drift.stage_of(client, number)
            counted[stage] = counted.get(stage, 0) + 1 / 7
        assert drift.stages(7, number) == pytest.approx(counted)


@every
def test_samples_keep_their_number_shape_and_type(cls: type[Drift]) -> None:
    drift = cls()
    assert not drift.check(IMAGES)
    x, y = samples()
    before = x.copy(), y.copy()
    stage = drift.stage(3)
    changed = [drift.change(x, y, stage, stream(0, "drift", 1)) for _ in range(2)]
    for one in changed:
        assert (one[0].shape, one[0].dtype) == (x.shape, x.dtype)
        assert (one[1].shape, one[1].dtype) == (y.shape, y.dtype)
    assert all(np.array_equal(*pair) for pair in zip(*changed, strict=True)), "the same every time"
    assert not all(np.array_equal(*pair) for pair in zip(changed[0], before, strict=True)), "something changes"
    assert np.array_equal(x, before[0])
    assert np.array_equal(y, before[1])


@every
def test_samples_that_cannot_change_so_are_refused_or_work(cls: type[Drift]) -> None:
    drift = cls()
    if drift.check(TOKENS):
        return
    x = stream(0, "x").integers(0, 9, (4, 5))
    changed, y = drift.change(x, x, drift.stage(0), stream(0, "drift", 1))
    assert changed.shape == y.shape == x.shape


def test_the_list() -> None:
    assert [kind_of(cls) for cls in drifts.members().values()] == ["label_swap", "rotation", "sensor_noise"]
