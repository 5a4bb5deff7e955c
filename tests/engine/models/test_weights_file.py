"""Weights of strangers: what is read, and that all problems of a file are told at once."""

import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch

from engine.core.errors import SpecError
from engine.core.sample import SampleSpec
from engine.models import weights_file
from engine.models.model import models
from engine.models.weights import initial
from engine.models.weights_file import check_upload

SAMPLE = SampleSpec(kind="image", shape=(1, 8, 8), num_classes=4)
MODEL = models["mlp"](hidden=(3,))
NORMALIZED = models["ds_cnn"](channels=2, num_blocks=1)
WEIGHTS = initial(MODEL.declare(SAMPLE), 1)


def problems(path: Path, model: object = MODEL) -> list[tuple[str, str]]:
    with pytest.raises(SpecError) as caught:
        check_upload(path, model, SAMPLE)  # type: ignore[arg-type]
    return [(problem.path, problem.code) for problem in caught.value.problems]


def message(path: Path) -> str:
    with pytest.raises(SpecError) as caught:
        check_upload(path, MODEL, SAMPLE)
    return str(caught.value)


def test_the_weights_come_back_in_order(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_file(dict(reversed(WEIGHTS.items())), path)
    found = check_upload(path, MODEL, SAMPLE)
    assert list(found) == list(WEIGHTS)
    assert all(np.array_equal(found[name], WEIGHTS[name]) and found[name].dtype == np.float32 for name in WEIGHTS)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_other_number_formats_become_float32(tmp_path: Path, dtype: torch.dtype) -> None:
    path = tmp_path / "a.safetensors"
    given = {name: torch.from_numpy(value).to(dtype) for name, value in WEIGHTS.items()}
    save_torch(given, path)
    found = check_upload(path, MODEL, SAMPLE)
    assert all(np.array_equal(found[name], given[name].float().numpy()) for name in WEIGHTS)


def test_a_network_as_torch_saves_it(tmp_path: Path) -> None:
    """With the counters of batches that torch's normalization has and nothing reads."""
    weights = initial(NORMALIZED.declare(SAMPLE), 1)
    counters = {
        name.replace("running_mean", "num_batches_tracked"): np.array(7) for name in weights if "running_mean" in name
    }
    path = tmp_path / "a.safetensors"
    save_file({**weights, **counters}, path)
    assert list(check_upload(path, NORMALIZED, SAMPLE)) == list(weights)


def test_all_problems_at_once(tmp_path: Path) -> None:
    wrong = {
        "fc1.weight": WEIGHTS["fc1.weight"].T.copy(),
        "fc1.bias": np.array([0, np.inf, np.nan], dtype=np.float32),
        "head.weight": WEIGHTS["head.weight"].astype(np.int32),
        "layer4.weight": np.zeros(3, dtype=np.float32),
    }
    path = tmp_path / "a.safetensors"
    save_file(wrong, path)
    assert problems(path) == [
        ("", "missing"), ("", "unknown"), ("fc1.bias", "not_finite"), ("fc1.weight", "shape"),
        ("head.weight", "number_format"),
    ]  # fmt: skip
    text = message(path)
    for words in (
        "tensors of the network are missing (1): head.bias",
        "tensors are not of the network (1): layer4.weight; allowed are 4 names: fc1.weight, fc1.bias",
        "fc1.weight: the shape must be 3x64; 64x3 was given",
        "2 of 3 are not",
        "numbers must be F64, F32, F16, BF16; I32 was given",
    ):
        assert words in text


def test_a_negative_variance_and_a_number_beyond_float32(tmp_path: Path) -> None:
    weights = {name: value.astype(np.float64) for name, value in initial(NORMALIZED.declare(SAMPLE), 1).items()}
    weights["norm1.running_var"][1] = -0.5
    weights["head.bias"][0] = 1e300
    path = tmp_path / "a.safetensors"
    save_file(weights, path)
    assert problems(path, NORMALIZED) == [("head.bias", "not_finite"), ("norm1.running_var", "negative")]


def test_a_pickle_is_refused_with_the_way_out(tmp_path: Path) -> None:
    torch.save({"fc1.weight": torch.zeros(2)}, tmp_path / "a.pt")
    (tmp_path / "b.pth").write_bytes(pickle.dumps({"x": 1}))
    with zipfile.ZipFile(tmp_path / "c.safetensors", "w") as archive:
        archive.writestr("data.pkl", b"x")
    for path in sorted(tmp_path.iterdir()):
        assert problems(path) == [("", "pickle")]
        assert "save_file" in message(path)


@pytest.mark.parametrize(
    "content",
    [b"", b"short", b"\xff" * 100, (10).to_bytes(8, "little") + b"not json!!", (2).to_bytes(8, "little") + b"[]"],
)
def test_what_is_no_safetensors_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.safetensors").write_bytes(content)
    assert problems(tmp_path / "a.safetensors") == [("", "malformed")]


@pytest.mark.parametrize("place", [[0, 8], [-12, 0], [1_000_000, 1_000_012], [4, 0], "x", None, [0, 12.0]])
def test_bytes_outside_of_the_file_are_not_read(tmp_path: Path, place: object) -> None:
    path = tmp_path / "a.safetensors"
    save_file(WEIGHTS, path)
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    header["fc1.bias"]["data_offsets"] = place
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + size :])
    assert problems(path) == [("fc1.bias", "malformed")]


def test_entries_that_are_no_entries(tmp_path: Path) -> None:
    header = json.dumps(dict.fromkeys(WEIGHTS, 3)).encode()
    (tmp_path / "a.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    assert problems(tmp_path / "a.safetensors") == [(name, "shape") for name in sorted(WEIGHTS)]


def test_a_file_that_is_too_large_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights_file, "MOST_BYTES", 10)
    (tmp_path / "a.safetensors").write_bytes(b"x" * 11)
    assert "may have 10 bytes; 11 were given" in message(tmp_path / "a.safetensors")


def test_a_model_that_does_not_fit_the_samples(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(b"")
    assert problems(tmp_path / "a.safetensors", models["char_lstm"]()) == [("", "does_not_fit")]
