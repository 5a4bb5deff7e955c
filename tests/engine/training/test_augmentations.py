"""Augmentations by hand, and in training."""

import numpy as np
import pytest

from engine.core.sample import SampleSpec
from engine.core.streams import stream
from engine.training.augmentation import augmented
from engine.training.augmentations.crop import Crop
from engine.training.augmentations.cutout import Cutout
from engine.training.augmentations.flip import Flip
from engine.training.augmentations.time_shift import TimeShift


class Fixed:
    """Gives these numbers instead of drawn ones."""

    def __init__(self, *numbers: object) -> None:
        self.numbers = [np.array(number) for number in numbers]

    def integers(self, *_: object) -> np.ndarray:
        return self.numbers.pop(0)

    random = integers


IMAGE = np.arange(1, 10, dtype=np.float32).reshape(1, 1, 3, 3)


@pytest.mark.parametrize(
    ("top", "left", "expected"),
    [
        (1, 1, [1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (0, 1, [0, 0, 0, 1, 2, 3, 4, 5, 6]),
        (2, 0, [0, 4, 5, 0, 7, 8, 0, 0, 0]),
    ],
)
def test_crop_by_hand(top: int, left: int, expected: list[int]) -> None:
    found = Crop(padding=1).apply(IMAGE, Fixed([[top], [left]]))  # type: ignore[arg-type]
    assert found.ravel().tolist() == expected


def test_crop_moves_each_image_by_itself() -> None:
    x = np.repeat(np.repeat(IMAGE, 2, axis=1), 2, axis=0)
    found = Crop(padding=1).apply(x, Fixed([[1, 0], [1, 1]]))  # type: ignore[arg-type]
    assert np.array_equal(found[0], x[0])
    assert found[1, 0].ravel().tolist() == found[1, 1].ravel().tolist() == [0, 0, 0, 1, 2, 3, 4, 5, 6]


def test_flip_by_hand() -> None:
    found = Flip(probability=0.3).apply(np.repeat(IMAGE, 2, axis=0), Fixed([0.2, 0.3]))  # type: ignore[arg-type]
    assert found[0].ravel().tolist() == [3, 2, 1, 6, 5, 4, 9, 8, 7]
    assert np.array_equal(found[1], IMAGE[0])


def test_cutout_by_hand() -> None:
    whole = Cutout(size=2).apply(IMAGE, Fixed([1], [2]))  # type: ignore[arg-type]
    assert whole.ravel().tolist() == [1, 0, 0, 4, 0, 0, 7, 8, 9]
    at_the_border = Cutout(size=2).apply(IMAGE, Fixed([0], [0]))  # type: ignore[arg-type]
    assert at_the_border.ravel().tolist() == [0, 2, 3, 4, 5, 6, 7, 8, 9]
    assert [p.path for p in Cutout(size=9).check(SampleSpec(kind="image", shape=(1, 8, 8), num_classes=2))] == ["size"]


def test_time_shift_by_hand() -> None:
    later = TimeShift(most_frames=1).apply(IMAGE, Fixed([1]))  # type: ignore[arg-type]
    assert later.ravel().tolist() == [1, 2, 3, 1, 2, 3, 4, 5, 6]
    earlier = TimeShift(most_frames=2).apply(IMAGE[0] * -1, Fixed([-2]))  # type: ignore[arg-type]
    assert earlier.ravel().tolist() == [-7, -8, -9, -7, -8, -9, -7, -8, -9]
    sample = SampleSpec(kind="sequence", shape=(5, 8), num_classes=2)
    assert [p.path for p in TimeShift(most_frames=5).check(sample)] == ["most_frames"]


def test_steps_follow_each_other() -> None:
    draw, again = stream(0, "a"), stream(0, "a")
    x = np.repeat(IMAGE, 5, axis=0)
    steps = (Crop(padding=1), Flip())
    assert np.array_equal(augmented(steps, x, draw), steps[1].apply(steps[0].apply(x, again), again))
