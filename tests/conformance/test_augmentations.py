"""What every augmentation must do, tested on every member."""

import numpy as np
import pytest

from engine.core.sample import SampleSpec
from engine.core.streams import stream
from engine.training.augmentation import Augmentation, augmentations

MEMBERS = list(augmentations.members())
SAMPLES = {
    "image": SampleSpec(kind="image", shape=(3, 12, 10), num_classes=10),
    "sequence": SampleSpec(kind="sequence", shape=(12, 10), num_classes=10),
    "features": SampleSpec(kind="features", shape=(10,), num_classes=10),
    "tokens": SampleSpec(kind="tokens", shape=(10,), num_classes=10, vocabulary=10),
}


def made(kind: str) -> Augmentation:
    """The member with its default parameters."""
    return augmentations[kind].model_validate({"kind": kind})


@pytest.mark.parametrize("kind", MEMBERS)
def test_shape_type_and_input_are_kept(kind: str) -> None:
    for name in augmentations[kind].sample_kinds:
        for dtype in (np.float32, np.float64):
            x = stream(0, "x").standard_normal((40, *SAMPLES[name].shape)).astype(dtype)
            x.flags.writeable = False
            found = made(kind).apply(x, stream(1, "draw"))
            assert found.shape == x.shape
            assert found.dtype == x.dtype
            assert found.flags.c_contiguous
            assert not np.array_equal(found, x)
            assert np.array_equal(found, made(kind).apply(x, stream(1, "draw")))
            assert not np.array_equal(found, made(kind).apply(x, stream(2, "draw")))


@pytest.mark.parametrize("kind", MEMBERS)
def test_what_is_drawn_does_not_depend_on_values(kind: str) -> None:
    """Else two strategies with one seed would see different batches."""
    for name in augmentations[kind].sample_kinds:
        after = []
        for value in (0.0, 1.0):
            draw = stream(1, "draw")
            made(kind).apply(np.full((8, *SAMPLES[name].shape), value, dtype=np.float32), draw)
            after.append(draw.random())
        assert after[0] == after[1]


@pytest.mark.parametrize("kind", MEMBERS)
def test_kinds_of_samples_that_it_does_not_change_are_told(kind: str) -> None:
    for name, sample in SAMPLES.items():
        codes = [problem.code for problem in made(kind).check(sample)]
        assert codes == ([] if name in augmentations[kind].sample_kinds else ["does_not_fit"])
