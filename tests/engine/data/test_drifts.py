"""Drifts by hand."""

import numpy as np
import pytest

from engine.core.sample import SampleSpec
from engine.core.streams import stream
from engine.data.drifts.label_swap import LabelSwap
from engine.data.drifts.rotation import Rotation
from engine.data.drifts.sensor_noise import SensorNoise

DRAW = stream(0, "drift", 0)


def test_labels_change_places_and_come_back() -> None:
    drift = LabelSwap(start_round=3, first=0, second=2, period_rounds=2)
    assert [drift.stage_of(0, number) for number in range(1, 9)] == [0, 0, 1, 1, 0, 0, 1, 1]
    x, y = np.zeros((4, 1), np.float32), np.array([0, 1, 2, 0])
    assert drift.change(x, y, 1.0, DRAW)[1].tolist() == [2, 1, 0, 2]


def test_classes_that_there_are_not() -> None:
    sample = SampleSpec(kind="features", shape=(2,), num_classes=3)
    found = LabelSwap(first=3, second=3).check(sample)
    assert [(one.path, one.code) for one in found] == [
        ("first", "out_of_range"), ("second", "out_of_range"), ("second", "same_class"),
    ]  # fmt: skip
    assert "0 to 2" in found[0].message
    assert "3 was given" in found[0].message


def test_images_turn_to_a_quarter() -> None:
    """By 90 degrees in the end, which needs no interpolation."""
    drift = Rotation(start_round=1, speed_deg=40, most_deg=90)
    assert [drift.stage_of(0, number) for number in (1, 2, 3, 4)] == [40, 80, 90, 90]
    x = np.arange(9, dtype=np.float32).reshape(1, 1, 3, 3)
    turned, _ = drift.change(x, np.zeros(1, np.int64), 90.0, DRAW)
    assert turned[0, 0] == pytest.approx(np.rot90(x[0, 0]), abs=1e-5)


def test_noise_has_the_deviation_that_it_says() -> None:
    drift = SensorNoise(start_round=1, growth=0.1, most=0.25)
    assert [drift.stage_of(0, number) for number in (1, 2, 3)] == pytest.approx([0.1, 0.2, 0.25])
    x = np.zeros((200, 1, 8, 8), np.float32)
    first, _ = drift.change(x, np.zeros(200, np.int64), 0.1, stream(0, "drift", 0))
    later, _ = drift.change(x, np.zeros(200, np.int64), 0.2, stream(0, "drift", 0))
    assert first.std() == pytest.approx(0.1, rel=0.02)
    assert later == pytest.approx(2 * first, rel=1e-5), "the same noise, grown"
