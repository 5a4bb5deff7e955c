"""What every partitioner must do, tested on every member."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.errors import SpecError
from engine.core.streams import stream
from engine.data.datasets.digits import Digits
from engine.data.datasets.shakespeare import Shakespeare
from engine.data.partitioner import Partitioner, partitioners

MEMBERS = list(partitioners.members())
NO_SKEW = {"iid", "natural", "by_user", "feature_shift"}
"""Members that declare no parameter by which labels or sizes differ: parts are alike, given by the data, or differ in
what their samples look like."""

LABELS = stream(0, "labels").integers(0, 10, 4000)
OWNERS = np.arange(4000) % 25


def made(kind: str) -> Partitioner:
    """The member with its default parameters."""
    return partitioners[kind].model_validate({"kind": kind})


def digest(kind: str, seed: int) -> str:
    """Digest of the bytes of a partition."""
    parts = made(kind).split(LABELS, 20, seed, OWNERS)
    return hashlib.sha256(b"|".join(part.tobytes() for part in parts)).hexdigest()


def difference(parts: list[np.ndarray]) -> float:
    """How much clients differ: mean total variation of their labels from the whole, plus the spread of sizes."""
    whole = np.bincount(LABELS, minlength=10) / len(LABELS)
    sizes = np.array([len(part) for part in parts])
    shares = [np.bincount(LABELS[part], minlength=10) / len(part) for part in parts]
    return float(np.mean([np.abs(share - whole).sum() / 2 for share in shares]) + sizes.std() / sizes.mean())


@pytest.mark.parametrize("kind", MEMBERS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_nothing_is_lost_or_doubled(kind: str, data: st.DataObject) -> None:
    labels = np.array(data.draw(st.lists(st.integers(0, 5), min_size=1, max_size=120)))
    owners = np.arange(len(labels)) % data.draw(st.integers(1, len(labels)))
    num_clients = int(owners.max()) + 1
    seed = data.draw(st.integers(0, 2**40))
    partitioner = made(kind)
    if partitioner.check(len(labels), int(labels.max()) + 1, num_clients):
        with pytest.raises(SpecError):
            partitioner.split(labels, num_clients, seed, owners)
        return
    parts = partitioner.split(labels, num_clients, seed, owners)
    assert len(parts) == num_clients
    assert all(part.dtype == np.int64 and len(part) for part in parts)
    assert all(np.all(np.diff(part) > 0) for part in parts)
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(len(labels)))


@pytest.mark.parametrize("kind", MEMBERS)
def test_the_seed_decides(kind: str) -> None:
    assert digest(kind, 1) == digest(kind, 1)
    if kind != "natural":
        assert digest(kind, 1) != digest(kind, 2)


@pytest.mark.slow
def test_another_process_makes_the_same_bytes() -> None:
    code = (
        "from tests.conformance.test_partitioners import MEMBERS, digest; print(*[digest(kind, 7) for kind in MEMBERS])"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "123"}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert found.stdout.split() == [digest(kind, 7) for kind in MEMBERS]


@pytest.mark.parametrize("kind", [kind for kind in MEMBERS if partitioners[kind].more_skewed])
def test_skew_moves_with_its_parameter(kind: str) -> None:
    cls = partitioners[kind]
    assert cls.more_skewed is not None
    assert cls.less_skewed is not None
    more, less = (cls.model_validate(parameters) for parameters in (cls.more_skewed, cls.less_skewed))
    for seed in range(3):
        assert difference(more.split(LABELS, 20, seed)) > difference(less.split(LABELS, 20, seed)) + 0.1


def test_who_declares_no_skew() -> None:
    assert {kind for kind in MEMBERS if partitioners[kind].more_skewed is None} == NO_SKEW


@pytest.mark.parametrize("kind", [kind for kind in MEMBERS if not partitioners[kind].needs_owners])
def test_more_clients_than_samples_is_told_beforehand(kind: str) -> None:
    codes = {problem.code for problem in made(kind).check(num_samples=10, num_classes=10, num_clients=11)}
    assert "too_few_samples" in codes


@pytest.mark.parametrize("kind", MEMBERS)
def test_shifted_samples_are_the_same_every_time(kind: str) -> None:
    x = stream(0, "x").standard_normal((30, 1, 8, 8), dtype=np.float32)
    before = x.copy()
    shifted = [made(kind).shift(x, client, 4, seed=5) for client in (3, 3, 2)]
    assert shifted[0].shape == x.shape
    assert shifted[0].dtype == x.dtype
    assert np.array_equal(shifted[0], shifted[1])
    assert np.array_equal(x, before)
    assert made(kind).shifts_samples == (not np.array_equal(shifted[0], shifted[2]))
    assert made(kind).shifts_samples == (shifted[0] is not x)


@pytest.mark.parametrize("kind", MEMBERS)
def test_what_a_data_set_lacks_is_told_without_loading_it(kind: str) -> None:
    """Digits have no users; Shakespeare has roles, tokens, and no single label per sample."""
    cls = partitioners[kind]
    assert [p.code for p in made(kind).suits(Digits(), 5)] == (["no_natural_clients"] if cls.needs_owners else [])
    if cls.needs_owners:
        with pytest.raises(SpecError, match="clients of its own"):
            made(kind).split(LABELS, 5, 0)
    expected = ["no_single_label"] if cls.needs_labels else ["does_not_fit"] if cls.shifts_samples else []
    assert [p.code for p in made(kind).suits(Shakespeare(), 5)] == expected
