"""What a teacher makes of samples is asked once, and found only for the same teacher and the same samples."""

from pathlib import Path

import numpy as np
import pytest

from engine.inference.nonn import remembered as records
from engine.inference.nonn.remembered import Outputs, digest_of, remembered, tidy
from engine.models.model import models
from tests.engine.inference.classroom import SAMPLE

WEIGHTS = {"a": np.arange(4, dtype=np.float32)}
X = np.ones((3, 2), np.float32)


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGELOOM_HOME", str(tmp_path))


def made(asked: list[int]) -> Outputs:
    asked.append(1)
    return {"filters": np.full((3, 5), 0.1, np.float32), "logits": np.full((3, 2), len(asked), np.float32)}


def test_the_same_teacher_is_asked_once() -> None:
    asked: list[int] = []
    first, second = (remembered(digest_of(WEIGHTS), X, lambda: made(asked)) for _ in range(2))
    assert len(asked) == 1
    assert all(np.array_equal(first[name], second[name]) for name in ("filters", "logits"))


def test_other_weights_and_other_samples_are_asked_for() -> None:
    asked: list[int] = []
    remembered(digest_of(WEIGHTS), X, lambda: made(asked))
    remembered(digest_of({"a": WEIGHTS["a"] + 1e-6}), X, lambda: made(asked))
    remembered(digest_of(WEIGHTS), X * 2, lambda: made(asked))
    assert len(asked) == 3


def test_the_oldest_records_make_room() -> None:
    asked: list[int] = []
    for number in range(3):
        remembered(digest_of(WEIGHTS), X + number, lambda: made(asked))
    size = next(records.folder().iterdir()).stat().st_size
    tidy(most_bytes=2 * size)
    assert len(list(records.folder().iterdir())) == 2


def test_a_folder_that_cannot_be_written_costs_no_result() -> None:
    records.folder().parent.mkdir(parents=True)
    records.folder().write_text("a file where the folder should be")
    assert set(remembered(digest_of(WEIGHTS), X, lambda: made([]))) == {"filters", "logits"}
    tidy()


def test_the_width_of_lenet_scales_its_layers() -> None:
    counts = [models["lenet5"](width=width).declare(SAMPLE.model_copy(update={"shape": (1, 28, 28)})).num_parameters
              for width in (0.5, 1.0)]  # fmt: skip
    assert counts == [15_738, 61_706]
